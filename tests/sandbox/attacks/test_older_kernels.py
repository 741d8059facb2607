"""Older Landlocks: what is lost there is what the security model says, and no more.

The machine's own is made older: its rules ask for no more than that ABI knew. All of
the catalogue is tried in workers of a real sandbox, single locks in sealed children.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox.grants import Device
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.security import ABIS
from tests.sandbox.attacks.catalogue import RUNGS
from tests.sandbox.attacks.matrix import mistake, outcomes
from tests.support.layers import Cell, Outcome, machine_filters

pytestmark = pytest.mark.kernel

_OLDER = range(1, 7)
_TRIED = [
    *((1, rung) for rung in RUNGS),
    # What each later one adds: truncating and devices to files, the rest to programs.
    # A root host's workers have uids of their own besides.
    *(
        pytest.param(abi, rung, marks=pytest.mark.host("user"))
        for abi, rung in (
            (2, "elevated"),
            (3, "read-only"),
            (4, "elevated"),
            (5, "programs"),
            (6, "programs"),
        )
    ),
]
"""With the oldest everything, since a later one holds what it holds."""


def _have(cell: Cell, abi: int) -> None:
    """Skip where the machine's own Landlock is older than that."""
    if cell.capabilities()["landlock_abi"] < abi:
        pytest.skip(f"this kernel has no Landlock of ABI {abi}")


@pytest.mark.parametrize(("abi", "rung"), _TRIED)
def test_an_older_landlock_loses_signals_to_programs_only(
    cell: Cell, abi: int, rung: str
) -> None:
    _have(cell, abi)
    mistakes: dict[str, str] = {}
    states: set[str] = set()
    for attack, outcome in outcomes(cell, rung, abi):
        assert outcome.posture.abi == abi
        states.add(outcome.posture["landlock"].state)
        if told := mistake(cell, rung, attack, outcome):
            mistakes[attack.name] = told

    # A root host's workers have uids of their own, which hold signals too; of others a
    # worker reaches its parent at least, where a namespace hides everybody else.
    lost = abi < 6 and rung == "programs"
    assert states == {"degraded" if lost else "active"}
    assert ("send a signal to its parent" in mistakes) is (lost and not cell.root)
    assert all(
        "signal" in name and told == "succeeded" for name, told in mistakes.items()
    )


@dataclass(frozen=True)
class Lock:
    """What Landlock holds from ABI `since` on, and each of `also` at every one.

    `code` sets `result` if it gets through.
    """

    since: int
    code: str
    also: tuple[str, ...] = ("seccomp",)
    job: dict[str, Any] = field(default_factory=dict[str, Any])

    def run(self, cell: Cell, abi: int, *, off: bool) -> Outcome:
        """How it ends at `abi`; `off`: without the other layers."""
        job: dict[str, Any] = {**self.job, "abi": abi}
        for right in ("read", "write"):
            if right in job:
                job[right] = [cell.host[name] for name in job[right]]
        if off:
            # Without seccomp root could fork, and nothing would count it.
            modes = {"process-limit": "degradable"}
            return cell.run(self.code, off=self.also, modes=modes, **job)
        return cell.run(self.code, **job)


_ASK = """
    import fcntl
    with open("/dev/urandom", "rb", 0) as device:
        fcntl.ioctl(device, 0x80045200, bytes(4))  # RNDGETENTCNT
    result = True
"""

LOCKS = {
    "truncate what may only be read": Lock(
        3,
        "import os; os.truncate(host['granted'] + '/public', 6); result = True",
        ("seccomp", "uid"),
        {"tier": "elevated", "read": ["granted"]},
    ),
    "empty what may only be read by opening it": Lock(
        3,
        """
        import os
        os.open(host["granted"] + "/public", os.O_RDONLY | os.O_TRUNC)
        result = True
        """,
        ("seccomp", "uid"),
        {"tier": "elevated", "read": ["granted"]},
    ),
    "empty what may only be read by opening it as of old": Lock(
        3,
        """
        import os
        path = host["granted"].encode() + b"/public"
        if os.uname().machine == "x86_64":
            syscall("open", path, os.O_RDONLY | os.O_TRUNC, 0)
        else:
            os.open(path, os.O_RDONLY | os.O_TRUNC)
        result = True
        """,
        ("seccomp", "uid"),
        {"tier": "elevated", "read": ["granted"]},
    ),
    "connect over TCP": Lock(
        4,
        """
        import socket
        socket.create_connection(("127.0.0.1", host["tcp"])).close()
        result = True
        """,
    ),
    "listen over TCP": Lock(
        4,
        "import socket; socket.create_server(('127.0.0.1', 0)).close(); result = True",
    ),
    "connect to an abstract unix socket": Lock(
        6,
        """
        import socket
        socket.socket(socket.AF_UNIX).connect(host["abstract"])
        result = True
        """,
    ),
    "ask a device that may only be read": Lock(
        5,
        _ASK,
    ),
}


@pytest.mark.parametrize("name", LOCKS)
def test_the_second_lock_is_there_from_the_abi_that_is_told(
    cell: Cell, name: str
) -> None:
    lock = LOCKS[name]
    _have(cell, lock.since)
    held = lock.run(cell, lock.since, off=True)
    free = lock.run(cell, lock.since - 1, off=True)
    # What two of them have emptied by now is the cell's, for all tests.
    Path(cell.host["granted"], "public").write_text("public")

    assert not held.result
    assert held.errno in ("EACCES", "EPERM")
    if not free.result and machine_filters():
        pytest.skip("the container's own filter holds it as well")
    assert free.result, free.report


@pytest.mark.parametrize("name", LOCKS)
def test_the_first_lock_holds_before_it(cell: Cell, name: str) -> None:
    outcome = LOCKS[name].run(cell, 1, off=False)

    assert outcome.posture["seccomp"].state == "active"
    assert outcome.errno in ("EPERM", "ENOTTY"), outcome.report


@pytest.mark.parametrize(("abi", "errno"), [(4, ""), (5, "EACCES")])
def test_a_worker_with_devices_asks_what_it_may_read_before_abi_5(
    cell: Cell, abi: int, errno: str
) -> None:
    _have(cell, abi)
    granted = Policy.for_tier("elevated", devices=[Device("/dev/null")])
    job = cell.job(abi=abi) | {"policy": granted.to_dict()}
    outcome = Outcome(cell.ask(job | {"code": textwrap.dedent(_ASK)}))

    assert outcome.errno == errno
    assert bool(outcome.result) is not bool(errno)


_MOVE = """
    import os
    for name in ("one", "other"):
        os.mkdir(f"{scratch}/{name}")
    open(f"{scratch}/one/file", "w").close()
    os.rename(f"{scratch}/one/file", f"{scratch}/other/file")
    result = True
"""


@pytest.mark.parametrize(("abi", "errno"), [(1, "EXDEV"), (2, "")])
def test_files_move_between_folders_from_abi_2_on(
    cell: Cell, abi: int, errno: str
) -> None:
    outcome = cell.run(_MOVE, tier="basic", scratch=True, abi=abi)

    assert outcome.errno == errno
    assert bool(outcome.result) is not bool(errno)


def test_every_older_abi_that_is_told_of_is_tried() -> None:
    # 7 adds nothing that is lost without it; newer ones are not asked for.
    assert [abi.number for abi in ABIS if abi.number < 7] == list(_OLDER)
