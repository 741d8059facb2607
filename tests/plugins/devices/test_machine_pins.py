"""Virtual pins, converters and pulses against what MicroPython documents."""

from __future__ import annotations

import pytest

from lockgate_devices.runtime.board import BoardStopped
from lockgate_devices.runtime.virtual.board import VirtualBoard
from tests.plugins.devices.played import MS, holds, play
from tests.support.devices import board


def faults(found: VirtualBoard) -> list[str]:
    return [name for name, _, _ in found.trace.faults]


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
    found.advance(15 * MS)
    found.drive("2", 0)
    found.advance(25 * MS)
    found.drive("2", None)
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(100 * MS)


def test_a_floating_input_reads_low() -> None:
    holds("from machine import Pin\nassert Pin(2, Pin.IN).value() == 0\n")


def test_a_resistor_on_the_board_pulls_up() -> None:
    pins = {"39": {"input": True, "external_pull_up": True}}
    document = {"pins": pins, "name": "x"}
    found = board(
        "from machine import Pin\nassert Pin(39, Pin.IN).value() == 1\n", board=document
    )
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(MS)


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
    found.advance(MS)
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
        found.advance(ms * MS + 40)
        found.drive("2", level)
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(100 * MS)


def test_interrupts_wait_while_they_are_disabled() -> None:
    source = (
        "import machine, time\nfrom machine import Pin\nseen = []\n"
        "p = Pin(2, Pin.IN, Pin.PULL_UP)\np.irq(lambda pin: seen.append(1))\n"
        "state = machine.disable_irq()\ntime.sleep_ms(30)\nassert seen == []\n"
        "machine.enable_irq(state)\ntime.sleep_us(1)\nassert seen == [1]\np.irq(None)\n"
    )
    found = board(source)
    found.advance(10 * MS)
    found.drive("2", 0)
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(100 * MS)


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
    found.advance(10 * MS)
    found.drive("2", 1)
    found.advance(15 * MS)
    found.drive("2", 0)
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(100 * MS)


def test_the_adc_reads_what_the_world_puts_there() -> None:
    source = (
        "import time\nfrom machine import ADC, Pin\na = ADC(Pin('A0'))\n"
        "time.sleep_ms(10)\nassert a.read_u16() >> 6 == 512, a.read_u16()\n"
        "assert a.read() >> 2 == 512\nassert 1_650_000 < a.read_uv() < 1_655_000\n"
        "a.width(ADC.WIDTH_10BIT)\nassert a.read() == 512\n"
    )
    found = board(source)
    found.advance(5 * MS)
    found.analog("A0", 512, 1023)
    with pytest.raises(BoardStopped, match="ran to its end"):
        found.advance(100 * MS)
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
