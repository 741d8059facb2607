"""Verdicts are remembered as long as the files stay as they are, and no longer."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockgate.contract import _verdicts
from lockgate.contract._problems import Problem
from lockgate.contract._verdicts import verdict
from lockgate.manifest import HookImpl, Manifest

MARKED = "from lockgate.plugin import hookimpl\n@hookimpl\ndef transform({}): ...\n"


class Plugin:
    """A plugin on disk, and who asks about it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cache = root / "cache"
        self.module = root / "site" / "acme" / "plugin.py"
        self.module.parent.mkdir(parents=True)
        (self.module.parent / "__init__.py").write_text("")
        self.write("wood")
        self.age()

    def write(self, parameter: str) -> None:
        self.module.write_text(MARKED.format(parameter))

    def age(self) -> None:
        """Let the files be older than a file's clock is coarse."""
        old = time.time() - 10
        for path in self.module.parent.iterdir():
            os.utime(path, (old, old))

    def ask(self) -> tuple[Problem, ...]:
        impl = HookImpl("transform", "acme.plugin:transform")
        kinds = ("transformer",)
        return verdict(
            Manifest("acme", "A.", kinds, ">=1", "read-only", (impl,)),
            distribution="acme",
            roots=[str(self.root / "site")],
            cache_dir=str(self.cache),
        )


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each verdict that is read from source."""
    import lockgate.contract as contract

    found: list[int] = []
    before = contract.examine

    def examine(*arguments: object) -> object:
        found.append(1)
        return before(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(contract, "examine", examine)
    return found


def test_a_verdict_is_read_from_source_once(plugin: Plugin, looks: list[int]) -> None:
    first, second = plugin.ask(), plugin.ask()

    assert [problem.code for problem in first] == ["impl-arguments"]
    assert first == second
    assert len(looks) == 1


def test_an_edited_file_is_looked_at_again(plugin: Plugin, looks: list[int]) -> None:
    plugin.ask()
    plugin.write("tree")

    assert plugin.ask() == ()
    assert len(looks) == 2


def test_an_edit_in_the_same_moment_is_seen(plugin: Plugin) -> None:
    plugin.write("wood")
    assert plugin.ask() != ()
    status = plugin.module.stat()
    plugin.write("tree")
    os.utime(plugin.module, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert plugin.ask() == ()


def test_a_file_that_appears_is_seen(plugin: Plugin, looks: list[int]) -> None:
    plugin.ask()
    shadow = plugin.module.parent / "plugin"
    shadow.mkdir()
    (shadow / "__init__.py").write_text(MARKED.format("tree"))

    assert plugin.ask() == ()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"key": 1}'])
def test_a_damaged_verdict_is_made_anew(plugin: Plugin, content: bytes) -> None:
    first = plugin.ask()
    (file,) = plugin.cache.iterdir()
    file.write_bytes(content)

    assert plugin.ask() == first


def test_a_verdict_that_another_could_have_written_is_not_believed(
    plugin: Plugin, looks: list[int]
) -> None:
    plugin.ask()
    (file,) = plugin.cache.iterdir()
    file.write_bytes(file.read_bytes().replace(b"impl-arguments", b"impl-twice"))
    file.chmod(0o666)

    assert [problem.code for problem in plugin.ask()] == ["impl-arguments"]
    assert len(looks) == 2


def test_a_remembered_verdict_loads_neither_parser_nor_specs(plugin: Plugin) -> None:
    plugin.ask()
    code = (
        "import sys, runpy\n"
        "from lockgate.contract._verdicts import verdict\n"
        "from lockgate.manifest import HookImpl, Manifest\n"
        "impl = HookImpl('transform', 'acme.plugin:transform')\n"
        "m = Manifest('acme', 'A.', ('transformer',), '>=1', 'read-only', (impl,))\n"
        "site, cache = sys.argv[1:]\n"
        "p = verdict(m, distribution='acme', roots=[site], cache_dir=cache)\n"
        "assert [x.code for x in p] == ['impl-arguments']\n"
        "heavy = {'lockgate._specs.spec', 'lockgate.contract._impls',"
        " 'lockgate_sandbox'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(plugin.root / "site"), str(plugin.cache)],
        check=True,
    )


def test_without_a_cache_nothing_is_written(plugin: Plugin, tmp_path: Path) -> None:
    plugin.cache = Path()
    before = sorted(tmp_path.rglob("*"))
    impl = HookImpl("transform", "acme.plugin:transform")
    manifest = Manifest("acme", "A.", ("ai",), ">=1", "read-only", (impl,))
    roots = [str(tmp_path / "site")]
    found = _verdicts.verdict(manifest, distribution="a", roots=roots, cache_dir="")

    assert found
    assert sorted(tmp_path.rglob("*")) == before
