"""The rules of one HTTP request, without any IO: what may be asked of whom, and how.

A request arrives in parts, never as text to be parsed: method, origin, target,
headers, length. Anything that two programs could read differently is refused
rather than repaired.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes

from lockgate_sandbox._spelling.hostname import canonical_host
from lockgate_sandbox.broker._rule import RuleError, same_header
from lockgate_sandbox.broker._said_methods import in_query
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.grant_text import parse_host_grant, write_host_grant
from lockgate_sandbox.grants import FRAMING_HEADERS, HostGrant

__all__ = [
    "HEADER_COUNT",
    "HEADER_LIMIT_BYTES",
    "WebRequest",
    "choose",
    "clean_response_headers",
    "narrowest",
    "plain_path",
]

HEADER_COUNT = 128
HEADER_LIMIT_BYTES = 64 << 10
_TARGET_LIMIT_CHARS = 8_192

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_TARGET = re.compile(r"/[!$-~]*")  # printable ASCII; no space, quote or '#'
# RFC 9110 5.5: visible characters, space and tab; no CR, LF or NUL.
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_NEVER = frozenset({"CONNECT", "TRACE", "TRACK"})

# What frameworks and proxies take for the method, the path or the host that is meant,
# whatever the request line says. Where a grant names those, nothing else may.
_SAYS_METHOD = frozenset(
    {
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-tunneled-method",
    }
)
_SAYS_PATH = frozenset(
    {
        "destination",  # of WebDAV's COPY and MOVE: another path that is written
        "path-info",
        "script-name",  # gunicorn, of a proxy that it trusts: the path begins behind it
        "x-envoy-original-path",
        "x-forwarded-path",
        "x-forwarded-prefix",
        "x-forwarded-uri",
        "x-original-uri",
        "x-original-url",
        "x-rewrite-url",
        "x-script-name",
    }
)
_SAYS_HOST = frozenset(
    {
        "forwarded",
        "x-forwarded-host",
        "x-forwarded-server",
        "x-host",
        "x-http-host-override",
        "x-original-host",
    }
)


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request whose parts are well-formed; `path` is still as it was asked for."""

    method: str
    scheme: str
    host: str
    port: int
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    length: int | None

    @classmethod
    def checked(
        cls,
        method: str,
        scheme: str,
        host: str,
        port: int,
        target: str,
        headers: Sequence[tuple[str, str]],
        length: int | None,
    ) -> WebRequest:
        """The request of these parts; `length` None means that it is not known.

        Raises:
            RuleError: If one is malformed, ambiguous, or the broker's to set.
        """
        if not _TOKEN.fullmatch(method) or method.upper() in _NEVER:
            msg = f"the method {method!r} is never relayed"
            raise RuleError(msg)
        if scheme not in ("http", "https") or not 0 < port < 65_536:
            msg = f"{scheme}://…:{port} is no place on the web"
            raise RuleError(msg)
        if len(target) > _TARGET_LIMIT_CHARS or not _TARGET.fullmatch(target):
            msg = f"{target!r} is no path: it begins with / and is plain ASCII"
            raise RuleError(msg)
        if length is not None and length < 0:
            msg = "a body has no negative length"
            raise RuleError(msg)
        try:
            name = canonical_host(host)
        except PolicyError as error:
            raise RuleError(str(error)) from None
        path, mark, query = target.partition("?")
        kept = _request_headers(headers)
        return cls(method, scheme, name, port, path, mark + query, kept, length)

    @property
    def authority(self) -> str:
        """The Host header's value."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == default else f"{host}:{self.port}"

    def target(self, grant: HostGrant) -> str:
        """What is sent: the very path that was judged, where it was judged."""
        return (plain_path(self.path) if grant.paths else self.path) + self.query

    def named_among(self, names: frozenset[str]) -> str:
        """The first header that is one of `names`; empty if none is."""
        found = (name for name, _ in self.headers if same_header(name) in names)
        return next(found, "")

    def describe(self) -> str:
        """The request in a few words, without its query: that may hold anything."""
        return f"{self.method} {self.scheme}://{self.authority}{self.path}"


def plain_path(path: str) -> str:
    """`path` as RFC 3986 6.2.2 normalises it: every server reads it the same way.

    Raises:
        RuleError: If servers differ about what it means: encoded slashes, dots
            behind a second encoding, backslashes, ``;`` parameters, ``//``, bytes that
            are no UTF-8 (an overlong one may stand for a dot or a slash).
    """
    try:
        unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        msg = f"{path!r} holds bytes that are no UTF-8: servers differ about them"
        raise RuleError(msg) from None
    decoded: list[str] = []
    rest = path
    while rest:
        before, mark, rest = rest.partition("%")
        decoded.append(before)
        if not mark:
            break
        code = rest[:2]
        if not re.fullmatch("[0-9A-Fa-f]{2}", code):
            msg = f"{path!r} has a broken percent-encoding"
            raise RuleError(msg)
        char = chr(int(code, 16))
        if char in "/\\;%\0" or ord(char) < 0x20:
            msg = f"{path!r} hides {char!r} behind an encoding"
            raise RuleError(msg)
        plain = _UNRESERVED.fullmatch(char)
        decoded.append(char if plain else f"%{code.upper()}")
        rest = rest[2:]
    text = "".join(decoded)
    if "\\" in text or ";" in text or "//" in text:
        msg = f"{path!r} holds '//', ';' or a backslash: servers differ about it"
        raise RuleError(msg)
    return _without_dots(text)


def _without_dots(path: str) -> str:
    kept: list[str] = []
    parts = path.split("/")[1:]
    for part in parts:
        if part == "..":
            if not kept:
                msg = f"{path!r} goes above the root"
                raise RuleError(msg)
            kept.pop()
        elif part != ".":
            kept.append(part)
    if parts[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _request_headers(
    headers: Sequence[tuple[str, str]],
) -> tuple[tuple[str, str], ...]:
    if len(headers) > HEADER_COUNT:
        msg = f"{len(headers)} headers: at most {HEADER_COUNT}"
        raise RuleError(msg)
    size = 0
    for name, value in headers:
        size += len(name) + len(value) + 4
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            msg = f"the header {name!r} holds characters that end a header"
            raise RuleError(msg)
        if same_header(name) in FRAMING_HEADERS:
            msg = f"the header {name!r} is the broker's to set"
            raise RuleError(msg)
    if size > HEADER_LIMIT_BYTES:
        msg = f"headers of {size} bytes: at most {HEADER_LIMIT_BYTES}"
        raise RuleError(msg)
    return tuple(headers)


def choose(
    request: WebRequest, grants: Iterable[HostGrant]
) -> tuple[HostGrant | None, str]:
    """The grant that carries `request`, or None and why the nearest one does not.

    A grant with a credential is preferred: it was given for this very use.
    """
    found: list[HostGrant] = []
    reason = "no grant names this host and port"
    for grant in grants:
        if grant.host != request.host or request.port not in grant.ports:
            continue
        why = _why_not(request, grant)
        if why:
            reason = why
        else:
            found.append(grant)
    found.sort(key=lambda grant: grant.credential is None)
    return (found[0], "") if found else (None, reason)


def narrowest(request: WebRequest, grants: Iterable[HostGrant] = ()) -> str:
    """The grant to propose for `request`, as text; empty if none would carry it.

    Where one of `grants` is about this very place it is that with one method more, and
    where they name paths of this host it is the path that was asked for. No more than
    was asked, so that the owner sees what it would be for: every method only where the
    request names another one elsewhere, and bytes, which have no rules at all, only
    where it names another host.
    """
    place = f"{request.scheme}://{request.authority}/"
    here = [one for one in grants if _is_of(request, one)]
    inner = f"{request.scheme}://{request.authority}{request.path}"
    for text in (
        *(_with_method(one, request.method) for one in here if one.methods),
        *(f"{inner} methods={request.method}" for one in here if one.paths),
        f"{place} methods={request.method}",
        place,
        write_host_grant(HostGrant(request.host, (request.port,))),
    ):
        try:
            found, _ = choose(request, [parse_host_grant(text)])
        except PolicyError:  # a method that none can be about
            continue
        if found is not None:
            return text
    return ""


def _is_of(request: WebRequest, grant: HostGrant) -> bool:
    """Whether `grant` is about HTTP with the origin of `request`."""
    there = grant.host == request.host and request.port in grant.ports
    return there and grant.scheme == request.scheme


def _with_method(grant: HostGrant, method: str) -> str:
    """`grant` with one method more, as text; empty if it has none.

    Of the same paths, and with the same credential.
    """
    try:
        return write_host_grant(replace(grant, methods=(*grant.methods, method)))
    except PolicyError:  # of a form that has no text, or a method that none is about
        return ""


def _why_not(request: WebRequest, grant: HostGrant) -> str:
    if grant.scheme and grant.scheme != request.scheme:
        return f"the grant is for {grant.scheme}"
    if grant.methods and request.method not in grant.methods:
        return f"the grant is for {', '.join(grant.methods)}"
    for limits, names in (
        (grant.methods, _SAYS_METHOD),
        (grant.paths, _SAYS_PATH),
        (grant.scheme, _SAYS_HOST),
    ):
        again = request.named_among(names) if limits else ""
        if again:
            return f"the header {again!r} may ask for what the grant does not give"
    if grant.methods and (again := in_query(request.query)):
        return f"in the query, {again}"
    if grant.paths:
        try:
            path = plain_path(request.path)
        except RuleError as error:
            return str(error)
        if not any(_below(path, item) for item in grant.paths):
            return f"the grant is for paths below {', '.join(grant.paths)}"
    return ""


def _below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(
        prefix if prefix.endswith("/") else f"{prefix}/"
    )


def clean_response_headers(
    headers: Iterable[tuple[bytes, bytes]],
) -> list[tuple[str, str]]:
    """A response's headers as the worker gets them: those of the message, bounded.

    Raises:
        RuleError: If there are too many, or one is malformed.
    """
    kept: list[tuple[str, str]] = []
    size = 0
    for count, (name, value) in enumerate(headers, 1):
        size += len(name) + len(value) + 4
        if count > HEADER_COUNT or size > HEADER_LIMIT_BYTES:
            msg = "the server sent too many headers"
            raise RuleError(msg)
        key, text = name.decode("latin-1"), value.decode("latin-1")
        if not _TOKEN.fullmatch(key) or not _VALUE.fullmatch(text):
            msg = "the server sent a malformed header"
            raise RuleError(msg)
        # The length of what arrives is the worker's to know; framing is ours.
        if key.lower() not in FRAMING_HEADERS or key.lower() == "content-length":
            kept.append((key, text))
    return kept
