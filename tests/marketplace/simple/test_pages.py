"""Pages in both forms: what they say, and what they may not say."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_marketplace.errors import FetchError, MarketplaceError, PageError
from lockgate_marketplace.simple import PageLimits, ProjectPage, parse_names, parse_page
from lockgate_marketplace.sources import Index

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
INDEX = Index("main", "https://index.example/simple/")
URL = INDEX.project_url("echo-top")
SHA = "ab" * 32
WHEEL = "echo_top-1.0-py3-none-any.whl"


def row(**how: Any) -> dict[str, Any]:
    filename = how.get("filename", WHEEL)
    entry = {
        "filename": filename,
        "url": f"../../files/{filename}",
        "hashes": {"sha256": SHA},
        **how,
    }
    return {key: value for key, value in entry.items() if value is not ...}


def page(*rows: Any, **how: Any) -> dict[str, Any]:
    meta = {"api-version": "1.4"}
    return {"meta": meta, "name": "echo-top", "files": list(rows), **how}


def read(value: Any, index: Index = INDEX, **how: Any) -> ProjectPage:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return parse_page(raw, JSON, index=index, name="echo-top", url=URL, **how)


def read_html(body: str, head: str = "", **how: Any) -> ProjectPage:
    raw = f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>"
    given: dict[str, Any] = {"index": INDEX, "name": "echo-top", "url": URL, **how}
    return parse_page(raw.encode(), HTML, **given)


def refused(code: str) -> Any:
    def check(error: MarketplaceError) -> bool:
        return error.code == code

    return pytest.raises(MarketplaceError, check=check)


# What it says


def test_a_json_page_is_read() -> None:
    found = read(
        page(
            row(
                size=7,
                yanked="broken",
                provenance="https://index.example/p",
                **{
                    "requires-python": ">=3.8",
                    "upload-time": "2026-01-02T03:04:05.678Z",
                    "core-metadata": {"sha256": "cd" * 32},
                    "_lockgate": {"manifest": {"url": "m.json", "sha256": "ef" * 32}},
                },
            ),
            row(filename="echo_top-1.0.tar.gz"),
            row(filename="echo_top-1.0-py3.whl"),
            versions=["1.0"],
        )
    )

    (file,) = found.files
    assert (found.name, found.index, found.api_version) == ("echo-top", "main", "1.4")
    assert found.others == ("echo_top-1.0.tar.gz", "echo_top-1.0-py3.whl")
    assert file.url == f"https://index.example/files/{WHEEL}"
    assert (file.sha256, file.size, file.yanked) == (SHA, 7, "broken")
    assert file.requires_python == ">=3.8"
    assert file.upload_time == datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
    assert file.metadata_sha256 == "cd" * 32
    assert file.provenance_url == "https://index.example/p"
    assert file.manifest_url == "https://index.example/simple/echo-top/m.json"
    assert file.manifest_sha256 == "ef" * 32
    assert str(file.version) == "1.0"


def test_an_html_page_is_read() -> None:
    head = (
        '<meta name="pypi:repository-version" content="1.3">'
        '<meta name="pypi:project-status" content="archived">'
        '<meta name="pypi:project-status-reason" content="done">'
    )
    found = read_html(
        f'<a href="../../files/{WHEEL}#sha256={SHA}" data-requires-python="&gt;=3.8" '
        f'data-yanked data-core-metadata="sha256={"cd" * 32}" '
        f'data-provenance="/p" data-lockgate-manifest="sha256={SHA}">\n {WHEEL}</a>'
        f'<a href="x/echo_top-1.0.zip">echo_top-1.0.zip</a>',
        head,
    )

    (file,) = found.files
    assert (found.api_version, found.status, found.reason) == (
        "1.3",
        "archived",
        "done",
    )
    assert (file.sha256, file.yanked, file.requires_python) == (SHA, "", ">=3.8")
    assert file.metadata_sha256 == "cd" * 32
    assert file.provenance_url == "https://index.example/p"
    assert file.manifest_url == f"https://index.example/files/{WHEEL}.lockgate.json"
    assert found.others == ("echo_top-1.0.zip",)


@pytest.mark.parametrize(
    ("how", "status"),
    [
        (
            {"project-status": {"status": "quarantined", "reason": "r"}},
            ("quarantined", "r"),
        ),
        ({"project-status": "archived"}, ("archived", "")),
        (
            {"meta": {"api-version": "1.4", "project-status": "deprecated"}},
            ("deprecated", ""),
        ),
        ({}, ("active", "")),
    ],
)
def test_the_status_is_an_object_or_a_text(how: Any, status: tuple[str, str]) -> None:
    found = read(page(**how))

    assert (found.status, found.reason) == status


@pytest.mark.parametrize("value", [12, "12"])
def test_the_serial_is_read(value: Any) -> None:
    meta = {"api-version": "1.0", "_last-serial": value}

    assert read(page(meta=meta)).serial == 12
    assert read(page(), serial="34").serial == 34


@pytest.mark.parametrize(
    ("value", "expected"),
    [(False, None), (None, None), (True, ""), ("why", "why"), ("", "")],
)
def test_yanked_in_all_its_forms(value: Any, expected: Any) -> None:
    assert read(page(row(yanked=value))).files[0].yanked == expected


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("core-metadata", True, ""),
        ("dist-info-metadata", {"sha256": SHA}, SHA),
        ("data-dist-info-metadata", False, None),
        ("core-metadata", {}, ""),
    ],
)
def test_metadata_in_all_its_forms(key: str, value: Any, expected: Any) -> None:
    assert read(page(row(**{key: value}))).files[0].metadata_sha256 == expected


def test_names_are_read_in_both_forms() -> None:
    raw = json.dumps(
        {
            "meta": {"api-version": "1.0"},
            "projects": [{"name": "A_b"}, {"name": "../x"}],
        }
    )
    text = '<a href="a-b/">A.B</a><a href="c">c</a><a href="c">C</a><a>'

    assert parse_names(raw.encode(), JSON, INDEX) == ("a-b",)
    assert parse_names(text.encode(), "text/html; charset=utf-8", INDEX) == ("a-b", "c")


# What it may not say


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (page(meta={"api-version": "2.0"}), "page-api-version"),
        (page(meta={"api-version": "1"}), "page-invalid"),
        (page(meta={}), "page-invalid"),
        (page(meta=[]), "page-invalid"),
        (page(name="echo-other"), "page-name"),
        (page(files={}), "page-invalid"),
        (page("x"), "page-invalid"),
        (page(row(filename=1, url="x")), "page-invalid"),
        (page(row(filename="../" + WHEEL)), "page-filename"),
        (page(row(filename="..\\" + WHEEL)), "page-filename"),
        (page(row(filename="echo\n.whl")), "page-filename"),
        (page(row(filename="")), "page-filename"),
        (page(row(url="/files/echo_top-2.0-py3-none-any.whl")), "page-filename"),
        (page(row(url=f"/files/{WHEEL}/")), "page-filename"),
        (page(row(filename="evil-1.0-py3-none-any.whl")), "page-foreign-file"),
        (page(row(hashes={})), "page-unhashed"),
        (page(row(hashes={"md5": "ab" * 16})), "page-unhashed"),
        (page(row(hashes=...)), "page-unhashed"),
        (page(row(hashes=None)), "page-unhashed"),
        (page(row(hashes={"sha256": "xyz"})), "page-hash"),
        (page(row(hashes={"sha256": SHA.upper()})), "page-hash"),
        (page(row(hashes={"sha256": 1})), "page-invalid"),
        (page(row(hashes=[])), "page-invalid"),
        (page(row(size="7")), "page-invalid"),
        (page(row(size=True)), "page-invalid"),
        (page(row(yanked=1)), "page-invalid"),
        (page(row(**{"upload-time": "yesterday"})), "page-invalid"),
        (page(row(**{"core-metadata": {"sha256": "x"}})), "page-hash"),
        (page(row(**{"core-metadata": "x"})), "page-invalid"),
        (page(row(**{"requires-python": 3})), "page-invalid"),
        (page(row(), row()), "page-invalid"),
        (page(row(), versions=["2.0"]), "page-version"),
        (b'{"a": 1, "a": 2}', "page-invalid"),
        (b'{"a": NaN}', "page-invalid"),
        (b"[]", "page-invalid"),
        (b"\xff\xfe{\0}\0", "page-invalid"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "page-invalid"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "page-depth"),
        (b'{"a":' + b"[" * 100_000, "page-depth"),
        (b'{"a": [' + b"[]," * 400_000 + b"[]]}", "page-too-many"),
        (b'{"a": [' + b"1," * 1_500_001 + b"1]}", "page-too-many"),
    ],
)
def test_an_unsound_json_page_is_refused(value: Any, code: str) -> None:
    with refused(code) as caught:
        read(value)
    assert caught.value.hint
    assert caught.value.where


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (f"file:///tmp/{WHEEL}", "fetch-scheme"),
        (f"http://index.example/{WHEEL}", "fetch-scheme"),
        (f"https://evil.example/{WHEEL}", "fetch-host"),
        (f"https://me:pw@index.example/{WHEEL}", "fetch-url"),
        (f"javascript:{WHEEL}", "fetch-scheme"),
        (f"//[/{WHEEL}", "fetch-url"),
    ],
)
@pytest.mark.parametrize("form", ["json", "html"])
def test_a_file_elsewhere_is_refused_by_its_page(
    form: str, url: str, code: str
) -> None:
    with refused(code):
        if form == "json":
            read(page(row(url=url)))
        else:
            read_html(f'<a href="{url}#sha256={SHA}">{WHEEL}</a>')


def test_files_of_a_named_host_are_taken() -> None:
    index = Index("main", INDEX.url, files=frozenset(("files.example",)))

    (file,) = read(page(row(url=f"https://files.example/{WHEEL}")), index).files
    assert file.url == f"https://files.example/{WHEEL}"


def test_an_unhashed_index_may_leave_the_hash_out() -> None:
    index = Index("main", INDEX.url, unhashed=True)

    assert read(page(row(hashes={})), index).files[0].sha256 == ""


@pytest.mark.parametrize(
    ("body", "head", "code"),
    [
        ("", '<meta name="pypi:repository-version" content="2.0">', "page-api-version"),
        (f'<a href="/{WHEEL}">{WHEEL}</a>', "", "page-unhashed"),
        (f'<a href="/{WHEEL}#md5=1">{WHEEL}</a>', "", "page-unhashed"),
        (f'<a href="/x/y.whl#sha256={SHA}">{WHEEL}</a>', "", "page-filename"),
        (
            f'<a href="{WHEEL}#sha256={SHA}">{WHEEL}</a>',
            '<base href="file:///">',
            "fetch-scheme",
        ),
        (
            f'<a href="{WHEEL}#sha256={SHA}">{WHEEL}</a>',
            '<base href="//b.example/">',
            "fetch-host",
        ),
        (
            f'<a href="{WHEEL}#sha256={SHA}" data-upload-time="x">{WHEEL}</a>',
            "",
            "page-invalid",
        ),
        ("<a " + "x" * 100_000 + ">", "", "page-invalid"),
        ("<![foo", "", "page-invalid"),
    ],
)
def test_an_unsound_html_page_is_refused(body: str, head: str, code: str) -> None:
    with refused(code):
        read_html(body, head)


def test_the_first_of_two_attributes_counts_as_in_a_browser() -> None:
    good, evil = f"/{WHEEL}#sha256={SHA}", f"/{WHEEL}#sha256={'0' * 64}"

    found = read_html(f'<a href="{good}" href="{evil}">{WHEEL}</a>')

    assert found.files[0].sha256 == SHA


def test_too_many_files_are_refused() -> None:
    few = PageLimits(files=2, links=2)
    names = [f"echo_top-1.{n}-py3-none-any.whl" for n in range(3)]
    anchors = [f'<a href="/{n}#sha256={SHA}">{n}</a>' for n in names]

    with refused("page-too-many"):
        read(page(*[row(filename=n) for n in names]), limits=few)
    with refused("page-too-many"):
        read_html("".join(anchors), limits=few)


@pytest.mark.parametrize("piece", ["<!-->", "<a ", "<!--", "</", "<![CDATA["])
def test_a_page_that_makes_the_parser_quadratic_ends(piece: str) -> None:
    """What the standard library's parser would read for minutes."""
    limits = PageLimits(html_seconds=0.3)
    text = piece * (900_000 // len(piece))

    began = time.monotonic()
    try:
        found = read_html(text, limits=limits)
    except PageError as error:
        assert error.code in ("page-invalid", "page-too-many")  # noqa: PT017
    else:
        assert found.files == ()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("application/vnd.pypi.simple.v2+json", "page-api-version"),
        ("application/vnd.pypi.simple.v2+html", "page-api-version"),
        ("application/octet-stream", "page-content-type"),
        ("", "page-content-type"),
    ],
)
def test_another_content_type_is_refused(kind: str, code: str) -> None:
    with refused(code):
        parse_page(b"{}", kind, index=INDEX, name="x", url=URL)


