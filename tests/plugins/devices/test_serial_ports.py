"""Serial ports: listed without an exception, and opened on a real pty."""

from __future__ import annotations

import os
import tty
from collections.abc import Iterator
from typing import Any

import pytest
from serial.tools import list_ports

from lockgate_devices.host_facts import find_host
from lockgate_devices.serial_ports import SerialRefusal, find_ports, open_port


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    """Our end of a terminal line, and the path of the other."""
    ours, theirs = os.openpty()
    tty.setraw(ours)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def test_bytes_go_both_ways(pty: tuple[int, str]) -> None:
    ours, path = pty
    port = open_port(path, {"baud": 115_200})
    try:
        assert port.write(b"hello\n") == 6
        assert os.read(ours, 100) == b"hello\n"
        os.write(ours, b"lockgate 1 demo\n")
        assert port.read(8, 2.0) == b"lockgate"
        assert port.read(100, 2.0) == b" 1 demo\n"
    finally:
        port.close()


def test_a_port_that_another_process_opens_is_talked_to_by_its_descriptor(
    pty: tuple[int, str],
) -> None:
    """The path is not ours to open: as in a sealed worker, it is not there."""
    ours, path = pty
    asked: list[str] = []

    def ask(name: str) -> int:
        asked.append(name)
        return os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    port = open_port("/dev/ttyNONE7", {"baud": 115_200}, ask)
    try:
        assert asked == ["/dev/ttyNONE7"]
        assert port.write(b"hello\n") == 6
        assert os.read(ours, 100) == b"hello\n"
        os.write(ours, b"lockgate 1 demo\n")
        assert port.read(8, 2.0) == b"lockgate"
        assert port.read(100, 2.0) == b" 1 demo\n"
        assert port.read(1, 0.02) == b""
        assert port.read(0, 0.02) == b""
    finally:
        port.close()


def test_what_the_host_refuses_or_can_not_be_set_up_is_a_refusal(
    pty: tuple[int, str],
) -> None:
    def refuse(_: str) -> int:
        raise PermissionError("lockgate grants grant devices device:/dev/ttyNONE7")

    with pytest.raises(SerialRefusal, match="lockgate grants grant"):
        open_port("/dev/ttyNONE7", {}, refuse)

    def give(_: str) -> int:
        return os.open(pty[1], os.O_RDWR | os.O_NOCTTY)

    with pytest.raises(SerialRefusal, match="no speed of 12345 baud"):
        open_port("/dev/ttyNONE7", {"baud": 12_345}, give)


def test_nothing_in_time_is_empty(pty: tuple[int, str]) -> None:
    port = open_port(pty[1], {})
    try:
        assert port.read(10, 0.02) == b""
        assert port.read(0, 0.0) == b""
    finally:
        port.close()


def test_a_port_is_opened_by_one_at_a_time(pty: tuple[int, str]) -> None:
    port = open_port(pty[1], {})
    try:
        with pytest.raises(SerialRefusal, match="cannot be opened"):
            open_port(pty[1], {})
    finally:
        port.close()


@pytest.mark.parametrize(
    ("path", "options", "words"),
    [
        ("/etc/passwd", {}, "not a device below /dev"),
        ("/dev/../etc/passwd", {}, "not a device below /dev"),
        ("/dev/lockgate-none", {}, "cannot be opened"),
        ("/dev/null", {}, "cannot be opened"),
        ("/dev/pts/0", {"baud": "fast"}, "baud must be"),
        ("/dev/pts/0", {"baud": True}, "baud must be"),
    ],
)
def test_what_cannot_be_opened_is_refused_with_a_way_out(
    path: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(SerialRefusal, match=words) as caught:
        open_port(path, options)
    assert caught.value.hint


def test_a_device_that_goes_away_is_a_refusal() -> None:
    ours, theirs = os.openpty()
    tty.setraw(ours)
    port = open_port(os.ttyname(theirs), {})
    os.close(theirs)
    os.close(ours)
    try:
        with pytest.raises(SerialRefusal, match="failed"):
            port.read(10, 0.5)
    finally:
        port.close()


def test_listing_never_raises_and_says_what_it_cannot_see(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def closed() -> list[Any]:
        raise PermissionError(13, "Permission denied", "/sys/class/tty")

    monkeypatch.setattr(list_ports, "comports", closed)

    _, notes = find_ports()

    assert any("could not be listed" in note for note in notes)


def test_the_machine_is_a_device_with_facts() -> None:
    host, notes = find_host()

    assert host.id == "host"
    assert int(str(host.details["cpus"])) >= 1
    assert int(str(host.details["memory_bytes"])) > 1 << 20
    assert isinstance(notes, tuple)
