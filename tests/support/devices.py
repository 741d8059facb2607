"""A device by hand for the tests of the boards, and what they are built with."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from lockgate.values import Data, Tree
from lockgate_devices.boards import simavr_library
from lockgate_devices.runtime.virtual.board import VirtualBoard
from lockgate_devices.runtime.virtual.core import CpuBudget
from tests.support.context import LocalContext

FIRMWARE = """\
import time
from machine import ADC, Pin, UART

LIMIT = 64
led = Pin(13, Pin.OUT, value=0)
button = Pin(2, Pin.IN, Pin.PULL_UP)
sensor = ADC(Pin("A0"))
uart = UART(0, 9600)
line = bytearray()
too_long = False
blinking = True
changed = time.ticks_ms()
steady = seen = button.value()
since = changed


def answer(text):
    global blinking
    word, _, argument = text.partition(" ")
    if text == "hello":
        return "lockgate 1 demo"
    if word == "led":
        if argument not in ("", "0", "1"):
            return "err argument"
        if argument:
            blinking = False
            led.value(int(argument))
        return "led %d" % led.value()
    if word == "button":
        return "button %d" % (1 - steady)
    if word == "sensor":
        return "sensor %d" % (sensor.read_u16() >> 6)
    return "err unknown"


while True:
    now = time.ticks_ms()
    if blinking and time.ticks_diff(now, changed) >= 250:
        changed = time.ticks_add(changed, 250)
        led.value(1 - led.value())
    level = button.value()
    if level != seen:
        seen = level
        since = now
    elif time.ticks_diff(now, since) >= 20:
        steady = level
    if uart.any():
        for byte in uart.read(uart.any()):
            if byte != 10:
                if len(line) < LIMIT:
                    line.append(byte)
                else:
                    too_long = True
                continue
            if too_long:
                uart.write(b"err too-long\\n")
            elif line:
                uart.write(answer(bytes(line).decode()) + "\\n")
            line[:] = b""
            too_long = False
    time.sleep_ms(1)
"""

SKETCH = """\
const uint8_t kLimit = 64;
char line[kLimit + 1];
uint8_t length = 0;
bool tooLong = false;
bool blinking = true;
unsigned long changed;
uint8_t steady, seen;
unsigned long since;

void setup() {
  pinMode(13, OUTPUT);
  pinMode(2, INPUT_PULLUP);
  analogRead(A0);
  Serial.begin(9600);
  changed = since = millis();
  steady = seen = digitalRead(2);
}

void loop() {
  unsigned long now = millis();
  if (blinking && now - changed >= 250) {
    changed += 250;
    digitalWrite(13, !digitalRead(13));
  }
  uint8_t level = digitalRead(2);
  if (level != seen) {
    seen = level;
    since = now;
  } else if (now - since >= 20) {
    steady = level;
  }
  while (Serial.available()) take(Serial.read());
}

void take(char c) {
  if (c != '\\n') {
    if (length < kLimit) line[length++] = c;
    else tooLong = true;
    return;
  }
  line[length] = 0;
  if (tooLong) Serial.print("err too-long\\n");
  else if (length) answer();
  length = 0;
  tooLong = false;
}

void say(const char *word, int value) {
  Serial.print(word);
  Serial.print(' ');
  Serial.print(value);
  Serial.print('\\n');
}

void answer() {
  if (!strcmp(line, "hello")) Serial.print("lockgate 1 demo\\n");
  else if (!strcmp(line, "led 0") || !strcmp(line, "led 1")) {
    blinking = false;
    digitalWrite(13, line[4] == '1');
    say("led", line[4] - '0');
  }
  else if (!strcmp(line, "led")) say("led", digitalRead(13));
  else if (!strncmp(line, "led ", 4)) Serial.print("err argument\\n");
  else if (!strcmp(line, "button")) say("button", 1 - steady);
  else if (!strcmp(line, "sensor")) say("sensor", analogRead(A0));
  else Serial.print("err unknown\\n");
}
"""

SDK = """\
import time


class Device:
    def __init__(self, transport):
        self._transport = transport

    def _ask(self, line):
        self._transport.write(line.encode() + b"\\n")
        answer = self._transport.read_line(1.0)
        if not answer:
            raise TimeoutError("no answer to " + line)
        return answer.decode().strip().split(" ")

    def hello(self):
        return self._ask("hello")[2]

    def led_set(self, value):
        return bool(int(self._ask(f"led {int(value)}")[1]))

    def button_get(self):
        return bool(int(self._ask("button")[1]))

    def sensor_get(self):
        return int(self._ask("sensor")[1])

    def pause(self, seconds):
        before = time.monotonic()
        time.sleep(seconds)
        return round(time.monotonic() - before, 3)
