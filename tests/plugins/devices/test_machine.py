"""The virtual `machine`, `time` and friends against what MicroPython documents.

Firmware is run that asserts by itself; it ends well if all held.
"""

from __future__ import annotations

import pytest

from lockgate_devices.runtime.board import BoardStopped
from lockgate_devices.runtime.virtual.board import VirtualBoard
from tests.support.devices import board

_MS = 1_000


def play(source: str, *, ms: int = 5_000) -> tuple[VirtualBoard, str, str]:
    """Run `source` until it ends; the board, and how it ended."""
    found = board(source)
    try:
        found.advance(ms * _MS)
    except BoardStopped as stop:
        return found, stop.code, str(stop)
    finally:
        found.close()
    return found, "", ""


def holds(source: str, *, ms: int = 5_000) -> VirtualBoard:
    """Firmware whose every assertion must hold, and which ends."""
    found, code, text = play(source, ms=ms)
    assert code == "firmware-ended", text
    return found


def faults(found: VirtualBoard) -> list[str]:
    return [name for name, _, _ in found.trace.faults]


# -- time -------------------------------------------------------------------------


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


# -- pins -------------------------------------------------------------------------


def test_an_output_is_set_and_read_back() -> None:
    found = holds(
        "from machine import Pin\np = Pin(13, Pin.OUT, value=1)\n"
        "assert p.value() == 1 and p() == 1\np.off()\nassert p.value() == 0\n"
        "p(1)\nassert p.value() == 1\np.toggle()\nassert p() == 0\np.on()\n"
    )
    assert found.level("13") == 1
    levels = [e["level"] for e in found.trace.events if "level" in e]
    assert levels == [1, 0, 1, 0, 1]


def test_an_output_starts_at_its_value_without_a_glitch() -> None:
    found = holds("from machine import Pin\nPin(13, Pin.OUT, value=0)\n")
    assert not any("level" in event for event in found.trace.events)


def test_an_input_follows_the_world_and_its_pull_up() -> None:
    source = (
        "import time\nfrom machine import Pin\np = Pin(2, Pin.IN, Pin.PULL_UP)\n"
        "seen = []\nfor _ in range(4):\n"
        "    seen.append(p.value())\n    time.sleep_ms(10)\n"
        "assert seen == [1, 1, 0, 1], seen\n"
    )
    found = board(source)
    found.advance(15 * _MS)
    found.drive("2", 0)
    found.advance(25 * _MS)
    found.drive("2", None)
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(100 * _MS)


def test_a_floating_input_reads_low() -> None:
    holds("from machine import Pin\nassert Pin(2, Pin.IN).value() == 0\n")


def test_a_resistor_on_the_board_pulls_up() -> None:
    pins = {"39": {"input": True, "external_pull_up": True}}
    document = {"pins": pins, "name": "x"}
    found = board(
        "from machine import Pin\nassert Pin(39, Pin.IN).value() == 1\n", board=document
    )
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(_MS)


def test_a_pull_up_that_the_pin_lacks_is_a_fault() -> None:
    found = holds(
        "from machine import Pin\nassert Pin(34, Pin.IN, Pin.PULL_UP).value() == 0\n"
    )
    assert faults(found) == ["pin.pull"]
    assert found.mode("34") == "input"


def test_the_same_pin_is_the_same_object_by_number_and_name() -> None:
    holds("from machine import Pin\nassert Pin(13) is Pin('13') is Pin(Pin(13))\n")


def test_an_unknown_mode_is_a_value_error() -> None:
    _, code, text = play("from machine import Pin\nPin(13, 99)\n")
    assert (code, "ValueError" in text) == ("firmware-raised", True)


def test_an_open_drain_pin_only_pulls_down() -> None:
    holds(
        "from machine import Pin\np = Pin(13, Pin.OPEN_DRAIN, Pin.PULL_UP, value=1)\n"
        "assert p() == 1\np(0)\nassert p() == 0\n"
    )


