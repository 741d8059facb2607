"""Virtual serial ports and the REPL's wire against what MicroPython documents."""

from __future__ import annotations

import pytest

from lockgate_devices.runtime.board import BoardStopped
from tests.plugins.devices.played import MS, holds, play
from tests.support.devices import board


def test_bytes_arrive_at_the_pace_of_the_baud_rate() -> None:
    source = (
        "import time\nfrom machine import UART\nu = UART(0, 9600)\n"
        "while not u.any():\n    time.sleep_us(50)\n"
        "time.sleep_ms(3)\nassert u.any() == 3, u.any()\n"
        "time.sleep_ms(10)\nassert u.read() == b'hello\\n'\nassert u.read() is None\n"
    )
    found = board(source)
    found.advance(10 * MS)
    found.send(b"hello\n")
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(100 * MS)


def test_a_full_receive_buffer_loses_what_comes_after() -> None:
    source = (
        "import time\nfrom machine import UART\nu = UART(0, 9600, rxbuf=32)\n"
        "time.sleep_ms(100)\nassert u.read() == b'x' * 32\n"
    )
    found = board(source)
    found.advance(10 * MS)
    found.send(b"x" * 40)
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(200 * MS)
    assert found.lost == 8
    assert [e["text"] for e in found.trace.events if e["kind"] == "mark"] == [
        "uart overrun"
    ]


def test_bytes_before_the_port_is_open_are_lost() -> None:
    """The boot race that the SDK's hello is for."""
    source = (
        "import time\ntime.sleep_ms(50)\nfrom machine import UART\nu = UART(0, 9600)\n"
        "assert u.any() == 0\n"
    )
    found = board(source)
    found.send(b"early")
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(200 * MS)


def test_writing_more_than_the_buffer_waits_for_the_wire() -> None:
    holds(
        "import time\nfrom machine import UART\nu = UART(0, 9600)\n"
        "start = time.ticks_ms()\nassert u.write(b'x' * 512) == 512\n"
        "took = time.ticks_diff(time.ticks_ms(), start)\n"
        "assert 250 <= took <= 270, took\n"
        "assert not u.txdone()\nu.flush()\nassert u.txdone()\n"
        "took = time.ticks_diff(time.ticks_ms(), start)\n"
        "assert 530 <= took <= 537, took\n"
    )


def test_read_waits_for_its_timeout() -> None:
    holds(
        "import time\nfrom machine import UART\nu = UART(0, 9600, timeout=50)\n"
        "start = time.ticks_ms()\nassert u.read(4) is None\n"
        "assert 50 <= time.ticks_diff(time.ticks_ms(), start) <= 51\n"
    )


def test_readline_and_readinto() -> None:
    source = (
        "import time\nfrom machine import UART\nu = UART(0, 9600, timeout=20)\n"
        "time.sleep_ms(30)\nassert u.readline() == b'one\\n'\nbuf = bytearray(3)\n"
        "assert u.readinto(buf) == 3 and buf == b'two'\nassert u.readline() == b'\\n'\n"
        "assert u.readline() is None\n"
    )
    found = board(source)
    found.advance(10 * MS)
    found.send(b"one\ntwo\n")
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(200 * MS)


def test_another_frame_than_8n1_is_unreadable() -> None:
    found = board(
        "from machine import UART\nu = UART(0, 9600, 7, 1, 2)\nu.write('hi')\n"
        "u.flush()\n"
    )
    with pytest.raises(BoardStopped):
        found.advance(10_000_000 * MS)
    assert b"hi" not in found.take()


def test_a_uart_that_no_board_has_is_refused() -> None:
    _, code, text = play("from machine import UART\nUART(7, 9600)\n")
    assert (code, "doesn't exist" in text) == ("firmware-raised", True)


def test_a_closed_port_raises() -> None:
    _, code, text = play(
        "from machine import UART\nu = UART(0, 9600)\nu.deinit()\nu.any()\n"
    )
    assert (code, "OSError" in text) == ("firmware-raised", True)


def test_poll_and_stdin_read_the_same_wire() -> None:
    source = (
        "import sys, select\np = select.poll()\np.register(sys.stdin, select.POLLIN)\n"
        "assert p.poll(5) == []\nassert p.poll(100)[0][0] is sys.stdin\n"
        "assert sys.stdin.readline() == 'ok\\n'\n"
    )
    found = board(source)
    found.advance(10 * MS)
    found.send(b"ok\n")
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(200 * MS)


def test_print_goes_out_on_the_repls_wire() -> None:
    found = holds("print('a', 1, sep='-')\nimport time\ntime.sleep_ms(20)\n")
    assert found.take_line() == b"a-1\n"
