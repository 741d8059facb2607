"""Source that is hostile to the compiler, while a child waits that has read it.

Nobody has asked for that source yet. What it costs may be its own plugin's start, and
not for long; never another plugin's, and it may execute nothing.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from lockgate_sandbox import Policy, Sandbox, SandboxError, WorkerDiedError
from lockgate_sandbox._start import spares
from lockgate_sandbox._start.spares import Forked, Spares
from lockgate_sandbox._watch.tree import cpu_seconds
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox.posture import Posture
from lockgate_sandbox.replies import Usage
from tests.support.sandbox import open_folder, wait_until

pytestmark = pytest.mark.kernel

_HONEST = """
print("imported")

def build(session):
    return lambda method, arguments: "honest"
"""


def _bomb(depth: int) -> str:
    """A function of a few lines whose code is `2 ** depth` of them.

    What stands behind `finally` is compiled once for each way to get there.
    """
    lines = ["def bomb():"]
    for indent in range(1, depth + 1):
        lines += [" " * indent + "try: x", " " * indent + "finally:"]
    return "\n".join([*lines, " " * (depth + 1) + "y", ""])


class _House:
    """A sandbox and a folder that plugins of one policy lie in."""

    policy = Policy.for_tier("read-only")

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox

    def put(self, name: str, source: str) -> None:
        (self.folder / f"{name}.py").write_text(source)

    def start(self, name: str, then: str = "") -> tuple[object, Usage, str]:
        """Ask a new worker of that plugin; the next child has time to look at it.

        With `then` it finds that source.
        """
        with self.sandbox.worker(
            self.policy, target=f"{name}:build", path=[str(self.folder)]
        ) as worker:
            reply = worker.call("x")
            if then:
                self.put(name, then)
        time.sleep(0.1)
        return reply.value, reply.usage, reply.output

    def plant(self, code: bytes) -> Path:
        """Lay a compiled file that Python takes for that of the honest source."""
        file = self.folder / "honest.py"
        info = file.stat()
        head = importlib.util.MAGIC_NUMBER + bytes(4)
        head += int(info.st_mtime).to_bytes(4, "little")
        head += info.st_size.to_bytes(4, "little")
        compiled = Path(importlib.util.cache_from_source(str(file)))
        compiled.parent.mkdir(exist_ok=True)
        compiled.write_bytes(head + code)
        return compiled

    @property
    def waiting(self) -> list[Forked]:
        """The children that wait."""
        made: Spares = self.sandbox._spares  # pyright: ignore[reportPrivateUsage]
        return [one.child for one in made._spares.values()]  # pyright: ignore[reportPrivateUsage]


@pytest.fixture
def house() -> Generator[_House]:
    """A house of its own for each test: what was asked for before counts."""
    with open_folder() as folder, Sandbox.open() as sandbox:
        made = _House(folder, sandbox)
        made.put("honest", _HONEST)
        yield made


def _start_beside_a_bomb(house: _House) -> int:
    """The peak memory of an honest plugin's worker, in MiB."""
    house.put("bomb", _HONEST + _bomb(14) * 3)
    for _ in range(3):
        assert house.start("bomb")[0] == "honest"
    value, usage, _ = house.start("honest")
    assert value == "honest"
    return usage.peak_memory_bytes >> 20


def test_what_one_source_costs_is_not_charged_to_another_plugin(house: _House) -> None:
    assert _start_beside_a_bomb(house) < 32


def test_a_child_that_serves_whatever_comes_carries_it_over(
    house: _House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spares._Waiting, "fits", lambda *_: True)  # pyright: ignore
    assert _start_beside_a_bomb(house) > 48


def test_plugins_that_take_turns_are_not_looked_at(
    house: _House, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(Forked, "foretell", lambda _, job: told.append(job))  # pyright: ignore
    house.put("other", _HONEST)
    for name in ("honest", "other") * 3:
        house.start(name)
    assert told == []
    assert house.waiting


def test_a_source_that_is_long_in_compiling_is_not_compiled_to_its_end(
    house: _House,
) -> None:
    for then in ("", "", _HONEST + _bomb(11) * 600):
        assert house.start("honest", then)[0] == "honest"
    (child,) = house.waiting
    process = child.process()
    spent = [0.0]

    def ended() -> bool:
        spent.append(cpu_seconds(process.pid))
        return process.ended()

    assert wait_until(ended)
    assert 0.5 < max(spent) < 2
    house.put("honest", _HONEST)
    assert house.start("honest")[0] == "honest"


@pytest.mark.parametrize("coding", ["evil", "lab.evil", "idna", "zlib", "punycode"])
def test_an_encoding_that_is_declared_runs_nothing_of_its_folder(
    house: _House, coding: str
) -> None:
    evil = "import os\nos._exit(9)\n"
    house.put("evil", evil)
    (house.folder / "encodings").mkdir()
    for name in ("__init__", "evil"):
        house.put(f"encodings/{name}", evil)
    for _ in range(3):
        house.start("honest")
        source = f"# coding: {coding}\n{_HONEST}"
        house.put("honest", source)
        try:
            compile(source.encode(), "x", "exec")
        except (SyntaxError, ValueError):
            with pytest.raises(SandboxError, match=r"SyntaxError|UnicodeDecodeError"):
                house.start("honest")
        else:
            assert house.start("honest")[2] == "imported\n"
        time.sleep(0.05)
        assert all(not child.process().ended() for child in house.waiting)
        house.put("honest", _HONEST)


@pytest.mark.parametrize(
    "cached", [b"", b"c", b"\xe3" + b"\xff" * 40, b"N", b"(" * 9999]
)
def test_compiled_files_that_are_torn_cost_only_their_own_start(
    house: _House, cached: bytes
) -> None:
    assert house.start("honest")[0] == "honest"
    compiled = house.plant(cached)
    for _ in range(3):
        with pytest.raises(SandboxError):
            house.start("honest")
    assert all(not child.process().ended() for child in house.waiting)
    compiled.unlink()
    assert house.start("honest")[0] == "honest"


_CRASH = b"\xa8\2\0\0\0>\1\0\0\0r\0\0\0\0N"
"""A set in a tuple that holds itself: CPython 3.11 reads a null pointer of it."""


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="what crashes is CPython 3.11")
def test_the_seal_is_told_before_anything_foreign_is_read(house: _House) -> None:
    """Who can make the interpreter do as it likes can tell the host no seal."""
    for _ in range(2):
        assert house.start("honest")[0] == "honest"
    house.plant(_CRASH)
    with pytest.raises(WorkerDiedError, match="SIGSEGV"):
        house.start("honest")
    (child,) = house.waiting
    wait_until(child.process().ended)

    kind, _, (posture, _) = child.channel.receive()

    assert kind == Kind.READY
    assert Posture.from_wire(posture)["seccomp"].state == "active"
