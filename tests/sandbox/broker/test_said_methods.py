"""Methods that a body or a query names: refused, however they are spelled.

The servers are real ones (wsgiref) that read a form as PHP, Rack and Express do.
"""

from __future__ import annotations

import json
import re
import time
import tracemalloc
from collections.abc import Callable, Generator, Iterable
from email import message_from_bytes
from email.policy import HTTP
from typing import Any, cast
from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lockgate_sandbox.broker._rule import RuleError
from lockgate_sandbox.broker._said_methods import in_query, scan_for
from tests.sandbox.broker.conftest import MakeBench
from tests.support.wsgi import answering

SEND = """
import httpx
client = httpx.Client(transport=session.http_transport())
body = {name: value for name, value in sent.items() if name != "pieces"}
if "files" in body:
    body["files"] = {name: tuple(value) for name, value in body["files"].items()}
if "pieces" in sent:
    body["content"] = iter(sent["pieces"])
try:
    result = client.post(url + query, **body).text
except Exception as error:
    result = f"{type(error).__name__}: {error}"
"""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
EBCDIC = {"Content-Type": "application/x-www-form-urlencoded; charset=ibm037"}
JSON = {"Content-Type": "application/json"}


def _in_hex(text: str, charset: str) -> bytes:
    """`text` in `charset`, with all of it percent-encoded."""
    return b"".join(b"%%%02X" % byte for byte in text.encode(charset))


def _as_php(name: str) -> str:
    """A field's name as PHP has it (main/php_variables.c)."""
    found = name.lstrip(" ").partition("\0")[0]
    head, rest = found[:1], found[1:].partition("[")[0]
    return re.sub(r"[ .\[]", "_", head + rest)


def _as_rack(name: str) -> str:
    """A field's name as Rack before 2.2 has it (lib/rack/query_parser.rb)."""
    found = re.match(r"[\[\]]*([^\[\]]+)", name)
    return found[1] if found else name


def _fields(environ: dict[str, Any]) -> dict[str, str]:
    """What a framework makes of the body, by its type."""
    kind = environ.get("CONTENT_TYPE", "")
    if environ.get("HTTP_TRANSFER_ENCODING") == "chunked":
        return {}  # wsgiref reads none
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if "json" in kind:
        found: dict[str, Any] = json.loads(body)
        return {name: str(value) for name, value in found.items()}
    if "multipart" in kind:
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        parts = list(message_from_bytes(head + body, policy=HTTP).iter_parts())
        names = (part.get_param("name", "", "content-disposition") for part in parts)
        return {
            str(name): str(part.get_payload())
            for name, part in zip(names, parts, strict=True)
        }
    charset = kind.partition("charset=")[2] or "utf-8"
    pairs = parse_qsl(body.decode("ascii"), encoding=charset)
    return {_as_php(_as_rack(name)): value for name, value in pairs}


