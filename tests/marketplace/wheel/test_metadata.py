"""METADATA and WHEEL: one reading, and the file's own."""

from __future__ import annotations

import email.parser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.metadata import parse_email

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel import Wheel, WheelName, judge
from lockgate_marketplace.wheel._headers import read_headers
from tests.support.wheels import Draft, forge

NAME = WheelName.parse("evil-1.0-py3-none-any.whl")
HEAD = "Metadata-Version: 2.4\nName: evil\nVersion: 1.0\n"


def with_file(file: str, content: str | bytes) -> Draft:
    draft = Draft("evil")
    draft.add("evil/__init__.py")
    raw = content.encode() if isinstance(content, str) else content
    draft.entry(file).data = raw
    return draft.seal()


def judged(metadata: str | bytes) -> Wheel:
    return judge(with_file("METADATA", metadata).pack(), NAME)


def code_of(draft: Draft, name: WheelName = NAME) -> str:
    with pytest.raises(WheelError) as refused:
        judge(draft.pack(), name)
    return refused.value.code


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "wheel-metadata"),
    "no name": ("Metadata-Version: 2.4\nVersion: 1.0\n", "wheel-metadata"),
    "name twice": (f"{HEAD}Name: evil\n", "wheel-metadata"),
    "name twice, case": (f"{HEAD}NAME: victim\n", "wheel-metadata"),
    "name continued": (HEAD.replace("evil\n", "evil\n x\n"), "wheel-metadata"),
    "name behind an empty line": (f"\n{HEAD}", "wheel-metadata"),
    "name behind CR CR LF": (
        b"Metadata-Version: 2.4\r\r\nName: evil\nVersion: 1.0\n",
        "wheel-metadata",
    ),
    "bare CR": (b"Name: x\rName: evil\nVersion: 1.0\n", "wheel-metadata"),
    "line that ends the headers": (
        "Metadata-Version: 2.4\nhello\nName: evil\n",
        "wheel-metadata",
    ),
    "space before the colon": (HEAD.replace("Name:", "Name :"), "wheel-metadata"),
    "mbox line": (f"From x\n{HEAD}", "wheel-metadata"),
    "byte-order mark": ("\ufeff" + HEAD, "wheel-metadata"),
    "not UTF-8": (HEAD.encode() + b"Summary: \xff\n", "wheel-metadata"),
    "NUL": (HEAD + "Summary: a\0b\n", "wheel-metadata"),
    "form feed": (HEAD + "Summary: a\fName: b\n", "wheel-metadata"),
    "line separator": (HEAD + "Summary: a\u2028b\n", "wheel-metadata"),
    "format 3": (HEAD.replace("2.4", "3.0"), "wheel-metadata"),
    "other name": (HEAD.replace("evil", "victim"), "wheel-metadata-name"),
    "look-alike name": (HEAD.replace("evil", "еvil"), "wheel-metadata-name"),
    "name with a break": (HEAD.replace("evil", "evil\u00a0"), "wheel-metadata-name"),
    "encoded name": (HEAD.replace("evil", "=?utf-8?q?evil?="), "wheel-metadata-name"),
    "other version": (HEAD.replace("1.0", "1.1"), "wheel-metadata-version"),
    "no version": (HEAD.replace("1.0", "one"), "wheel-metadata-version"),
    "no requirement": (HEAD + "Requires-Dist: !\n", "wheel-metadata"),
    "deep requirement": (
        HEAD + "Requires-Dist: a; " + "(" * 5000 + "\n",
        "wheel-metadata",
    ),
    "address": (
        HEAD + "Requires-Dist: a @ https://x.example/a.whl\n",
        "wheel-requires-direct",
    ),
    "address of a file": (
        HEAD + "Requires-Dist: a @ file:///etc\n",
        "wheel-requires-direct",
    ),
    "no specifier": (HEAD + "Requires-Python: python\n", "wheel-metadata"),
    "no import name": (HEAD + "Import-Name: a-b\n", "wheel-metadata"),
    "name at length": (HEAD.replace("evil", "e" * 2000), "wheel-metadata"),
    "version at length": (HEAD.replace("1.0", "9" * 5000), "wheel-metadata"),
    "specifier at length": (
        HEAD + "Requires-Python: " + ">=3," * 900 + ">=3\n",
        "wheel-metadata",
    ),
    "requirement at length": (
        HEAD + "Requires-Dist: a>=" + "9" * 5000 + "\n",
        "wheel-metadata",
    ),
    "requirements without end": (HEAD + "Requires-Dist: a\n" * 2001, "wheel-metadata"),
    "too large": (HEAD + "\n" + "x" * 5_000_000, "wheel-metadata"),
}


@pytest.mark.parametrize(("metadata", "code"), REFUSED.values(), ids=REFUSED)
def test_metadata_that_readers_differ_over_is_refused(
    metadata: str | bytes, code: str
) -> None:
    assert code_of(with_file("METADATA", metadata)) == code


def test_metadata_is_read() -> None:
    wheel = judged(
        HEAD.replace("\n", "\r\n")
        + "Requires-Dist: six>=1 ; python_version >= '3'\r\n"
        + "Requires-Dist: attrs\r\nRequires-Python: >=3.8\r\n"
        + "License: one\r\n        \r\n        two\r\n\r\nbody\fName: x\r\n"
    )

    assert wheel.requires_dist == ("six>=1 ; python_version >= '3'", "attrs")
    assert wheel.requires_python == ">=3.8"