# Whatever comes

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYS = ("filename", "url", "hashes", "size", "yanked", "upload-time", "core-metadata")


def sound_or_refused(parse: Callable[[], ProjectPage]) -> None:
    """Each file that comes out fits its page; else it is one of our errors."""
    try:
        found = parse()
    except (PageError, FetchError) as error:
        assert error.hint  # noqa: PT017 - either way something is asserted
        return
    for file in found.files:
        assert file.wheel.name == "echo-top"
        assert len(file.sha256) == 64
        assert file.url.startswith("https://index.example")
        assert file.url.endswith(".whl")


@given(st.dictionaries(st.sampled_from(KEYS), ANY_JSON, max_size=4), ANY_JSON)
def test_any_entry_is_read_or_refused(how: dict[str, Any], status: Any) -> None:
    entry = {**row(), **how}
    value = {**page(entry), "project-status": status}
    sound_or_refused(lambda: read(value))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    sound_or_refused(lambda: read(raw))
    given: Any = {"index": INDEX, "name": "echo-top", "url": URL}
    sound_or_refused(lambda: parse_page(raw, HTML, **given))


HTML_PARTS = st.sampled_from(
    [
        *(
            "<a href=",
            '"',
            "'",
            ">",
            "</a>",
            "<!--",
            "-->",
            "<base href=",
            "&#",
            "&amp;",
        ),
        *(
            f"/{WHEEL}",
            f"#sha256={SHA}",
            WHEEL,
            " data-yanked",
            "<meta name=",
            "<![",
            "\0",
        ),
        *(
            " content=",
            "pypi:repository-version",
            "1.0",
            "<script>",
            "\n",
            "file:",
            "//x",
        ),
    ]
)


@given(st.lists(HTML_PARTS, max_size=25).map("".join))
def test_any_html_is_read_or_refused(text: str) -> None:
    sound_or_refused(lambda: read_html(text))


def test_short_names_that_stand_for_millions_of_tags_are_not_spelled_out() -> None:
    tags = "-".join(".".join(f"{part}{n}" for n in range(10)) for part in "abc")
    names = [f"acme-{n}-{tags}.whl" for n in range(300)]
    files = [
        {"filename": n, "url": f"https://h/{n}", "hashes": {"sha256": "ab" * 32}}
        for n in names
    ]
    head: dict[str, object] = {"meta": {"api-version": "1.1"}, "name": "acme"}
    raw = json.dumps({**head, "versions": [], "files": files}).encode()
    index = Index("main", "https://h/simple/")

    with pytest.raises(PageError) as caught:
        parse_page(raw, JSON, index=index, name="acme", url=index.url)

    assert caught.value.code == "page-too-many"
