"""Many processes find what one does, and one that dies costs one file."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from lockgate_sandbox import PolicyError
from lockgate_sandbox.source import ScanCache, TreeScan, scan_tree

_LINE = "import os\nos.system('x' + str({}))\nnames = [os.path, os.environ]\n"


def _tree(files: int, lines: int = 500) -> dict[str, bytes]:
    return {
        f"m{number:03}.py": "".join(_LINE.format(n) for n in range(lines)).encode()
        for number in range(files)
    }


def _children() -> set[int]:
    tasks = Path("/proc/self/task")
    return {
        int(pid)
        for task in tasks.iterdir()
        for pid in (task / "children").read_text().split()
    }


@pytest.fixture(scope="module")
def alone() -> TreeScan:
    return scan_tree(_tree(30))


def test_several_processes_find_the_same_in_the_same_order(alone: TreeScan) -> None:
    assert scan_tree(_tree(30), jobs=3) == alone
    assert len(alone.findings) > 1_000


def test_what_is_found_is_remembered(alone: TreeScan) -> None:
    cache = ScanCache()
    tree = {**_tree(30), "other.py": b"import ctypes\n" * 40_000}
    first = scan_tree(tree, cache=cache, jobs=2)
    before = _children()
    assert scan_tree(tree, cache=cache, jobs=2) == first
    assert first.files[:-1] == alone.files
    assert _children() == before


def test_a_process_that_dies_costs_one_file_and_is_replaced(alone: TreeScan) -> None:
    before = _children()

    def kill_one() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if fresh := _children() - before:
                os.kill(fresh.pop(), signal.SIGKILL)
                return
            time.sleep(0.001)

    killer = threading.Thread(target=kill_one)
    killer.start()
    found = scan_tree(_tree(30), jobs=2)
    killer.join()
    lost = [file for file in found.files if file not in alone.files]
    assert len(lost) == 1
    (finding,) = lost[0].findings
    assert finding.message == "the process that read it ended with signal 9"
    assert (finding.rule, str(finding.level)) == ("too-large", "error")
    assert _children() == before


def test_few_files_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere")
    assert scan_tree(_tree(2), jobs=8) == scan_tree(_tree(2))


def test_less_than_one_process_is_refused() -> None:
    with pytest.raises(PolicyError, match="one process at least"):
        scan_tree({}, jobs=0)
