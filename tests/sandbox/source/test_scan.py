"""One text or a tree: whatever it holds, the answer is findings."""

from __future__ import annotations

import ast
import gc
import subprocess
import sys
import sysconfig
import threading
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.source import Level, ScanLimits, scan_source, scan_tree

BOMBS: dict[str, bytes] = {
    "parentheses": b"(" * 100_000 + b")" * 100_000,
    "parentheses that parse": b"(" * 199 + b"1" + b")" * 199,
    "minus": b"-" * 15_000 + b"1",
    "many minus": b"-" * 100_000 + b"1",
    "not": b"not " * 100_000 + b"1",
    "lambda": b"lambda:" * 100_000 + b"1",
    "conditions": b"a if a else " * 50_000 + b"a",
    "elif": b"if a:pass\n" + b"elif a:pass\n" * 50_000,
    "attributes": b"a." * 100_000 + b"a",
    "attributes over lines": b"(a\n" + b".a\n" * 15_000 + b")",
    "subscripts": b"a" + b"[0]" * 9_000,
    "calls": b"a" + b"()" * 9_000,
    "sums": b"a+" * 15_000 + b"a",
    "powers": b"a**" * 9_000 + b"a",
    "system": b"import os\nos" + b".system" * 15_000,
    "getattr": b"getattr(" * 150 + b"os" + b",'a')" * 150,
    "f-strings": b"f'" + b"{a}" * 10_000 + b"'",
    "nested f-strings": b'f"{' * 100 + b"1" + b'}"' * 100,
    "decimal": b"x = " + b"9" * 1_000_000,
    "hexadecimal": b"x = 0x" + b"f" * 1_000_000,
    "indentation": b"".join(b" " * i + b"if 1:\n" for i in range(1_000)),
    "targets": b"a=" * 50_000 + b"1",
    "aliases": b"a0 = eval\n"
    + b"".join(b"a%d = a%d\n" % (i + 1, i) for i in range(20_000)),
    "doubling": b"a = eval\n" + b"a = a or a\n" * 5_000 + b"a()",
    "sums of names": b"a0 = 'x'\n"
    + b"".join(b"a%d = a%d + a%d\n" % (i + 1, i, i) for i in range(200))
    + b"getattr(x, a200)",
    "wide sums of names": b"a = 'x'\nb = "
    + b"+".join([b"a"] * 250)
    + b"\nc = "
    + b"+".join([b"b"] * 250)
    + b"\ngetattr(x, "
    + b"+".join([b"c"] * 250)
    + b")",
    "a name to itself": b"a = b\nb = a\na()\na = a\nimport os as c\nc = c.d",
    "null": b"a = '\0'",
    "surrogate": b"'\xed\xa0\x80'",
    "utf-16": "a = 1".encode("utf-16"),
    "form feeds": b"\x0c" * 1_000 + b"a",
    "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_in_findings_and_soon(name: str) -> None:
    started = time.monotonic()

    found = scan_source(BOMBS[name])

    assert all(finding.message for finding in found)
    # Not a measurement: a bomb that works takes minutes, or the process.
    assert time.monotonic() - started < 30


REFUSED = ("many minus", "not", "lambda", "conditions", "elif", "attributes")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_too_deep_says_so(name: str) -> None:
    assert [f.rule for f in scan_source(BOMBS[name])] == ["too-large"]


_BOMB_ON_A_SMALL_STACK = """
import ast, sys, threading
sys.setrecursionlimit(100_000)
from lockgate_sandbox.source import scan_source
threading.stack_size(256 * 1024)
bomb = "not " * 100_000 + "1"
scan = lambda: print(scan_source(bomb)[0].rule, flush=True)
for work in (scan, lambda: ast.parse(bomb)):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""


def test_a_bomb_that_kills_ast_parse_does_not_kill_the_host() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BOMB_ON_A_SMALL_STACK],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.stdout == "too-large\n"
    # The same bomb on the same small stack, without us: a crash.
    assert done.returncode < 0


@given(st.binary(max_size=300))
def test_any_bytes_are_findings(source: bytes) -> None:
    for name in ("a.py", "a.pth", "sitecustomize.py"):
        for finding in scan_source(source, name):
            assert finding.line >= 1
            assert finding.column >= 1
            assert finding.end_line >= finding.line


_TOKENS = """
. ( ) [ ] ' , = := : + * _ 0 ä " {0.__class__} \\x41 eval os import from def f lambda
class getattr __class__ for in global del with as match case if else try except await
return f'{ }' b''
"""
_WORDS = st.sampled_from([*_TOKENS.split(), "\n", " ", "\t", "    ", "\0"])


@given(st.lists(_WORDS, max_size=60).map("".join))
def test_any_text_made_of_python_is_findings(source: str) -> None:
    for finding in scan_source(source):
        assert finding.path == "<source>"


@given(st.text(max_size=200))
def test_any_text_is_findings(source: str) -> None:
    scan_source(source)


def test_syntax_that_this_version_does_not_know() -> None:
    (finding,) = scan_source("def f(:\n  pass")

    assert finding.rule == "syntax-error"
    assert finding.line == 1
    assert "Python 3." in finding.message


@pytest.mark.parametrize(
    "source",
    [
        b"# coding: rot13\nvzcbeg bf",
        b"# coding: unicode_escape\n# \\u000aimport os",
        b"# -*- coding: utf-7 -*-\n+AGkAbQBwAG8AcgB0-",
        b"# coding: no-such\na",
        b"# coding: undefined\na",
        b"a = '\xff'",
        b"\0",
    ],
)
def test_an_encoding_that_hides_code_is_refused(source: bytes) -> None:
    assert [f.rule for f in scan_source(source)] == ["unreadable-text"]


@pytest.mark.parametrize(
    "source",
    [
        b"\xef\xbb\xbfeval('1')",
        b"# coding: utf-8\neval('1')",
        b"# coding: latin-1\nx = '\xe4'; eval('1')",
        b"# vim: set fileencoding=utf-8 :\neval('1')",
        b"a = 1\r\neval('1')\r\n",
        b"a = 1\reval('1')",
    ],
)
def test_usual_encodings_and_line_ends_are_read(source: bytes) -> None:
    (finding,) = [f for f in scan_source(source) if f.rule == "dynamic-execution"]
    text = source.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")

    assert text.split("\n")[finding.line - 1][-9:].startswith("eval")


def test_a_column_counts_characters() -> None:
    (finding,) = scan_source("a = '😀äb'; eval('1')")

    assert (finding.column, finding.end_column) == (12, 16)


def test_no_warning_of_the_parser_leaks() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        scan_source("x = '\\d'\ny is 1\nassert (1, 2)\n0x1for x in y")

    assert seen == []


def test_no_warning_of_others_is_swallowed() -> None:
    scan_source("x = '\\d'")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scan_source("x = '\\d'")
        with pytest.raises(SyntaxError):
            ast.parse("x = '\\d'")


def test_the_collector_is_left_as_it_was() -> None:
    gc.disable()
    try:
        scan_source("a")
        assert not gc.isenabled()
    finally:
        gc.enable()
    scan_source("a")
    assert gc.isenabled()


def test_scans_of_many_threads_leave_the_collector_on() -> None:
    threads = [
        threading.Thread(target=scan_source, args=("eval('1')\n" * 200,))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert gc.isenabled()
    assert threading.stack_size() == 0


def test_bounds_are_findings() -> None:
    small = ScanLimits(file_bytes=100, signs=20, findings=3)

    assert [f.rule for f in scan_source("a" * 101, limits=small)] == ["too-large"]
    assert [f.rule for f in scan_source("[" * 21, limits=small)] == ["too-large"]
    found = [f.rule for f in scan_source("eval\n" * 9, limits=small)]
    assert found == ["dynamic-execution"] * 3 + ["more-findings"]


def test_what_is_dropped_because_of_many_vague_mentions_is_told() -> None:
    # Each line is found twice, and the vaguer finding is left out afterwards.
    many = b"import os\n" + b"os.environ['HOME']\n" * 700 + b"os.environ['API_TOKEN']\n"

    found = {f.rule for f in scan_source(many)}

    assert "more-findings" in found


def test_a_name_that_came_by_a_star_may_have_another() -> None:
    star = "from os import *\nrun = system\ndef f(system): return system\nrun('x')\n"

    found = [(f.rule, f.line) for f in scan_source(star) if f.line in (2, 4)]

    assert ("shell", 2) in found
    assert ("shell", 4) in found


def test_a_function_that_binds_a_name_for_the_module_is_followed() -> None:
    bound = (
        "import os\n"
        "def f():\n"
        "    global run\n"
        "    run = os.system\n"
        "def g():\n"
        "    def h():\n"
        "        nonlocal other\n"
        "        other = eval\n"
        "    other = None\n"
        "    other('1')\n"
        "run('x')\n"
    )

    found = {(f.rule, f.line) for f in scan_source(bound)}

    assert ("shell", 11) in found
    assert ("dynamic-execution", 10) in found


def test_a_bound_below_one_is_refused() -> None:
    with pytest.raises(PolicyError, match="files must be at least 1"):
        ScanLimits(files=0)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "pkg" / "__pycache__").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "pkg" / "a.py").write_text("eval('1')")
    (tmp_path / "pkg" / "plain.py").write_text("x = 1")
    (tmp_path / "pkg" / "data.txt").write_text("eval('1')")
    (tmp_path / "pkg" / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"\0")
    (tmp_path / ".git" / "hook.py").write_text("eval('1')")
    (tmp_path / "script").write_text("#!/usr/bin/env python3\neval('1')")
    (tmp_path / "shell").write_text("#!/bin/sh\neval 1")
    (tmp_path / "start.pth").write_text("import os\n")
    return tmp_path


def test_code_among_byte_code_is_looked_at(tree: Path) -> None:
    """It is imported as ``pkg.__pycache__.more``."""
    (tree / "pkg" / "__pycache__" / "more.py").write_text("eval('1')")
    (tree / "pkg" / "__pycache__" / "else.pyc").write_bytes(b"\0")
    found = {(f.path, f.rule) for f in scan_tree(tree).findings}

    assert ("pkg/__pycache__/more.py", "dynamic-execution") in found
    assert {path for path, _ in found} >= {"pkg/__pycache__/else.pyc"}
    assert "pkg/__pycache__/a.cpython-311.pyc" not in {path for path, _ in found}


def test_a_tree_gives_its_python_files_in_order(tree: Path) -> None:
    scan = scan_tree(tree)

    assert [f.path for f in scan.files] == [
        "pkg/a.py", "pkg/plain.py", "script", "start.pth"
    ]  # fmt: skip
    assert [(f.path, f.rule) for f in scan.findings] == [
        ("pkg/a.py", "dynamic-execution"),
        ("script", "dynamic-execution"),
        ("start.pth", "pth-code"),
    ]
    assert scan.python == f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_a_mapping_is_a_tree(tree: Path) -> None:
    names = ("pkg/a.py", "pkg/plain.py", "pkg/data.txt", "script", "shell", "start.pth")
    given_ = {name: (tree / name).read_bytes() for name in names}

    assert scan_tree(given_) == scan_tree(tree)


def test_one_file_is_a_tree_of_one(tree: Path) -> None:
    (file,) = scan_tree(tree / "pkg" / "a.py").files

    assert file.path == str(tree / "pkg" / "a.py")
    assert [f.rule for f in file.findings] == ["dynamic-execution"]


def test_links_are_named_and_not_followed(tree: Path) -> None:
    (tree / "out.py").symlink_to("/etc/passwd")
    (tree / "folder").symlink_to("/etc")
    (tree / "round").symlink_to(tree)

    left = {f.path for f in scan_tree(tree).findings if f.rule == "left-out"}

    assert left == {"out.py", "folder", "round"}


def test_a_pipe_is_not_waited_for(tree: Path) -> None:
    import os

    os.mkfifo(tree / "pipe.py")

    (finding,) = [f for f in scan_tree(tree).findings if f.path == "pipe.py"]

    assert finding.rule == "left-out"


def test_bounds_of_a_tree_are_findings(tree: Path) -> None:
    deep = tree / "a" / "b" / "c"
    deep.mkdir(parents=True)
    few = scan_tree(tree, limits=ScanLimits(files=2)).findings
    short = scan_tree(tree, limits=ScanLimits(total_bytes=5)).findings
    shallow = scan_tree(tree, limits=ScanLimits(depth=2)).findings

    for found in (few, short):
        assert [f.rule for f in found][-1:] == ["left-out"] or "left-out" in {
            f.rule for f in found
        }
    assert [f.path for f in shallow if f.rule == "left-out"] == ["a/b/c"]


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(PolicyError, match="No such file"):
        scan_tree("/no/such/folder")


@pytest.mark.slow
def test_the_standard_library_scans_without_a_mistake() -> None:
    stdlib = Path(sysconfig.get_path("stdlib"))
    names = [p for g in ("*", "asyncio/*", "email/*") for p in stdlib.glob(g + ".py")]
    scan = scan_tree({str(p.relative_to(stdlib)): p.read_bytes() for p in names})
    levels = [f.level for f in scan.findings]

    assert len(scan.files) > 150
    assert not {"too-large", "syntax-error", "unreadable-text"} & {
        f.rule for f in scan.findings
    }
    # Errors are for what honest code hardly does: the library holds next to none.
    assert levels.count(Level.ERROR) < len(scan.files) / 5
    assert "json/decoder.py" not in {f.path for f in scan.findings}


def test_a_scan_leaves_nothing_for_the_collector() -> None:
    source = "import os\ndef f(a, b=os):\n    x = a\n    return [y for y in x]\n" * 50
    scan_source(source)
    gc.collect()
    gc.disable()
    try:
        scan_source(source)
        assert gc.collect() < 20
    finally:
        gc.enable()