"""

_ABLE = {"output": True, "input": True, "pull_up": True, "pwm": False, "analog": False}
PINS: dict[str, dict[str, Any]] = {
    "2": _ABLE,
    "9": {**_ABLE, "pwm": True},
    "13": _ABLE,
    "34": {"output": False, "input": True, "pull_up": False, "analog": True},
    "A0": {**_ABLE, "analog": True},
}


def call(method: str, args: list[Data], result: Data, send: str, reply: str) -> Any:
    """A ``call`` step."""
    return {
        "do": "call",
        "method": method,
        "args": args,
        "result": result,
        "send": send,
        "reply": reply,
    }


SCENARIO: list[dict[str, Any]] = [
    {"do": "run", "ms": 10},
    {"do": "mode", "pin": "13", "mode": "output"},
    {"do": "mode", "pin": "2", "mode": "input_pullup"},
    {"do": "mode", "pin": "A0", "mode": "analog"},
    {"do": "level", "pin": "13", "level": 0},
    {
        "do": "edges",
        "pin": "13",
        "within_ms": 1100,
        "period_ms": 250,
        "count_min": 4,
        "count_max": 4,
        "tolerance_ms": 10,
    },
    call("hello", [], "demo", "hello", "lockgate 1 demo"),
    call("led_set", [True], True, "led 1", "led 1"),
    {"do": "level", "pin": "13", "level": 1},
    {"do": "edges", "pin": "13", "within_ms": 600, "count_max": 0},
    {"do": "level", "pin": "13", "level": 1},
    call("led_set", [False], False, "led 0", "led 0"),
    {"do": "level", "pin": "13", "level": 0},
    call("button_get", [], False, "button", "button 0"),
    {"do": "drive", "pin": "2", "level": 0},
    {"do": "run", "ms": 60},
    call("button_get", [], True, "button", "button 1"),
    {"do": "drive", "pin": "2", "level": None},
    {"do": "run", "ms": 5},
    call("button_get", [], True, "button", "button 1"),
    {"do": "run", "ms": 60},
    call("button_get", [], False, "button", "button 0"),
    {"do": "analog", "pin": "A0", "value": 517, "max": 1023},
    call("sensor_get", [], 517, "sensor", "sensor 517"),
    {"do": "send", "line": "", "reply": None},
    {"do": "send", "line": "nonsense", "reply": "err unknown"},
    {"do": "send", "line": "led 2", "reply": "err argument"},
    {"do": "send", "line": "x" * 64, "reply": "err unknown"},
    {"do": "send", "line": "x" * 65, "reply": "err too-long"},
    {"do": "send", "line": "y" * 300, "reply": "err too-long"},
    {"do": "send", "line": "hello", "reply": "lockgate 1 demo"},
]


def contract(**changes: Any) -> dict[str, Any]:
    """The contract of the device by hand, with fields replaced."""
    whole: dict[str, Any] = {
        "schema": 1,
        "device": "demo",
        "title": "Demo",
        "platform": "arduino",
        "board": {
            "id": "uno",
            "name": "Arduino Uno",
            "mcu": "atmega328p",
            "f_cpu": 16_000_000,
            "flash_bytes": 32_256,
            "ram_bytes": 2_048,
            "pins": {name: dict(able) for name, able in PINS.items()},
        },
        "serial": {"baud": 9_600, "line_limit": 64, "port": "uart"},
        "peripherals": [],
        "artifacts": {
            "micropython": "micropython/main.py",
            "arduino": "arduino/demo/demo.ino",
            "sdk": "sdk/demo.py",
        },
        "scenario": [dict(step) for step in SCENARIO],
    }
    return {**whole, **changes}


def tree(firmware: str = FIRMWARE, sketch: str = SKETCH, sdk: str = SDK) -> Tree:
    """The files that `contract` names."""
    return Tree.of(
        {
            "micropython/main.py": firmware,
            "arduino/demo/demo.ino": sketch,
            "sdk/demo.py": sdk,
        }
    )


def board(firmware: str, **changes: Any) -> VirtualBoard:
    """A virtual board in this process, at reset; for firmware that is known."""
    budget = CpuBudget(total=20.0, silent=5.0)
    return VirtualBoard(firmware, "main.py", contract(**changes), budget)


def with_tools() -> LocalContext:
    """A context that has the tools of the boards, where they are installed."""
    found = {name: path for name in ["avr-gcc"] if (path := shutil.which(name))}
    return LocalContext(programs=found, plugin="devices")


def missing_avr() -> str:
    """Why the AVR tests cannot run here; empty if they can."""
    if shutil.which("avr-gcc") is None:
        return "avr-gcc is not installed (apt-get install gcc-avr avr-libc)"
    if not Path("/usr/share/arduino/hardware/arduino/avr/cores/arduino").is_dir():
        return "the Arduino core is not installed (apt-get install arduino-core-avr)"
    if simavr_library() is None:
        return "simavr's library is not installed (apt-get install libsimavr2)"
    return ""


needs_avr = pytest.mark.skipif(bool(missing_avr()), reason=missing_avr() or "present")
