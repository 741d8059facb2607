"""Methods that a query or a body names: frameworks take them for the one that is meant.

Rack and Rails, Symfony and Laravel, CakePHP, Yii and Spring read ``_method`` of a form
that is posted, Laravel of JSON as well; WordPress, Symfony and Spring read it of the
query. Salesforce calls it ``_HttpMethod``, Firebase and ASP.NET as the header is
called. Where a grant names methods none of these may be said, by whatever spelling: PHP
makes ``_`` of a dot, a blank or ``[`` in a name, and drops what is before or behind it;
Rack before 2.2 drops brackets, and all of it finds a part's header within a line;
ASP.NET knows ``%uXXXX``. Servlets and Express decode names as the charset says.

A body is looked through as it passes, and nothing is kept of it but an end that may go
on. The piece that completes such a name is not passed on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import unquote_to_bytes

from lockgate_sandbox.broker._rule import RuleError, same_header

__all__ = ["Scan", "in_query", "scan_for"]

_PLAIN_NAMES = (
    b"_method",
    b"_httpmethod",
    b"_http_method",
    b"x-http-method",
    b"x-http-method-override",
    b"x-method-override",
)
_NAMES = frozenset(name.replace(b"_", b"-") for name in _PLAIN_NAMES)
_NAME_LIMIT_BYTES = 256
"""Longer than any of them with each character encoded."""

_HEADER_LIMIT_BYTES = 16 << 10
_VALUES_LIMIT = 64
_HEADER = b"content-"
_LINE_END = re.compile(rb"\r\n|\r|\n|(?=content-(?:disposition|id):)", re.IGNORECASE)
"""Or where a header begins in the middle of a line, as Rack's patterns have it."""

_BLANKS = bytes(range(33)) + b"\x7f"
_BLANK = rb"[\x00-\x20+]|%[01][0-9a-f]|%20"
_BRACKET = rb"[\[\]]|%5[bd]"
_BEFORE_NAME = re.compile(
    rb"^(?:%b|%b)+(?=%b)|^(?:%b)+" % (_BLANK, _BRACKET, _BRACKET, _BLANK),
    re.IGNORECASE,
)
"""What may be dropped of a name's beginning; of brackets one stays."""

_LIKE_ASCII = re.compile(
    r'charset\s*=\s*"?'
    r'(?:utf-?8|(?:us-)?ascii|latin-?1|iso-8859-\d+|windows-125\d)"?\s*(?=[;,]|$)'
)


class Scan(Protocol):
    """Looks a body through."""

    def feed(self, data: bytes, *, last: bool) -> None:
        """The next piece, which may pass unless this raises.

        Raises:
            RuleError: If a method is named.
        """
        ...


def in_query(query: str) -> str:
    """The parameter of `query` that names a method; empty if none does."""
    try:
        _Pairs().feed(query.lstrip("?").encode(), last=True)
    except RuleError as error:
        return str(error)
    return ""


def scan_for(headers: Sequence[tuple[str, str]]) -> Scan | None:
    """What looks a body with these headers through; None if it is no form to anybody.

    Raises:
        RuleError: If it is a form that can't be looked into.
    """
    said = [(same_header(name), value.lower().strip()) for name, value in headers]
    kinds = [value for name, value in said if name == "content-type"]
    scans: list[Scan] = []
    if not any(kinds) or any("urlencoded" in kind for kind in kinds):
        scans.append(_Pairs())  # Rack reads one without a type as a form
    if any("multipart" in kind for kind in kinds):
        scans.append(_Parts())
    if any("json" in kind for kind in kinds):
        scans.append(_Json())
    coded = [value for name, value in said if name == "content-encoding"]
    if scans and any(value != "identity" for value in coded):
        msg = "a compressed form may name a method that the grant does not give"
        raise RuleError(msg)
    if scans and not all(map(_is_like_ascii, kinds)):
        msg = "a form in that charset may name a method that the grant does not give"
        raise RuleError(msg)
    return _All(scans) if scans else None


def _is_like_ascii(kind: str) -> bool:
    """Whether each charset that `kind` names has ASCII's characters as ASCII has."""
    return len(_LIKE_ASCII.findall(kind)) == kind.count("charset")


class _All:
    """Several looks at one body, whose type is not certain."""

    def __init__(self, scans: Sequence[Scan]) -> None:
        self._scans = scans

    def feed(self, data: bytes, *, last: bool) -> None:
        """`Scan.feed`."""
        for scan in self._scans:
            scan.feed(data, last=last)


class _Pairs:
    """A query, or a body of ``application/x-www-form-urlencoded``."""

    def __init__(self) -> None:
        self._name: bytes | None = b""  # None: in a value

    def feed(self, data: bytes, *, last: bool) -> None:
        """`Scan.feed`."""
        for number, part in enumerate(re.split(rb"[&;]", data)):
            if number:
                self._judge()
                self._name = b""
            if self._name is None:
                continue
            more, mark, _ = part.partition(b"=")
            name = _BEFORE_NAME.sub(b"", self._name + more)
            self._name = name[:_NAME_LIMIT_BYTES]
            if mark:
                self._judge()
                self._name = None
        if last:
            self._judge()

    def _judge(self) -> None:
        if self._name:
            _judge(_decoded(self._name.replace(b"+", b" ")))


