"""Names that a server takes for the method that is meant, found in one pass.

Rack and Rails, Symfony and Laravel, CakePHP, Yii and Spring read ``_method`` of a form
that is posted, Laravel of JSON as well; WordPress, Symfony and Spring read it of the
query. Salesforce calls it ``_HttpMethod``, Catalyst ``x-tunneled-method``, Firebase and
ASP.NET as the header is called. None of these may be said, by whatever spelling: PHP
makes ``_`` of a dot, a blank or ``[`` in a name, and drops what is before or behind it;
Rack before 2.2 drops brackets; ASP.NET knows ``%uXXXX``.

Text is brought to one spelling of a few characters first (`plain`), so that each
pattern is of single characters and its time grows with the text alone, however many
names there are.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

__all__ = ["BLANKS", "in_header", "in_json", "in_pairs", "plain"]

BLANKS = bytes(range(33)) + b"\x7f"
"""What servers drop around a name."""

_SEPARATES = re.compile(rb"(?i)%(?:u00)?(?:26|3b|3d|25)")
"""Encoded, it separates nothing: it is of the name, and no such name has it."""
_WIDE = re.compile(rb"(?i)%u00(?=[0-9a-f]{2})")

_SAME = bytes.maketrans(
    BLANKS[1:] + b"+._]%<>'",
    b" " * len(BLANKS[1:]) + b' --[?"""',
)
"""One blank, one dash, one bracket and one quote for all of them; ``\\0`` stays."""

_NAME = (
    rb"(?P<name>[\[-](?:http[ -]?)?method|x[ -](?:http[ -])?method[ -]override"
    rb"|x[ -](?:http|tunneled)[ -]method|[\[-][ -]method[ -]override[ -]{0,2})"
)
_IN_PAIRS = re.compile(rb'[&;][\0 \[]*%b[\0 "]*[\[\0&;=]' % _NAME)
_IN_HEADER = re.compile(rb'[:=][\0 "\[]*%b"*(?:[\0 \[;,"]|$)' % _NAME)


def plain(text: bytes) -> bytes:
    """`text` decoded, in lower case, with one character for all that count the same."""
    if b"%" in text:
        text = unquote_to_bytes(_WIDE.sub(b"%", _SEPARATES.sub(b"?", text)))
    return text.translate(_SAME).lower()


def in_pairs(text: bytes) -> str:
    """The name of a method in plain ``&name=value&``; empty if there is none."""
    return _found(_IN_PAIRS.search(text))


def in_header(text: bytes) -> str:
    """The name of a method among the plain values of a part's header, or empty."""
    return _found(_IN_HEADER.search(text))


def _found(match: re.Match[bytes] | None) -> str:
    if match is None:
        return ""
    name = match["name"].decode()
    return f"_{name[1:]}" if name[:1] in "[-" else name.replace(" ", "-")


def _escaped(name: bytes) -> bytes:
    """A pattern of `name` in JSON, with any of its characters escaped."""
    found = b""
    for char in name:
        codes = {char, ord(chr(char).upper())}
        ways = b"|".join(b"%02x" % code for code in sorted(codes))
        found += b"(?:%s|\\\\u00(?:%s))" % (re.escape(bytes([char])), ways)
    return found


_KEYS = (
    b"_method",
    b"_httpmethod",
    b"_http_method",
    b"x-http-method",
    b"x-http-method-override",
    b"x-method-override",
    b"x-tunneled-method",
)
_KEY = re.compile(b'"(?:%s)"' % b"|".join(map(_escaped, _KEYS)), re.IGNORECASE)


def in_json(text: bytes) -> bool:
    """Whether a key or a text of JSON is the name of a method."""
    return _KEY.search(text) is not None
