"""Against a port that is not there: the other end is the test's."""

from __future__ import annotations

import pytest
from lockgate.plugin import Device, DeviceHandle
from lockgate.testing import PluginUnderTest

PORT = "/dev/ttyUSB0"
ONLY_HERE = pytest.mark.lockgate(where=["in-process"])


@ONLY_HERE
def test_a_port_is_opened_read_written_and_closed(plugin: PluginUnderTest) -> None:
    line = plugin.fake_serial(PORT)
    handle = plugin.call("open_device", DeviceHandle, device=PORT)
    line.write(b"T=23.5\n")

    seen = plugin.call("read_device", bytes, handle=handle, size=64, timeout=5.0)
    taken = plugin.call("write_device", int, handle=handle, data=b"ok\n")

    assert (seen, taken) == (b"T=23.5\n", 3)
    assert line.read(3) == b"ok\n"
    assert plugin.call("close_device", bool, handle=handle)
    assert plugin.answer("close_device", handle=handle) is None


@ONLY_HERE
def test_a_silent_port_gives_nothing(plugin: PluginUnderTest) -> None:
    plugin.fake_serial(PORT)
    handle = plugin.call("open_device", DeviceHandle, device=PORT)
    words = {"handle": handle, "size": 1, "timeout": 0.05}

    assert plugin.call("read_device", bytes, **words) == b""


@ONLY_HERE
def test_ports_that_can_be_opened_are_listed(plugin: PluginUnderTest) -> None:
    nothing = plugin.call("discover_devices", tuple)
    plugin.fake_serial(PORT)
    (found,) = plugin.call("discover_devices", tuple)

    assert nothing == ()
    assert isinstance(found, Device)
    assert found.id == PORT


def test_without_the_right_there_is_no_port(plugin: PluginUnderTest) -> None:
    assert plugin.call("discover_devices", tuple) == ()
    assert [line.fields["port"] for line in plugin.logs] == [PORT]


def test_what_is_none_of_ours_is_left_to_others(plugin: PluginUnderTest) -> None:
    assert plugin.answer("open_device", device="/dev/null") is None