def _frame(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    asked = {**dict(parse_qsl(environ["QUERY_STRING"])), **_fields(environ)}
    start("200 OK", [("Content-Type", "text/plain")])
    method = str(asked.get("_method", environ["REQUEST_METHOD"]))
    return [f"{method.strip()} {len(asked)}".encode()]


@pytest.fixture(scope="module")
def port() -> Generator[int]:
    with answering(_frame) as found:
        yield found


ATTACKS: dict[str, tuple[dict[str, Any], str]] = {
    "form": ({"data": {"a": "1", "_method": "DELETE"}}, ""),
    "encoded": ({"content": b"%5Fm%65thod=DELETE", "headers": FORM}, ""),
    "as php has it": ({"content": b"a=1&+.method=DELETE", "headers": FORM}, ""),
    "an array": ({"content": b"_method[=DELETE", "headers": FORM}, ""),
    "as rack has it": (
        {"content": b"]" * 300 + b"_method=DELETE", "headers": FORM},
        "",
    ),
    "another charset": (
        {
            "content": b"%b=%b"
            % (_in_hex("_method", "cp037"), _in_hex("DELETE", "cp037")),
            "headers": EBCDIC,
        },
        "",
    ),
    "json of another encoding": (
        {
            "content": json.dumps({"_method": "DELETE"}).encode("utf-16"),
            "headers": JSON,
        },
        "",
    ),
    "an empty type": (
        {"content": b"_method=DELETE", "headers": {"Content-Type": ""}},
        "",
    ),
    "without a type": ({"content": b"_method=DELETE"}, ""),
    "json": ({"json": {"_method": "DELETE"}}, ""),
    "escaped json": (
        {
            "content": b'{"\\u005Fmeth\\u006fd": "DELETE"}',
            "headers": {"Content-Type": "application/vnd.api+json"},
        },
        "",
    ),
    "parts": (
        {"data": {"_method": "DELETE"}, "files": {"f": ["f.txt", b"x", "text/plain"]}},
        "",
    ),
    "query": ({"content": b""}, "?a=1&_method=DELETE"),
    "encoded query": ({"content": b""}, "?%5fmethod=DELETE"),
}


@pytest.mark.kernel
def test_no_form_says_another_method(bench: MakeBench, port: int) -> None:
    url = f"http://127.0.0.1:{port}/"
    # One whose grant names no method may say what it likes.
    at, free = bench(f"{url} methods=POST private"), bench(f"{url} private")
    for name, (sent, query) in ATTACKS.items():
        told = str(at.run(SEND, url=url, sent=sent, query=query))
        assert "may ask for" in told or "may name" in told, (name, told)
        assert told.startswith("RefusedError"), name
        assert at.denials()[-1].reason in told, name
        # A client of the host's own gets through: the attack is real.
        answer = httpx.post(url + query, trust_env=False, **_for_httpx(sent)).text
        assert answer.startswith("DELETE"), (name, answer)
        said = str(free.run(SEND, url=url, sent=sent, query=query))
        assert said.startswith("DELETE"), (name, said)


def _for_httpx(sent: dict[str, Any]) -> dict[str, Any]:
    files = sent.get("files", {})
    return {**sent, "files": {k: tuple(v) for k, v in files.items()}} if files else sent


_PAGE = b'<input name="_method" value="PUT">\r\n'
HONEST: dict[str, tuple[dict[str, Any], str]] = {
    "form": ({"data": {"payment_method": "x", "method": "DELETE", "methods": 1}}, ""),
    "value": ({"data": {"note": "_method"}}, "?method=x&note=_method"),
    "json": ({"json": {"method": "DELETE", "text": '"_method": 1'}}, ""),
    "parts": (
        {
            "data": {"methods": "DELETE"},
            "files": {"f": ["my_method.html", _PAGE, "text/html"]},
        },
        "",
    ),
}


@pytest.mark.kernel
def test_honest_posts_pass(bench: MakeBench, port: int) -> None:
    url = f"http://127.0.0.1:{port}/"
    at = bench(f"{url} methods=POST private")
    for name, (sent, query) in HONEST.items():
        said = str(at.run(SEND, url=url, sent=sent, query=query))
        assert said.startswith("POST"), (name, said)


@pytest.mark.kernel
def test_a_form_that_can_not_be_looked_into_is_not_completed(
    bench: MakeBench, port: int
) -> None:
    url = f"http://127.0.0.1:{port}/"
    at = bench(f"{url} methods=POST private")
    headers = {**FORM, "Content-Encoding": "gzip"}
    sent: dict[str, Any] = {"content": b"\x1f\x8b", "headers": headers}
    assert "compressed" in str(at.run(SEND, url=url, sent=sent, query=""))

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    long = b"--b\r\nContent-Disposition: " + b"=" * 40_000 + b"\r\n\r\nx\r\n--b--\r\n"
    sent = {"content": long, "headers": kind}
    assert "a header of over" in str(at.run(SEND, url=url, sent=sent, query=""))

    pieces = [b"a=1&_me", b"thod", b"=DELETE"]
    sent = {"pieces": pieces, "headers": {**FORM, "Content-Length": "18"}}
    assert "may ask for" in str(at.run(SEND, url=url, sent=sent, query=""))
    assert max(record.bytes for record in at.ended(2)) <= len(b"a=1&_method")


# -- the scan alone --------------------------------------------------------------------


def _refuses(kind: str, *pieces: bytes) -> bool:
    scan = scan_for([("content-type", kind)])
    assert scan is not None
    try:
        for piece in pieces:
            scan.feed(piece, last=False)
        scan.feed(b"", last=True)
    except RuleError:
        return True
    return False


_PARTS = "multipart/form-data; boundary=b"
_SAYS = [
    ("application/x-www-form-urlencoded", b"a=1&_method=PUT&b=2"),
    ("application/x-www-form-urlencoded", b"a=1;%20+%5f%4Dethod%00x=PUT"),
    ("APPLICATION/X-WWW-FORM-URLENCODED", b"x-http-method-override=PUT"),
    ("application/x-www-form-urlencoded", b"[_method]=PUT"),
    ("application/x-www-form-urlencoded", b"_HttpMethod=PATCH"),
    ("application/x-www-form-urlencoded", b"+" * 700 + b"_method=x"),
    ("application/x-www-form-urlencoded", b"+" * 70_000 + b"_method=x"),
    ("application/x-www-form-urlencoded", b"a&" + b"%5B%5d[" * 99 + b"_method=x"),
    ("application/x-www-form-urlencoded", b"+" + b"[" * 999 + b"_method]=x"),
    ("application/x-www-form-urlencoded", b"%u0058-HTTP-Method-Override=PUT"),
    ("application/json", b'{"a": {"_method"  : "PUT"}}'),
    ("application/json", '{"_method": 1}'.encode("utf-16-le")),
    ("application/json", '{"_method": 1}'.encode("utf-32-be")),
    ("application/json", b'{"_\\u006D\\u0065thod":1}'),
    *(
        (_PARTS, b"--b\r\n" + head + b"\r\n\r\nPUT\r\n--b--\r\n")
        for head in (
            b'Content-Disposition: form-data; name="_method"',
            b"content-disposition:form-data;name=_method",
            b"Content-Disposition: form-data; name='_method'; x=1",
            b'Content-Disposition: form-data; name="_met\\hod"',
            b'Content-Disposition: form-data;\r\n name="_method"',
            b'Content-Disposition: form-data;\n\t name = "_method"',
            b"Content-Disposition: form-data; name*=UTF-8''%5Fmethod",
            b'Content-Disposition: form-data; name="=?utf-8?q?=5Fmethod?="',
            b"Content-Disposition: form-data name=_method",
            b'Content-Disposition: form-data; filename="x"; name="_method"',
            b"Content-ID: <_method>",
            b'X: Content-Disposition: form-data; name="_method"',
            b"X" * 999 + b"content-disposition:form-data; name=_method",
            b'X: 1\x0bContent-Disposition: form-data; name="%u005fmethod"',
            b"Content-Type: text/plain\rContent-Disposition: form-data; name=_method",
            b"Content-Disposition: form-data; a=" + b"x" * 20_000 + b"; name=_method",
        )
    ),
]


@pytest.mark.parametrize(("kind", "body"), _SAYS)
@pytest.mark.parametrize("size", [1, 3, 7, 1 << 20])
def test_whatever_the_pieces_a_named_method_is_seen(
    kind: str, body: bytes, size: int
) -> None:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    assert _refuses(kind, *pieces)


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ("utf-16le", False),
        ('"IBM500"', False),
        ("utf-7", False),
        ("*=utf-8''utf-16", False),
        ("utf-8; charset=utf-16", False),
        ("UTF-8", True),
        ('"iso-8859-1"; a=b', True),
    ],
)
@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "application/json", _PARTS]
)
def test_a_form_is_in_a_charset_that_can_be_looked_into(
    kind: str, said: str, fits: bool
) -> None:
    headers = [("content-type", f"{kind}; charset={said}")]
    if fits:
        assert scan_for(headers) is not None
        return
    with pytest.raises(RuleError, match="charset"):
        scan_for(headers)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([kind for kind, _ in _SAYS] + [_PARTS]),
    st.lists(st.binary(max_size=40) | st.sampled_from([b"method", b"_", b"\r\n"])),
)
@example(_PARTS, [b"\r\n" * 9, b" " * 40])
@example(_PARTS, [b"x" * 300 + b"content-", b"x: _method"])
def test_the_verdict_does_not_depend_on_the_pieces(
    kind: str, pieces: list[bytes]
) -> None:
    assert _refuses(kind, *pieces) == _refuses(kind, b"".join(pieces))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_a_form_of_any_other_names_passes(fields: dict[str, str]) -> None:
    body = httpx.Request("POST", "http://x", data=fields).read()
    says = any(re.search("method", name, re.IGNORECASE) for name in fields)
    assert says or not _refuses("application/x-www-form-urlencoded", body)
    assert says or not in_query(body.decode())