@pytest.mark.parametrize("said", ["1", "1.0.0", "01.0"])
def test_a_version_may_be_spelled_otherwise(said: str) -> None:
    assert judged(HEAD.replace("1.0", said)).version == "1.0"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("Wheel-Version: 2.0\nRoot-Is-Purelib: true\n", "wheel-wheel"),
        ("Wheel-Version: 1\nRoot-Is-Purelib: true\n", "wheel-wheel"),
        ("Wheel-Version: 1.0\n", "wheel-wheel"),
        ("Wheel-Version: 1.0\nRoot-Is-Purelib: perhaps\n", "wheel-wheel"),
        ("", "wheel-wheel"),
        ("Wheel-Version: 1.0\nRoot-Is-Purelib: true\n" + "\n" * 300_000, "wheel-wheel"),
    ],
)
def test_an_unknown_wheel_format_is_refused(content: str, code: str) -> None:
    assert code_of(with_file("WHEEL", content)) == code


@pytest.mark.parametrize(
    ("file", "code"), [("METADATA", "wheel-metadata"), ("WHEEL", "wheel-wheel")]
)
def test_a_missing_file_is_named(file: str, code: str) -> None:
    draft = Draft("evil")
    draft.add("evil/__init__.py")
    assert code_of(draft.drop(file).seal()) == code


DIST_INFO = {
    "other name": ("victim-1.0.dist-info", "wheel-dist-info-name"),
    "other version": ("evil-2.0.dist-info", "wheel-dist-info-name"),
    "no version": ("evil.dist-info", "wheel-dist-info-name"),
    "case of the ending": ("evil-1.0.DIST-INFO", "wheel-dist-info"),
    "egg": ("evil-1.0.egg-info", "wheel-dist-info"),
}


@pytest.mark.parametrize(("folder", "code"), DIST_INFO.values(), ids=DIST_INFO)
def test_the_metadata_folder_is_the_files_own(folder: str, code: str) -> None:
    draft = Draft("evil")
    for entry in draft.entries:
        entry.name = str(entry.name).replace("evil-1.0.dist-info", folder)

    assert code_of(draft) == code


@pytest.mark.parametrize(
    "path",
    [
        "victim-1.0.dist-info/METADATA",
        "victim-1.0.dist-info/",
        "Victim-1.0.Dist-Info/METADATA",
        "evil-1.0.0.dist-info/entry_points.txt",
        "victim.egg-info/PKG-INFO",
        "victim.egg-info",
        "victim.egg/EGG-INFO/PKG-INFO",
        "evil-1.0.data/purelib/victim-1.0.dist-info/METADATA",
        "evil-1.0.data/purelib/evil-1.0.dist-info/entry_points.txt",
    ],
)
def test_a_second_metadata_folder_is_refused_wherever_it_lies(path: str) -> None:
    draft = Draft("evil")
    draft.add(path, mode=0)

    assert code_of(draft.seal()) == "wheel-dist-info"


@pytest.mark.parametrize("file", ["direct_url.json", "INSTALLER", "requested"])
def test_what_an_installer_writes_is_in_no_wheel(file: str) -> None:
    draft = Draft("evil")
    draft.add(f"evil-1.0.dist-info/{file}", "{}")

    assert code_of(draft.seal()) == "wheel-installer-file"


IMPORT_NAMES: dict[str, tuple[tuple[str, ...], str]] = {
    "right": (("Import-Name: evil",), ""),
    "private": (("Import-Name: evil ; private",), ""),
    "deeper": (("Import-Name: evil.part",), ""),
    "missing": (("Import-Name: evil", "Import-Name: other"), "wheel-import-names"),
    "not all": (("Import-Name: other",), "wheel-import-names"),
    "none declared": (("Import-Name:",), "wheel-import-names"),
    "a namespace": (("Import-Namespace: evil",), ""),
    "both": (("Import-Name: evil", "Import-Namespace: evil"), "wheel-import-names"),
}


@pytest.mark.parametrize(("headers", "code"), IMPORT_NAMES.values(), ids=IMPORT_NAMES)
def test_import_names_are_held_against_the_modules(
    headers: tuple[str, ...], code: str
) -> None:
    raw = forge(
        "evil", files={"evil/part.py": "", "evil/__init__.py": ""}, headers=headers
    )
    if not code:
        assert judge(raw, NAME).modules == {"evil"}
        return
    with pytest.raises(WheelError) as refused:
        judge(raw, NAME)
    assert refused.value.code == code


LINES = st.sampled_from(
    [
        "Name: a",
        "name:b",
        "Version: 1",
        " more",
        "\t",
        "",
        "x",
        "From y",
        "Name : c",
        "A:",
    ]
)


@given(st.lists(LINES | st.text(max_size=8), max_size=8), st.sampled_from("\n\r"))
def test_headers_that_are_let_in_are_read_as_email_reads_them(
    lines: list[str], end: str
) -> None:
    raw = (end.join(lines) + "\n").encode("utf-8", "replace")
    try:
        headers = read_headers(raw, "wheel-metadata", "METADATA")
    except WheelError:
        return

    message = email.parser.BytesParser().parsebytes(raw)
    names = {name.lower() for name in message}
    for name in ("name", "version", "a", *names):
        theirs = [str(value) for value in message.get_all(name, [])]
        flat = ["\n".join(part.strip(" \t") for part in v.split("\n")) for v in theirs]
        ours = [value.rstrip("\n") for value in headers.all(name)]
        if all(value.isascii() for value in ours):
            assert ours == [value.replace("\r", "").rstrip("\n") for value in flat]


def test_packaging_reads_the_same_names() -> None:
    wheel = judge(forge("evil", requires=["six>=1", "attrs"]), NAME)
    raw, unparsed = parse_email(wheel.metadata)

    assert raw.get("name") == "evil"
    assert tuple(raw.get("requires_dist", ())) == wheel.requires_dist
    assert not unparsed
