"""The virtual `machine`, `time` and friends against what MicroPython documents.

Firmware is run that asserts by itself; it ends well if all held.
"""

from __future__ import annotations

import pytest

from tests.plugins.devices.played import holds, play


def test_sleep_moves_the_clock_by_what_it_says() -> None:
    found = holds(
        "import time\n"
        "a = time.ticks_us()\ntime.sleep_ms(20)\nb = time.ticks_us()\n"
        "assert 20_000 <= time.ticks_diff(b, a) < 20_100\n"
        "time.sleep(0.5)\ntime.sleep_us(250)\n"
        "assert 520_250 <= time.ticks_diff(time.ticks_us(), a) < 520_400\n"
    )
    assert 520_000 < found.now_us < 521_000


def test_every_call_takes_microseconds_so_that_polling_ends() -> None:
    holds(
        "import time\nstart = time.ticks_ms()\n"
        "while time.ticks_diff(time.ticks_ms(), start) < 100:\n    pass\n"
    )


def test_ticks_wrap_within_seconds_and_ticks_diff_sees_through_it() -> None:
    holds(
        "import time\nstart = time.ticks_ms()\ntime.sleep_ms(4000)\n"
        "now = time.ticks_ms()\nassert now < start\n"
        "assert 4000 <= time.ticks_diff(now, start) <= 4001\n"
        "assert time.ticks_add(start, 4000) in (now, now - 1)\n"
    )


def test_ticks_that_are_subtracted_without_ticks_diff_are_found_out() -> None:
    found, code, _ = play(
        "import time\nstart = time.ticks_ms()\n"
        "while time.ticks_ms() - start < 4000:\n    time.sleep_ms(1)\n"
    )
    assert code == ""
    assert found.now_us == 5_000_000


def test_ticks_add_refuses_half_a_period() -> None:
    holds(
        "import time\ntry:\n    time.ticks_add(0, 1 << 29)\n"
        "except OverflowError:\n    pass\nelse:\n    raise AssertionError\n"
    )


def test_the_calendar_begins_in_2000() -> None:
    holds(
        "import time\nassert time.localtime(0)[:6] == (2000, 1, 1, 0, 0, 0)\n"
        "assert time.mktime((2000, 1, 2, 0, 0, 5, 0, 0)) == 86405\n"
        "assert time.time() == 0\n"
    )


def test_utime_is_time() -> None:
    holds("import time, utime\nassert utime is time\n")


def test_a_periodic_timer_calls_back_until_it_is_stopped() -> None:
    holds(
        "import time\nfrom machine import Timer\nseen = []\nt = Timer(0)\n"
        "t.init(period=10, mode=Timer.PERIODIC, callback=lambda x: seen.append(x))\n"
        "time.sleep_ms(55)\nassert seen == [t] * 5, len(seen)\nt.deinit()\n"
        "time.sleep_ms(50)\nassert len(seen) == 5\n"
    )


def test_a_one_shot_timer_calls_back_once() -> None:
    holds(
        "import time\nfrom machine import Timer\nseen = []\n"
        "Timer(-1, period=10, mode=Timer.ONE_SHOT, callback=seen.append)\n"
        "time.sleep_ms(100)\nassert len(seen) == 1\n"
    )


def test_a_timer_keeps_the_board_going_when_main_ended() -> None:
    found, code, _ = play(
        "from machine import Pin, Timer\np = Pin(13, Pin.OUT)\n"
        "Timer(0, period=100, callback=lambda t: p.toggle())\n",
        ms=1_000,
    )
    assert code == ""
    assert len(found.trace.edge_times("13", 0, 1_000_000)) in (9, 10)


def test_a_watchdog_that_is_not_fed_resets_the_board() -> None:
    _, code, text = play(
        "import time\nfrom machine import WDT\nw = WDT(timeout=100)\n"
        "for _ in range(5):\n    time.sleep_ms(50)\n    w.feed()\n"
        "try:\n    time.sleep_ms(200)\nexcept BaseException:\n    time.sleep(1)\n"
    )
    assert (code, text) == ("watchdog-reset", "not fed for 100 ms")


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("machine.reset()", "reset"),
        ("machine.soft_reset()", "reset"),
        ("machine.deepsleep(5)", "deep-sleep"),
        ("import sys; sys.exit()", "firmware-ended"),
    ],
)
def test_a_reset_ends_the_run_and_says_so(call: str, code: str) -> None:
    assert play(f"import machine\n{call}\n")[1] == code


def test_the_board_says_who_it_is() -> None:
    holds(
        "import machine, sys, micropython\n"
        "assert sys.implementation.name == 'micropython'\n"
        "assert machine.reset_cause() == machine.PWRON_RESET\n"
        "assert len(machine.unique_id()) == 7\nassert machine.freq() == 16_000_000\n"
        "X = micropython.const(5)\nassert X == 5\n"
        "@micropython.native\ndef f(): return 1\nassert f() == 1\n"
    )


def test_schedule_runs_between_two_calls_and_its_queue_is_finite() -> None:
    holds(
        "import machine, micropython, time\nseen = []\n"
        "micropython.schedule(seen.append, 3)\ntime.sleep_us(1)\nassert seen == [3]\n"
        "machine.disable_irq()\n"
        "try:\n    for i in range(20): micropython.schedule(seen.append, i)\n"
        "except RuntimeError:\n    pass\nelse:\n    raise AssertionError\n"
    )


@pytest.mark.parametrize("name", ["os", "socket", "subprocess", "ctypes", "threading"])
def test_modules_that_the_board_has_not_are_not_found(name: str) -> None:
    _, code, text = play(f"import {name}\n")
    assert (code, f"no module named '{name}'" in text) == ("firmware-raised", True)


def test_modules_that_the_board_has_are_found_under_both_names() -> None:
    holds(
        "import json, ujson, struct, ustruct, math, collections, gc\n"
        "from collections import OrderedDict\nassert ujson is json\n"
        "assert struct.pack('<H', 258) == b'\\x02\\x01'\nassert gc.mem_free() > 0\n"
    )


def test_random_numbers_are_the_same_in_every_run() -> None:
    source = "import random\nprint([random.getrandbits(8) for _ in range(9)])\n"
    source += "import time\ntime.sleep_ms(90)\n"
    assert holds(source).take_line() == holds(source).take_line()


def test_there_are_no_files() -> None:
    _, code, text = play("open('/etc/passwd')\n")
    assert (code, "ENOENT" in text) == ("firmware-raised", True)
