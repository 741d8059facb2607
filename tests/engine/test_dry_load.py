"""A plugin is loaded once without a right: what it tries comes to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import pytest

from lockgate.config import Config, default_config
from lockgate.dry_load import LoadFinding, dry_load
from lockgate.errors import SandboxUnavailableError
from lockgate.manifest import Manifest, parse_manifest
from tests.support.dists import manifest_text
from tests.support.imports import ATTACKS, victims

pytestmark = pytest.mark.kernel

IMPL = """
from lockgate.plugin import hookimpl

@hookimpl
def transform(tree, options):
    return None
"""
ALL_OFF: dict[str, Literal["off"]] = dict.fromkeys(
    ("uid", "capabilities", "user-namespace", "mount-namespace", "landlock", "seccomp",
     "scratch", "process-limit", "rlimits", "pid-namespace"), "off",
)  # fmt: skip


@pytest.fixture
def site() -> Iterator[Path]:
    # A worker may run as a user without rights: it must be able to read it.
    with TemporaryDirectory(prefix="lockgate-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "acme").mkdir()
        yield folder


def config(**how: Any) -> Config:
    from dataclasses import replace

    return replace(default_config(), **how)


def manifest(tier: str = "read-only", extra: str = "") -> Manifest:
    text = manifest_text("acme", tier=f'"{tier}"', extra=extra)
    return parse_manifest(text.encode(), file="lockgate.toml", distribution="acme")


def load(
    site: Path, code: str, of: Manifest | None = None, **how: Any
) -> tuple[LoadFinding, ...]:
    (site / "acme" / "__init__.py").write_text(f"import acme.more\n{IMPL}")
    (site / "acme" / "more.py").write_text(code)
    return dry_load(of or manifest(), folders=[str(site)], config=config(**how))


def test_what_an_import_tries_comes_to_nothing(site: Path) -> None:
    with victims() as them:
        (finding,) = load(site, them.source)
        harm = them.harm()

    told = them.told(finding.message)
    assert harm == set()
    assert list(told) == list(ATTACKS)
    assert set(told.values()) <= {"PermissionError", "ProcessLookupError"}
    assert (finding.kind, finding.file) == ("import", "acme/more.py")


def test_with_the_layers_off_the_same_import_does_it_all(site: Path) -> None:
    """All but one: the process that workers are forked from has no network itself."""
    with victims() as them:
        (finding,) = load(site, them.source, layers=ALL_OFF)
        them.process.wait(5)
        harm = them.harm()

    told = them.told(finding.message)
    assert {attack for attack in ATTACKS if told[attack] != "done"} <= {"connects"}
    assert harm >= {"removes a file", "writes a file", "kills another process"}


RIGHTS = """
[rights]
net = ["api.example.org"]
env = ["ACME_KEY"]
read = ["/etc"]
"""
SOCKET = "\nimport socket\nsocket.socket()\n"


@pytest.mark.parametrize(
    ("code", "kind", "where", "right", "words"),
    [
        ("\n\nraise ValueError('no')", "import", "more.py:3", "", "ValueError: no"),
        ("import nowhere_x", "import", "more.py:1", "", "No module named"),
        ("x = (", "import", "more.py:1", "", "SyntaxError"),
        ("raise SystemExit(0)", "import", "more.py:1", "", "SystemExit"),
        ("open('/etc/passwd-')", "denied", "more.py:1", "path:/etc/passwd-", "denied"),
        (SOCKET, "denied", "more.py:3", "net", "not permitted"),
        ("import os\nos.fork()", "denied", "more.py:2", "call", "not permitted"),
        ("import os\nos.environ['NOPE']", "import", "more.py:2", "env:NOPE", "NOPE"),
        ("import subprocess as s\ns.run('ls')", "denied", "more.py:2", "program", ""),
        ("x = bytearray(3 << 30)", "limit", "more.py:1", "", "MemoryError"),
        ("import os\nos._exit(0)", "crash", "__init__.py", "", "exit status 0"),
        ("import ctypes\nctypes.string_at(0)", "crash", "__init__.py", "", "SIGSEGV"),
    ],
)
def test_what_fails_is_told_with_its_place(
    site: Path, code: str, kind: str, where: str, right: str, words: str
) -> None:
    (finding,) = load(site, code)

    assert (finding.kind, finding.where) == (kind, f"acme/{where}")
    assert (finding.right, finding.asked) == (right, False)
    assert words in finding.message


@pytest.mark.parametrize(
    ("code", "limits"),
    [
        ("import time\ntime.sleep(60)", {"wall_seconds": 1.0}),
        ("while True: pass", {"cpu_seconds": 1}),
    ],
)
def test_an_import_that_does_not_end_is_ended(
    site: Path, code: str, limits: dict[str, float]
) -> None:
    (finding,) = load(site, code, limits=limits)

    assert (finding.kind, finding.where) == ("limit", "acme/__init__.py")


@pytest.mark.parametrize(
    ("code", "right"),
    [
        (SOCKET, "net:api.example.org"),
        ("open('/etc/shadow')", "read:/etc"),
        ("import os\nos.environ['ACME_KEY']", "env:ACME_KEY"),
    ],
)
def test_a_right_that_is_asked_for_is_named(site: Path, code: str, right: str) -> None:
    (finding,) = load(site, code, manifest("elevated", RIGHTS))

    assert (finding.right, finding.asked) == (right, True)


def test_a_scratch_folder_needs_no_consent(site: Path) -> None:
    writes = "import tempfile\ntempfile.mkdtemp()\n"

    (finding,) = load(site, writes)
    assert "temporary directory" in finding.message
    assert load(site, writes, manifest("basic")) == ()


def test_a_plugin_that_loads_has_no_findings(site: Path) -> None:
    assert load(site, "import json, decimal\n") == ()


def test_a_function_that_is_missing_is_told(site: Path) -> None:
    other = manifest(extra='[hooks]\ntransform = "acme.more:elsewhere"\n')

    (finding,) = load(site, "globals()\n", other)

    assert (finding.kind, finding.file) == ("impl", "acme/more.py")


def test_without_a_sandbox_nothing_is_run(site: Path) -> None:
    with pytest.raises(SandboxUnavailableError):
        load(site, "x = 1", layers={"nowhere": "strict"})
