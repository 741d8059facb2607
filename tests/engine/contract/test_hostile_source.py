"""Source that is written to hold up whoever reads it: the host stays in time."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockgate.contract import _modules
from lockgate.contract._modules import Sources
from lockgate_sandbox.parsing import batch

JUDGE = """
import sys
from lockgate.contract import _modules, check_impls
from lockgate.manifest import HookImpl, Manifest

_modules.STEPS_LIMIT = int(sys.argv[2])
impls = (HookImpl("transform", "acme.plugin:transform"),)
manifest = Manifest("acme", "A.", ("transformer",), ">=1", "read-only", impls)
print(check_impls(manifest, distribution="acme", roots=[sys.argv[1]]))
"""

STARS = "from acme.plugin import *\n" * 10
UNIONS = "\n".join(
    [
        "from typing import Union",
        "from lockgate.plugin import hookimpl",
        *(f"A{i} = Union[{', '.join([f'A{i + 1}'] * 30)}]" for i in range(12)),
        "A12 = int",
        "@hookimpl",
        "def transform(tree: A0): ...",
    ]
)


def package(root: Path, **modules: str) -> str:
    folder = root / "acme"
    folder.mkdir()
    for name, text in {"__init__": "", **modules}.items():
        (folder / f"{name}.py").write_text(text)
    return str(root)


def judge(root: str, steps: int, seconds: float) -> str:
    return subprocess.run(
        [sys.executable, "-c", JUDGE, root, str(steps)],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds,
    ).stdout.strip()


@pytest.mark.parametrize("source", [STARS, UNIONS], ids=["stars", "unions"])
def test_names_that_branch_without_end_are_unknown(tmp_path: Path, source: str) -> None:
    root = package(tmp_path, plugin=source)

    assert judge(root, _modules.STEPS_LIMIT, 60) == "()"
    with pytest.raises(subprocess.TimeoutExpired):  # without the limit it hangs
        judge(root, 10**15, 3)


@pytest.mark.parametrize("mended", [True, False])
def test_modules_are_read_up_to_a_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mended: bool
) -> None:
    text = "#" * (400 * 1024) + "\nknown = 1\n"
    names = [f"m{number}" for number in range(8)]
    root = package(tmp_path, **dict.fromkeys(names, text))
    if not mended:
        monkeypatch.setattr(_modules, "TOTAL_LIMIT_BYTES", 1 << 40)
    sources = Sources([root], time.time_ns())

    found = batch(lambda: [sources.module(f"acme.{name}") for name in names])

    read = [one for one in found if one is not None and "known" in one.bound]
    unread = [one for one in found if one is not None and one.dynamic]
    assert len(read) == (2 if mended else 8)
    assert len(read) + len(unread) == 8


def test_a_long_chain_of_elif_is_read(tmp_path: Path) -> None:
    text = "first = 1\nif first:\n one = 1\n" + "elif first:\n one = 1\n" * 1500
    sources = Sources([package(tmp_path, plugin=f"{text}last = 1\n")], time.time_ns())

    module = batch(lambda: sources.module("acme.plugin"))

    assert module is not None
    assert list(module.bound) == ["first", "one", "last"]
    assert len(module.bound["one"]) == 1501
    assert not module.bound["one"][0].firm
    assert module.bound["last"][0].firm
    tree = batch(lambda: ast.parse(text))
    with pytest.raises(RecursionError):  # what any visitor of the tree meets
        batch(lambda: ast.NodeVisitor().visit(tree))


def test_a_module_that_is_a_fifo_or_a_device_is_not_read(tmp_path: Path) -> None:
    root = package(tmp_path)
    os.mkfifo(tmp_path / "acme" / "pipe.py")
    (tmp_path / "acme" / "zero.py").symlink_to("/dev/zero")
    sources = Sources([root], time.time_ns())

    found = batch(lambda: [sources.module(f"acme.{n}") for n in ("pipe", "zero")])

    assert found == [None, None]
