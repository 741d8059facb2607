"""Memory that is used up to the last byte is told as the limit that it is."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate_sandbox import (
    CpuLimitError,
    Interpreter,
    LimitError,
    MemoryLimitError,
    Policy,
    Sandbox,
    WallLimitError,
    WorkerDiedError,
    run_python,
)
from lockgate_sandbox._inside import reserve
from lockgate_sandbox._line.process import Exit, cause
from tests.support.sandbox import Lab

pytestmark = pytest.mark.kernel

_LIMIT_BYTES = 64 << 20
_POLICY = Policy.for_tier(
    "read-only",
    limits={"memory_bytes": _LIMIT_BYTES, "wall_seconds": 20, "cpu_seconds": 20},
)

ITEMS = {
    "text": "str(len(kept)) * 10",
    "number": "len(kept) + 10**10",
    "list": "[len(kept)]",
    "map": "{'a': len(kept)}",
    "object": "Small()",
}
"""What is small enough to use up the last byte."""

_FILL = """
class Small:
    def __init__(self):
        self.inner = []

kept = []
def fill():
    while True:
        kept.append({item})
"""


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_a_text_says_so_each_time_and_its_names_are_there_still(item: str) -> None:
    with Interpreter.open(_POLICY) as interpreter:
        filled = interpreter.run(_FILL.format(item=item) + "fill()")
        for _ in range(2):
            error = filled.error
            assert isinstance(error, MemoryLimitError), filled
            assert error.claimed  # said by itself: it is alive
            emptied = interpreter.run("many = len(kept)\nkept.clear()\nmany > 9999")
            assert emptied.value is True, emptied
            filled = interpreter.run("fill()")


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_a_handler_says_so_and_answers_on(lab: Lab, item: str, awaited: bool) -> None:
    lab.write(
        "fills",
        _FILL.format(item=item)
        + f"""
def build(session):
    def handler(method, arguments):
        fill() if method == "fill" else kept.clear()
        return method
    async def slow(method, arguments):
        return handler(method, arguments)
    return {"slow" if awaited else "handler"}
""",
    )
    with lab.sandbox.worker(
        _POLICY, target="fills:build", path=[str(lab.folder)]
    ) as worker:
        assert worker.call("clear").value == "clear"
        for _ in range(2):
            with pytest.raises(MemoryLimitError) as caught:
                worker.call("fill")
            assert caught.value.claimed
            assert worker.call("clear").value == "clear"


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_a_file_says_so(sandbox: Sandbox, tmp_path: Path, item: str) -> None:
    script, told = tmp_path / "fills.py", tmp_path / "told"
    script.write_text(_FILL.format(item=item) + "fill()\n")
    with told.open("wb") as file:
        done = sandbox.run_file(_POLICY, script, stdio=(0, 1, file.fileno()))
    assert isinstance(done.error, MemoryLimitError), done
    assert told.read_text().endswith("MemoryError\n")


_ROUND = """
class Guard:
    def __enter__(self): pass
    def __exit__(self, *_): pass

def turn():
{long}
    with Guard():
        fill()

turn()
"""


def test_who_goes_round_for_want_of_memory_is_told_so_by_the_limit_of_time(
    lab: Lab,
) -> None:
    given = replace(_POLICY, limits=replace(_POLICY.limits, cpu_seconds=2))
    code = _ROUND.format(long="    x = kept\n" * 200)

    def ended() -> LimitError:
        with pytest.raises(LimitError) as caught:
            lab.run(given, _FILL.format(item=ITEMS["map"]) + code)
        return caught.value

    error = ended()
    if sys.version_info < (3, 14):
        # Now and then what is allocated on the way lets the error through.
        for _ in range(9):
            if not isinstance(error, MemoryLimitError):
                break
            error = ended()
        assert isinstance(error, CpuLimitError)
        assert error.suspects == ("memory_bytes",)
        assert "its memory was used up as well" in error.hint
    assert "`memory_bytes`" in error.hint


@pytest.mark.parametrize("full", [True, False])
def test_a_deadline_says_whether_memory_was_used_up_as_well(
    lab: Lab, full: bool
) -> None:
    fill = _FILL.format(item=ITEMS["map"]) + (
        "try:\n    fill()\nexcept MemoryError:\n    kept.clear()\n" if full else ""
    )
    with lab.worker(_POLICY) as worker:
        worker.call(fill)
        with pytest.raises(WallLimitError) as caught:
            worker.call("while True: pass", timeout=0.3)

    assert caught.value.suspects == (("memory_bytes",) if full else ())
    assert ("`memory_bytes`" in caught.value.hint) is full


_PROCESS = """
import resource, sys, traceback
from lockgate_sandbox._inside.reserve import spend
resource.setrlimit(resource.RLIMIT_DATA, ({limit}, {limit}))
{fill}
def caught():
    try:
        fill()
    except MemoryError as error:
        {first}
        told = "".join(traceback.format_exception(error))
    return told

print(caught())
"""


def _told(item: str, first: str) -> str:
    """What a process tells that has begun with `first` when its memory was full."""
    fill = _FILL.format(item=item)
    code = _PROCESS.format(limit=_LIMIT_BYTES, fill=fill, first=first)
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=5 if first == "pass" else 30,
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
        )
    except subprocess.TimeoutExpired:  # it goes round for ever
        return ""
    return done.stdout


def test_without_the_reserve_one_or_another_can_not_be_told() -> None:
    smallest = [ITEMS["map"], ITEMS["number"], ITEMS["list"]]
    for item in smallest:
        assert _told(item, "spend(error)").endswith("MemoryError\n\n")
    assert not all(_told(item, "pass") for item in smallest)


def test_it_is_kept_again_when_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    reserve.spend(ValueError())
    assert reserve.KEPT
    reserve.spend(MemoryError())
    assert not reserve.KEPT
    with monkeypatch.context() as full:
        full.setattr(reserve, "_RESERVE_BYTES", sys.maxsize // 2)
        reserve.keep()
        assert not reserve.KEPT
    for _ in range(2):
        reserve.keep()
        assert len(reserve.KEPT) == 1


def test_a_process_that_could_not_even_say_so_is_believed_by_its_peak() -> None:
    full, less = _LIMIT_BYTES >> 10, _LIMIT_BYTES >> 11
    error = cause(Exit(70, None, peak_kib=full), _POLICY.limits)
    assert isinstance(error, MemoryLimitError)
    assert error.claimed
    assert isinstance(
        cause(Exit(70, None, peak_kib=less), _POLICY.limits), WorkerDiedError
    )
    assert isinstance(
        cause(Exit(1, None, peak_kib=full), _POLICY.limits), WorkerDiedError
    )


def test_the_first_text_says_so_too() -> None:
    done = run_python(_FILL.format(item=ITEMS["map"]) + "fill()", _POLICY)
    assert isinstance(done.error, MemoryLimitError)
    assert done.error.claimed