def test_an_output_that_the_world_holds_against_is_a_short() -> None:
    found = board(
        "import time\nfrom machine import Pin\nPin(13, Pin.OUT, value=1)\n"
        "time.sleep(9)\n"
    )
    found.advance(_MS)
    found.drive("13", 0)
    found.close()
    assert faults(found) == ["pin.short"]


def test_interrupts_come_at_the_edges_that_were_asked_for() -> None:
    source = (
        "import time\nfrom machine import Pin\nseen = []\n"
        "p = Pin(2, Pin.IN, Pin.PULL_UP)\n"
        "p.irq(lambda pin: seen.append((time.ticks_ms(), pin())), Pin.IRQ_FALLING)\n"
        "start = time.ticks_ms()\ntime.sleep_ms(50)\np.irq(None)\n"
        "seen = [(time.ticks_diff(t, start), v) for t, v in seen]\n"
        "assert seen == [(10, 0), (30, 0)], seen\n"
    )
    found = board(source)
    for ms, level in ((10, 0), (20, 1), (30, 0), (40, 1)):
        found.advance(ms * _MS + 40)
        found.drive("2", level)
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(100 * _MS)


def test_interrupts_wait_while_they_are_disabled() -> None:
    source = (
        "import machine, time\nfrom machine import Pin\nseen = []\n"
        "p = Pin(2, Pin.IN, Pin.PULL_UP)\np.irq(lambda pin: seen.append(1))\n"
        "state = machine.disable_irq()\ntime.sleep_ms(30)\nassert seen == []\n"
        "machine.enable_irq(state)\ntime.sleep_us(1)\nassert seen == [1]\np.irq(None)\n"
    )
    found = board(source)
    found.advance(10 * _MS)
    found.drive("2", 0)
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(100 * _MS)


def test_a_signal_turns_the_level_over() -> None:
    found = holds(
        "from machine import Pin, Signal\ns = Signal(Pin(13, Pin.OUT), invert=True)\n"
        "s.on()\nassert s.value() == 1\n"
    )
    assert found.level("13") == 0


def test_time_pulse_us_measures_a_pulse() -> None:
    source = (
        "from machine import Pin, time_pulse_us\np = Pin(2, Pin.IN)\n"
        "width = time_pulse_us(p, 1, 100_000)\nassert 4990 <= width <= 5010, width\n"
        "assert time_pulse_us(p, 1, 1000) == -2\n"
    )
    found = board(source)
    found.advance(10 * _MS)
    found.drive("2", 1)
    found.advance(15 * _MS)
    found.drive("2", 0)
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(100 * _MS)


# -- analog -----------------------------------------------------------------------


def test_the_adc_reads_what_the_world_puts_there() -> None:
    source = (
        "import time\nfrom machine import ADC, Pin\na = ADC(Pin('A0'))\n"
        "time.sleep_ms(10)\nassert a.read_u16() >> 6 == 512, a.read_u16()\n"
        "assert a.read() >> 2 == 512\nassert 1_650_000 < a.read_uv() < 1_655_000\n"
        "a.width(ADC.WIDTH_10BIT)\nassert a.read() == 512\n"
    )
    found = board(source)
    found.advance(5 * _MS)
    found.analog("A0", 512, 1023)
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(100 * _MS)
    assert found.mode("A0") == "analog"