def test_a_long_body_is_not_kept() -> None:
    piece = bytes(range(1, 256)).replace(b"&", b".") * 256
    for kind in (_PARTS, "application/json", "application/x-www-form-urlencoded"):
        scan = scan_for([("Content_Type", kind)])
        assert scan is not None
        for _ in range(64):
            scan.feed(piece, last=False)
        assert _held_bytes(scan) < 2_048, kind


@pytest.mark.parametrize(
    "head",
    [
        b"=" * 40_000 + b"method",
        b"=" * 16_000 + b"method",
        b"=method" * 2_000,
        b"\r\n =" * 40_000,
        b"a=b:" * 4_000,
    ],
)
def test_no_header_of_a_part_costs_much_to_look_at(head: bytes) -> None:
    # The values of the first one, each to its end, would be 800 MB.
    body = b"Content-Disposition:" + head + b"\r\n\r\nx\r\n"
    tracemalloc.start()
    try:
        refused = _refuses(_PARTS, body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refused or len(body) < 17_000
    assert peak < 20 * len(body) + (1 << 20)


_MIB = 1 << 20


@pytest.mark.parametrize(
    "part", [b"&a", b"&_method_=1", b"&[[[a=1", b"&%5bmethod%5f=1", b"&+%6dethod=1"]
)
def test_to_look_a_form_through_costs_less_than_to_read_it(part: bytes) -> None:
    body = part * (_MIB // 4 // len(part))

    def looked() -> None:
        assert not _refuses("application/x-www-form-urlencoded", body)

    def read() -> None:
        parse_qsl(body, keep_blank_values=True)

    assert _seconds(looked) < _seconds(read)


@pytest.mark.parametrize(
    "part",
    [
        b"\n",
        b"\r",
        b"content-id:",
        b"content-id:_method_;\n",
        b"content-",
        b"\n content-",
    ],
)
def test_to_look_parts_through_takes_as_long_as_they_are(part: bytes) -> None:
    def looked(size: int) -> Callable[[], object]:
        body = part * (size // len(part))
        # Each on a line of its own where a header may not be as long.
        pieces = [body[at : at + 8_192] + b"\n\n" for at in range(0, size, 8_192)]
        return lambda: _refuses(_PARTS, b"".join(pieces))

    assert _seconds(looked(_MIB // 2)) < 16 * _seconds(looked(_MIB // 8))


def _seconds(act: Callable[[], object]) -> float:
    """The least of three, of the processor's time."""
    found: list[float] = []
    for _ in range(3):
        began = time.process_time()
        act()
        found.append(time.process_time() - began)
    return min(found)


def _held_bytes(item: object) -> int:
    """The bytes in an object and the objects in it."""
    if isinstance(item, bytes):
        return len(item)
    if isinstance(item, list):
        return sum(map(_held_bytes, cast("list[object]", item)))
    return sum(map(_held_bytes, cast("Any", getattr(item, "__dict__", {})).values()))
