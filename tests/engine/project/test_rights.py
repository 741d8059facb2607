"""What source does beside what a manifest declares, whatever the source is."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.manifest import parse_manifest
from lockgate.project import source_findings
from lockgate.project._rights import rights_findings
from lockgate_sandbox.source import scan_tree
from tests.support.dists import manifest_text

MANIFEST = parse_manifest(
    manifest_text("acme").encode(), file="lockgate.toml", distribution="acme"
)


def rules(source: str | bytes) -> set[str]:
    data = source.encode() if isinstance(source, str) else source
    found = source_findings({"acme/x.py": data}, MANIFEST, "acme/lockgate.toml")
    return {finding.rule for finding in found}


def test_a_door_that_is_not_declared_is_found_by_both_readers() -> None:
    assert rules("import socket\nsocket.create_connection(('a', 1))\n") == {
        "right-undeclared"
    }
    assert rules("def f(context):\n    context.secret('api')\n") == {"right-undeclared"}
    assert rules("x = 1\n") == set()


@pytest.mark.parametrize(
    "source",
    [
        "if a:\n    pass\n" + "elif a:\n    pass\n" * 20_000,
        "(" * 5_000,
        "-" * 50_000 + "1",
        "def f(:\n",
        b"\0",
        b"\xff\xfe",
    ],
    ids=["elif", "brackets", "minus", "syntax", "null", "bytes"],
)
def test_source_that_cannot_be_read_is_told_and_no_crash(source: str | bytes) -> None:
    assert rules(source) == {"source-opaque"}


def test_a_door_in_a_file_that_is_too_large_is_not_overlooked() -> None:
    door = "def f(context):\n    context.secret('api')\n"
    padded = door + "# " + "x" * (512 * 1024) + "\n"

    assert rules(door) == {"right-undeclared"}
    assert rules(padded) == {"source-opaque"}
    # The other reader takes it, and knows no doors of the context: it is silent.
    assert not scan_tree({"acme/x.py": padded.encode()}).findings


def test_files_that_a_check_does_not_open_are_named(tmp_path: Path) -> None:
    package = tmp_path / "acme"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "huge.py").write_bytes(b"#" * (9 << 20))
    (package / "linked.py").symlink_to("/etc/hostname")
    (package / "data.bin").write_bytes(b"#" * (9 << 20))

    found = list(rights_findings(tmp_path, package, MANIFEST, "acme/lockgate.toml"))

    assert {(one.path, one.rule) for one in found} == {
        ("acme/huge.py", "source-opaque"),
        ("acme/linked.py", "source-opaque"),
    }