@pytest.mark.parametrize("maximum", [255, 1023, 4095])
def test_every_raw_value_comes_back_exactly(maximum: int) -> None:
    """Firmware shifts read_u16() down to the ADC's bits and must get the value."""
    shift = 16 - maximum.bit_length()
    for value in (0, 1, 17, maximum // 3, maximum * 3 // 4, maximum - 1, maximum):
        assert value * 65_535 // maximum >> shift == value


def test_a_pin_without_an_adc_is_refused() -> None:
    found, code, text = play("from machine import ADC\nADC(13)\n")
    assert (code, faults(found)) == ("firmware-raised", ["pin.ability"])
    assert "invalid pin" in text


def test_pwm_has_frequency_and_duty_in_each_unit() -> None:
    found = holds(
        "from machine import PWM, Pin\np = PWM(Pin(9), freq=1000, duty_u16=32768)\n"
        "assert p.freq() == 1000 and p.duty_u16() == 32768 and p.duty() == 511\n"
        "assert abs(p.duty_ns() - 500_000) < 20\np.duty(1023)\n"
        "assert p.duty_u16() == 65535\np.duty_ns(250_000)\n"
        "assert abs(p.duty_u16() - 16384) <= 1\np.freq(2000)\n"
    )
    hertz, duty = found.wave("9", 2000)
    assert (hertz, round(duty, 1)) == (2000.0, 25.0)
    assert found.mode("9") == "pwm"


@pytest.mark.parametrize("wrong", ["freq=0", "duty_u16=65536", "duty=1024", "duty=-1"])
def test_pwm_refuses_what_no_timer_can_do(wrong: str) -> None:
    _, code, text = play(f"from machine import PWM, Pin\nPWM(Pin(9), {wrong})\n")
    assert (code, "ValueError" in text) == ("firmware-raised", True)


def test_a_pwm_pin_is_high_for_its_share_of_the_time() -> None:
    found = board(
        "import time\nfrom machine import PWM, Pin\n"
        "PWM(Pin(9), freq=100, duty_u16=16384)\ntime.sleep(9)\n"
    )
    high = 0
    for step in range(1, 1001):
        found.advance(step * 100)
        high += found.level("9")
    found.close()
    assert 240 <= high <= 260


def test_a_pwm_of_zero_is_a_steady_low() -> None:
    found = holds("from machine import PWM, Pin\nPWM(Pin(9), freq=440, duty_u16=0)\n")
    assert found.wave("9", 440) == (0.0, 0.0)


def test_pwm_on_a_pin_without_a_timer_is_refused() -> None:
    found, code, _ = play("from machine import PWM, Pin\nPWM(Pin(13))\n")
    assert (code, faults(found)) == ("firmware-raised", ["pin.ability"])


# -- serial -----------------------------------------------------------------------


def test_bytes_arrive_at_the_pace_of_the_baud_rate() -> None:
    source = (
        "import time\nfrom machine import UART\nu = UART(0, 9600)\n"
        "while not u.any():\n    time.sleep_us(50)\n"
        "time.sleep_ms(3)\nassert u.any() == 3, u.any()\n"
        "time.sleep_ms(10)\nassert u.read() == b'hello\\n'\nassert u.read() is None\n"
    )
    found = board(source)
    found.advance(10 * _MS)
    found.send(b"hello\n")
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(100 * _MS)


def test_a_full_receive_buffer_loses_what_comes_after() -> None:
    source = (
        "import time\nfrom machine import UART\nu = UART(0, 9600, rxbuf=32)\n"
        "time.sleep_ms(100)\nassert u.read() == b'x' * 32\n"
    )
    found = board(source)
    found.advance(10 * _MS)
    found.send(b"x" * 40)
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(200 * _MS)
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
        found.advance(200 * _MS)


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
    found.advance(10 * _MS)
    found.send(b"one\ntwo\n")
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(200 * _MS)


def test_another_frame_than_8n1_is_unreadable() -> None:
    found = board(
        "from machine import UART\nu = UART(0, 9600, 7, 1, 2)\nu.write('hi')\n"
        "u.flush()\n"
    )
    with pytest.raises(BoardStopped):
        found.advance(10_000_000 * _MS)
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
    found.advance(10 * _MS)
    found.send(b"ok\n")
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(200 * _MS)


def test_print_goes_out_on_the_repls_wire() -> None:
    found = holds("print('a', 1, sep='-')\nimport time\ntime.sleep_ms(20)\n")
    assert found.take_line() == b"a-1\n"


# -- timers -----------------------------------------------------------------------


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


# -- the rest ---------------------------------------------------------------------


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
