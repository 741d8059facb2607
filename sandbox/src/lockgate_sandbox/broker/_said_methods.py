"""Methods that a query or a body names: frameworks take them for the one that is meant.

Where a grant names methods none of these may be said (`_method_names`). Rack before 2.2
finds a part's header within a line; servlets and Express decode names as the charset
says.

A body is looked through as it passes, and nothing is kept of it but an end that may go
on. The piece that completes such a name is not passed on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from lockgate_sandbox.broker._method_names import (
    BLANKS,
    in_header,
    in_json,
    in_pairs,
    plain,
)
from lockgate_sandbox.broker._rule import RuleError, same_header

__all__ = ["Scan", "in_query", "scan_for"]

_NAME_LIMIT_BYTES = 256
"""Longer than any of the names with each character encoded."""

_HEADER_LIMIT_BYTES = 16 << 10
_HEADER = b"content-"

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


def _refuse(name: str) -> None:
    if name:
        msg = f"{name!r} may ask for a method that the grant does not give"
        raise RuleError(msg)


class _All:
    """Several looks at one body, whose type is not certain."""

    def __init__(self, scans: Sequence[Scan]) -> None:
        self._scans = scans

    def feed(self, data: bytes, *, last: bool) -> None:
        """`Scan.feed`."""
        for scan in self._scans:
            scan.feed(data, last=last)


_HALF = re.compile(rb"(?i)%(?:u[0-9a-f]{0,3}|[0-9a-f]?)\Z")
"""An encoded character whose rest is to come."""


class _Pairs:
    """A query, or a body of ``application/x-www-form-urlencoded``."""

    def __init__(self) -> None:
        self._held = b"&"  # and the name that has begun; "=": in a value

    def feed(self, data: bytes, *, last: bool) -> None:
        """`Scan.feed`."""
        whole = self._held + data
        _refuse(in_pairs(plain(whole + b"&" if last else whole)))
        begun = whole[max(whole.rfind(b"&"), whole.rfind(b";")) + 1 :]
        self._held = b"=" if b"=" in begun else _shortened(begun)


def _shortened(name: bytes) -> bytes:
    """The beginning of a name, without what counts for nothing; "=" if it is no name.

    Of what stands before it the last character stays, which may be a part of it.
    """
    half = match[0] if (match := _HALF.search(name)) else b""
    text = plain(name[: len(name) - len(half)])
    core = text.lstrip(b"\0 [")
    before, kept = text[: len(text) - len(core)], core.rstrip(b'\0 "')
    if len(kept) > _NAME_LIMIT_BYTES:
        return b"="
    return b"&" + before[-1:] + kept + b" " * (kept != core) + half


_IN_LINE = rb"[\0-\x09\x0b\x0c\x0e-\x20\x7f]*"
_BEGINS = re.compile(
    rb"(?:\r\n|[\r\n])(?=%b%b)|(?=content-(?:disposition|id):)" % (_IN_LINE, _HEADER),
    re.IGNORECASE,
)
"""A line that is a header; or one within a line, as Rack's patterns have it."""
_HEADER_LINES = 16
_FOLDED = re.compile(rb"[^\r\n]*(?:(?:\r\n|\r|\n)[ \t][^\r\n]*){0,%d}" % _HEADER_LINES)
_GOES_ON = re.compile(rb"(?:\r\n|\r|\n)[ \t]")
_ENDED = (b"", b"\r", b"\n", b"\r\n")
"""What may follow a header that may go on in the next line."""
_ENCODED = re.compile(rb"(?i)=\?|(?<![\w-])name\s*\*")


class _Parts:
    """A body of ``multipart/form-data``: the headers of its parts, wherever they are.

    Boundaries are not looked for: servers differ about them. So a line in a file that
    is like such a header counts as one.
    """

    def __init__(self) -> None:
        self._held = b"\n"  # and the line that has begun, or a header that may go on
        self._in_header = False

    def feed(self, data: bytes, *, last: bool) -> None:
        """`Scan.feed`."""
        whole = self._held + data
        if self._in_header and not last and b"\n" not in data and b"\r" not in data:
            self._held = whole  # its line goes on: nothing of it counts before its end
            _check_size(whole, b"")
            return
        _, *begun = _BEGINS.split(whole)
        held = b""
        for text in begun:
            match = _FOLDED.match(text)
            header = match[0] if match else b""
            after = text[len(header) : len(header) + 3]
            _check_size(header, after)
            if after in _ENDED and text is begun[-1]:
                held = text
            if after or last or text is not begun[-1]:
                _judge_header(header)
        self._in_header = bool(held)
        self._held = b"\n" + held if held else _last_line(whole)


def _last_line(whole: bytes) -> bytes:
    """The line that has begun, as far as it matters whether a header begins in it."""
    half = b"\r" if whole.endswith(b"\r") else b""  # its other one may be to come
    ends = whole.rfind(b"\r", 0, len(whole) - len(half)), whole.rfind(b"\n")
    line = whole[max(ends) :]
    if len(line) <= _NAME_LIMIT_BYTES:
        return line
    # A line of blanks begins none.
    begun = line.lstrip(BLANKS)
    other = b"-" if len(begun) >= len(_HEADER) else b""
    return b"\n" + other + begun[-_NAME_LIMIT_BYTES:]


def _check_size(header: bytes, after: bytes) -> None:
    if len(header) > _HEADER_LIMIT_BYTES:
        msg = f"a part of the form has a header of over {_HEADER_LIMIT_BYTES} bytes"
        raise RuleError(msg)
    if _GOES_ON.match(after):
        msg = f"a part of the form has a header of over {_HEADER_LINES} lines"
        raise RuleError(msg)


def _judge_header(header: bytes) -> None:
    text = header.replace(b"\\", b"")
    if _ENCODED.search(text):
        # RFC 7578 4.2 and 5.1: neither belongs there, and some servers decode it.
        msg = "a part's name is encoded, and may name a method"
        raise RuleError(msg)
    _refuse(in_header(plain(text)))


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
        if in_json(whole):
            msg = "a key of the body may ask for a method that the grant does not give"
            raise RuleError(msg)
        self._tail = whole[-_NAME_LIMIT_BYTES:]