class _Parts:
    """A body of ``multipart/form-data``: the headers of its parts, wherever they are.

    Boundaries are not looked for: servers differ about them. So a line in a file that
    is like such a header counts as one.
    """

    def __init__(self) -> None:
        self._line = b""  # the one that has begun
        self._header = b""  # what came before it and may go on in it

    def feed(self, data: bytes, *, last: bool) -> None:
        """`Scan.feed`."""
        whole = self._line + data
        half = b"\r" if whole.endswith(b"\r") else b""  # its other one may be to come
        *lines, rest = _LINE_END.split(whole[:-1] if half else whole)
        for line in lines:
            self._take(line)
        if rest.lstrip(_BLANKS)[: len(_HEADER)].lower() == _HEADER or (
            self._header and rest[:1] in (b" ", b"\t")
        ):
            self._line = rest
        elif len(rest) > _NAME_LIMIT_BYTES:
            # Enough to see whether one begins in it; a line of blanks begins none.
            begun = rest.lstrip(_BLANKS)
            other = b"-" if len(begun) >= len(_HEADER) else b""
            self._line = other + begun[-_NAME_LIMIT_BYTES:]
        else:
            self._line = rest
        _check_size(self._line + self._header)
        if self._header:  # it may go on, but what has come may pass now
            _judge_header(self._header)
        if last:
            self._take(self._line)
            self._take(b"")
        self._line += half

    def _take(self, line: bytes) -> None:
        if self._header and line[:1] in (b" ", b"\t"):
            self._header = _check_size(self._header + line)
            return
        header, self._header = self._header, b""
        if header:
            _judge_header(header)
        if line.lstrip(_BLANKS)[: len(_HEADER)].lower() == _HEADER:
            self._header = _check_size(line)


def _check_size(header: bytes) -> bytes:
    """`header`, whose end need not have come, if it may be so long."""
    if len(header) > _HEADER_LIMIT_BYTES:
        msg = f"a part of the form has a header of over {_HEADER_LIMIT_BYTES} bytes"
        raise RuleError(msg)
    return header


def _judge_header(header: bytes) -> None:
    text = header.replace(b"\\", b"")
    if b"=?" in text or re.search(rb"(?i)(?<![\w-])name\s*\*", text):
        # RFC 7578 4.2 and 5.1: neither belongs there, and some servers decode it.
        msg = "a part's name is encoded, and may name a method"
        raise RuleError(msg)
    if b"method" not in _decoded(text).lower():
        return
    # Each of many values may be most of the header: they would fill the host's memory.
    if text.count(b"=") + text.count(b":") > _VALUES_LIMIT:
        msg = f"a part of the form has a header of over {_VALUES_LIMIT} values"
        raise RuleError(msg)
    for value in re.findall(rb"[:=](?=\s*([^;]*))", text):
        for name in (value, value.split(b",")[0].split(b"\t")[0].split(b" ")[0]):
            _judge(_decoded(name.strip(_BLANKS + b"\"'<>")))


def _decoded(name: bytes) -> bytes:
    return unquote_to_bytes(re.sub(rb"(?i)%u00(?=[0-9a-f]{2})", b"%", name))


def _judge(name: bytes) -> None:
    """Refuse a name that any server may read as one of `_NAMES`."""
    if b"method" not in name.lower():
        return
    for text in (name.lstrip(_BLANKS), name.lstrip(_BLANKS + b"[]")):
        whole = text.lower().partition(b"\0")[0]
        first = re.split(rb"[\[\]]", whole[1:])[0]
        plain = re.sub(rb"[ .\[_]", b"-", (whole[:1] + first).rstrip(_BLANKS + b"\"'"))
        if plain in _NAMES:
            shown = name[:40].decode("ascii", "backslashreplace").strip()
            msg = f"{shown!r} may ask for a method that the grant does not give"
            raise RuleError(msg)


def _escaped(name: bytes) -> bytes:
    """A pattern of `name` in JSON, with any of its characters escaped."""
    found = b""
    for char in name:
        codes = {char, ord(chr(char).upper())}
        ways = b"|".join(b"%02x" % code for code in sorted(codes))
        found += b"(?:%s|\\\\u00(?:%s))" % (re.escape(bytes([char])), ways)
    return found


_KEY = re.compile(b'"(?:%s)"' % b"|".join(map(_escaped, _PLAIN_NAMES)), re.IGNORECASE)


class _Json:
    """A body of JSON: a key at any depth, or a text that is just that."""

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, data: bytes, *, last: bool) -> None:
        """`Scan.feed`."""
        del last
        if b"\0" in data:
            msg = "JSON in another encoding than UTF-8 may name a method"
            raise RuleError(msg)
        whole = self._tail + data
        if _KEY.search(whole):
            msg = "a key of the body may ask for a method that the grant does not give"
            raise RuleError(msg)
        self._tail = whole[-_NAME_LIMIT_BYTES:]
