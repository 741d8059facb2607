"""Through the real host: the boards work in sealed workers, and the seal holds.

The firmware is hostile here: it goes round the virtual modules, which are no
boundary, to Python's own. What then stops it is the kernel; the same firmware
without the seal shows that the attack is real.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockgate.errors import InputRefusedError
from lockgate.host import Host
from lockgate.values import Simulation
from lockgate_devices.simulation import simulate_virtual
from tests.support.devices import (
    FIRMWARE,
    contract,
    needs_avr,
    tree,
    with_tools,
)

pytestmark = [pytest.mark.kernel]

ESCAPE = """\
# The virtual modules are no wall: a class of any object leads to all of Python.
loader = [c for c in ().__class__.__mro__[-1].__subclasses__()
          if c.__name__ == "BuiltinImporter"][0]
real = loader.load_module("builtins").__import__
"""


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host.open() as opened:
        yield opened


def simulate(host: Host, firmware: str, board: str = "virtual") -> Simulation:
    answers = host.call(
        "simulate",
        plugin="devices",
        tree=tree(firmware),
        contract=contract(),
        board=board,
    )
    assert answers.failed == ()
    simulation: Simulation = answers.first
    return simulation


def attack(body: str) -> str:
    """Firmware that tries `body` and raises with what came of it."""
    return (
        f"{ESCAPE}try:\n{textwrap.indent(body, '    ')}\n"
        "except BaseException as error:\n"
        "    raise RuntimeError('held: %s' % type(error).__name__)\n"
        "raise RuntimeError('broke out')\n"
    )


def seen(simulation: Simulation) -> str:
    return simulation.verdicts[0].seen if simulation.verdicts else ""


def test_the_virtual_board_runs_in_a_sealed_worker(host: Host) -> None:
    simulation = simulate(host, FIRMWARE)

    assert [v for v in simulation.verdicts if not v.passed] == []
    assert simulation.passed


@needs_avr
@pytest.mark.avr
def test_the_sketch_is_compiled_and_run_in_sandboxes_of_its_own(host: Host) -> None:
    simulation = simulate(host, FIRMWARE, "simavr")

    assert [v for v in simulation.verdicts if not v.passed] == []
    assert simulation.passed


def test_discovery_under_the_seal_gives_what_can_be_seen(host: Host) -> None:
    answers = host.call("discover_devices", plugin="devices")

    devices = {device.id: device for device in answers.first}
    assert {"host", "virtual", "simavr"} <= devices.keys()
    assert answers.failed == ()


def test_a_serial_port_that_is_not_granted_is_refused_under_the_seal(
    host: Host,
) -> None:
    ours, theirs = os.openpty()
    try:
        with pytest.raises(InputRefusedError, match="cannot be opened"):
            host.call("open_device", device=f"serial:{os.ttyname(theirs)}", options={})
    finally:
        os.close(ours)
        os.close(theirs)


ATTACKS = {
    "read a file": "real('builtins').open({secret!r}).read()",
    "write a file": "real('builtins').open({target!r}, 'w').write('x')",
    "list a folder": "real('os').listdir({folder!r})",
    "open a socket": ("s = real('socket')\ns.socket(s.AF_INET, s.SOCK_STREAM).close()"),
    "start a process": "real('os').posix_spawn('/bin/true', ['true'], {{}})",
    "fork": "os = real('os')\nif os.fork() == 0: os._exit(0)",
}


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_hostile_firmware_is_held_by_the_seal_and_only_by_it(
    name: str, host: Host, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    names = {
        "secret": str(secret),
        "target": str(tmp_path / "made"),
        "folder": str(tmp_path),
    }
    firmware = attack(ATTACKS[name].format(**names))

    sealed = simulate(host, firmware)
    bare = simulate_virtual(tree(firmware), contract(), with_tools(), cpu_seconds=3.0)

    assert "held: " in seen(sealed)
    assert not sealed.passed
    assert bare is not None
    assert "broke out" in seen(bare)


def test_firmware_that_eats_memory_is_stopped(host: Host) -> None:
    simulation = simulate(
        host, "hoard = []\nwhile True:\n    hoard.append(bytes(1 << 20))\n"
    )

    assert simulation.stopped in ("memory-limit", "worker-died", "firmware-raised")
    assert not simulation.passed


def test_firmware_that_kills_its_worker_is_a_failed_simulation(host: Host) -> None:
    firmware = f"{ESCAPE}real('os')._exit(0)\n"

    simulation = simulate(host, firmware)
    after = simulate(host, FIRMWARE)

    assert (simulation.stopped, simulation.passed) == ("worker-died", False)
    assert after.passed


def test_an_endless_loop_is_stopped_in_the_worker(host: Host) -> None:
    assert simulate(host, "while True:\n    pass\n").stopped == "cpu-limit"


def test_a_session_on_the_virtual_board_goes_through_the_host(host: Host) -> None:
    options: dict[str, Any] = {
        "tree": {"micropython/main.py": FIRMWARE},
        "contract": contract(),
    }
    handle = host.call("open_device", device="virtual", options=options).first
    host.call("write_device", handle=handle, data=b"hello\n")

    got = host.call("read_device", handle=handle, size=100, timeout=1.0).first

    assert got == b"lockgate 1 demo\n"
    assert host.call("close_device", handle=handle).first is True


def test_a_board_is_watched_until_its_reader_has_enough(host: Host) -> None:
    endless = "import time\nwhile True:\n    print('tick')\n    time.sleep(0.05)\n"
    options = {"tree": {"micropython/main.py": endless}, "contract": contract()}
    handed: dict[str, Any] = {"device": "virtual", "options": options}

    with host.stream("watch_device", plugin="devices", **handed) as stream:
        heard = b""
        while heard.count(b"tick") < 3:
            heard += next(stream).value
    sleeping = {"micropython/main.py": "import time\ntime.sleep(99)\n"}
    quiet: dict[str, Any] = {**options, "tree": sleeping, "idle_seconds": 0.3}
    silent = host.stream("watch_device", device="virtual", options=quiet)

    assert list(silent) == []
    assert silent.failed == ()
    handle = {"device": "virtual", "handle": 1}
    assert host.call("close_device", handle=handle).items == ()  # closed already


def test_a_device_that_is_not_ours_says_nothing(host: Host) -> None:
    assert list(host.stream("watch_device", device="mqtt:x")) == []
