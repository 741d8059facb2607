"""The hooks, called as the host calls them."""

from __future__ import annotations

import os
import threading
import tty

import pytest

from lockgate.plugin import DeviceHandle, RefusedError
from lockgate_devices import plugin
from lockgate_devices.boards import find_boards
from tests.support.context import LocalContext
from tests.support.devices import FIRMWARE, contract, tree, with_tools

_OPTIONS = {"tree": {"micropython/main.py": FIRMWARE}, "contract": contract()}


@pytest.fixture
def context() -> LocalContext:
    return with_tools()


def test_discovery_lists_the_machine_and_the_boards(context: LocalContext) -> None:
    devices = plugin.discover_devices(context)

    ids = [device.id for device in devices]
    assert ids[0] == "host"
    assert ids[-2:] == ["virtual", "simavr"]
    assert [d.simulated for d in devices[-2:]] == [True, True]


def test_a_board_whose_tools_are_missing_says_what_to_install() -> None:
    _, simavr = find_boards(lambda _name: False)

    assert simavr.details["available"] is False
    assert "apt-get install gcc-avr" in str(simavr.details["hint"])


@pytest.mark.parametrize("board", ["", "auto", "virtual"])
def test_the_virtual_board_is_the_default(board: str, context: LocalContext) -> None:
    simulation = plugin.simulate(tree(), contract(), board, context)

    assert simulation is not None
    assert (simulation.board, simulation.passed) == ("virtual", True)


def test_an_unknown_board_is_left_to_others(context: LocalContext) -> None:
    assert plugin.simulate(tree(), contract(), "wokwi", context) is None


def test_a_malformed_contract_is_refused_with_reasons(context: LocalContext) -> None:
    with pytest.raises(RefusedError) as caught:
        plugin.simulate(tree(), {"schema": 1}, "", context)

    assert {reason.where for reason in caught.value.reasons} >= {"board", "scenario"}


def test_a_serial_port_is_read_and_written_through_its_handle(
    context: LocalContext,
) -> None:
    ours, theirs = os.openpty()
    tty.setraw(ours)
    handle = plugin.open_device(
        f"serial:{os.ttyname(theirs)}", {"baud": 9600}, with_tools()
    )
    assert handle is not None

    assert plugin.write_device(handle, b"ping") == 4
    assert os.read(ours, 10) == b"ping"
    os.write(ours, b"pong")
    assert plugin.read_device(handle, 10, 2.0, context) == b"pong"
    assert plugin.close_device(handle) is True
    assert plugin.close_device(handle) is None
    os.close(ours)
    os.close(theirs)


def test_a_serial_port_is_watched_and_closed_again(context: LocalContext) -> None:
    ours, theirs = os.openpty()
    tty.setraw(ours)
    device = f"serial:{os.ttyname(theirs)}"
    watched = plugin.watch_device(device, {"baud": 9600, "idle_seconds": 5}, context)

    threading.Timer(0.3, os.write, (ours, b"one")).start()
    assert next(watched) == b"one"
    os.write(ours, b"two")
    assert next(watched) == b"two"
    watched.close()  # type: ignore[attr-defined]
    brief = plugin.watch_device(device, {"baud": 9600, "idle_seconds": 0.2}, context)
    assert list(brief) == []
    os.close(ours)
    os.close(theirs)


def test_a_time_to_be_silent_is_a_number(context: LocalContext) -> None:
    with pytest.raises(RefusedError, match="idle_seconds"):
        next(plugin.watch_device("virtual", {"idle_seconds": "long"}, context))


def test_a_port_that_is_not_granted_is_a_refusal_with_the_grant() -> None:
    with pytest.raises(RefusedError) as caught:
        plugin.open_device("serial:/dev/ttyNONE0", {}, with_tools())

    assert "lockgate grants grant" in caught.value.reasons[0].hint


def test_foreign_devices_and_handles_are_left_to_others(context: LocalContext) -> None:
    handle = DeviceHandle("mqtt:x", 1)

    assert plugin.open_device("mqtt:x", {}, with_tools()) is None
    assert plugin.read_device(handle, 1, 0.0, context) is None
    assert plugin.write_device(handle, b"x") is None


def test_firmware_on_the_virtual_board_can_be_talked_to(context: LocalContext) -> None:
    handle = plugin.open_device("virtual", _OPTIONS, with_tools())
    assert handle is not None

    assert plugin.read_device(handle, 100, 0.05, context) == b""
    plugin.write_device(handle, b"hello\n")
    assert plugin.read_device(handle, 100, 1.0, context) == b"lockgate 1 demo\n"
    plugin.write_device(handle, b"led 1\nled\n")
    assert plugin.read_device(handle, 3, 1.0, context) == b"led"
    got = b""
    while not got.endswith(b"led 1\n") or got.count(b"\n") < 2:
        got += plugin.read_device(handle, 100, 1.0, context) or b""
    assert got == b" 1\nled 1\n"
    assert plugin.close_device(handle) is True


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({}, "options.contract"),
        ({"contract": contract()}, "options.tree"),
        ({**_OPTIONS, "tree": {"../x": ""}}, "options.tree"),
        ({**_OPTIONS, "tree": {"micropython/main.py": 5}}, "options.tree"),
        ({**_OPTIONS, "tree": {"other.py": ""}}, "artifacts.micropython"),
    ],
)
def test_opening_the_virtual_board_needs_firmware_and_contract(
    options: dict[str, object], where: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        plugin.open_device("virtual", options, with_tools())  # type: ignore[arg-type]

    assert caught.value.reasons[0].where == where


def test_a_session_whose_firmware_raises_is_refused_with_its_text(
    context: LocalContext,
) -> None:
    options = {**_OPTIONS, "tree": {"micropython/main.py": "1 / 0\n"}}
    handle = plugin.open_device("virtual", options, with_tools())
    assert handle is not None

    with pytest.raises(RefusedError, match="ZeroDivisionError"):
        plugin.read_device(handle, 10, 1.0, context)
    plugin.close_device(handle)


def test_open_devices_are_bounded() -> None:
    handles = [plugin.open_device("virtual", _OPTIONS, with_tools()) for _ in range(64)]
    try:
        with pytest.raises(RefusedError, match="64 devices are open"):
            plugin.open_device("virtual", _OPTIONS, with_tools())
    finally:
        for handle in handles:
            assert handle is not None
            plugin.close_device(handle)
