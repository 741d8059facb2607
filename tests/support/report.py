"""Run documents for the report: a benign one of every shape, and hostile copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any, cast

from lockgate.values import Data
from lockgate_report.plugin import generate

__all__ = ["Markup", "hostile", "html_of", "run", "simulation", "step", "whole"]

_LAYERS = [
    {"name": "landlock", "state": "active", "detail": "ABI 7", "remedy": ""},
    {"name": "seccomp", "state": "active", "detail": "404 instructions", "remedy": ""},
    {"name": "cgroup", "state": "missing", "detail": "no group", "remedy": "delegate"},
    {"name": "scratch", "state": "unneeded", "detail": "", "remedy": ""},
]


def simulation(**changes: Any) -> dict[str, Any]:
    """A simulation of a blinking LED, a button, a motor, a sensor and serial lines."""
    events: list[dict[str, Any]] = [
        {"at_us": 10, "kind": "pin", "pin": "13", "mode": "output", "by": "device"},
        {"at_us": 20, "kind": "pin", "pin": "2", "mode": "input_pullup"},
        {"at_us": 30, "kind": "pin", "pin": "3", "mode": "pwm", "by": "device"},
        {"at_us": 40, "kind": "analog", "pin": "A0", "value": 512, "max": 1023},
        {"at_us": 500_000, "kind": "pin", "pin": "13", "level": 1, "by": "device"},
        {"at_us": 600_000, "kind": "pin", "pin": "2", "level": 0, "by": "world"},
        {"at_us": 700_000, "kind": "pin", "pin": "2", "level": None, "by": "world"},
        {"at_us": 800_000, "kind": "pin", "pin": "3", "freq_hz": 500,
         "duty_percent": 75.0, "by": "device"},
        {"at_us": 900_000, "kind": "rx", "line": "led_13 0"},
        {"at_us": 901_000, "kind": "tx", "line": "led_13 0"},
        {"at_us": 1_000_000, "kind": "pin", "pin": "13", "level": 0, "by": "device"},
        {"at_us": 1_500_000, "kind": "mark", "text": "end"},
    ]  # fmt: skip
    verdicts = [
        {"name": "pin 13 is output", "passed": True, "expected": "output",
         "seen": "output", "at_us": 10_000},
        {"name": "pin 13 is 0", "passed": True, "expected": "0", "seen": "0",
         "at_us": 1_200_000},
    ]  # fmt: skip
    value: dict[str, Any] = {
        "board": "virtual",
        "passed": True,
        "duration_us": 2_000_000,
        "events": events,
        "verdicts": verdicts,
        "artifacts": {"files": [{"path": "build/fw.elf", "bytes": 15_000}]},
        "notes": [],
        "stopped": "",
    }
    return {**value, **changes}


def answer(value: Any, plugin: str = "firmware", tier: str = "read-only") -> Any:
    return {
        "plugin": plugin,
        "version": "0.1.0",
        "tier": tier,
        "seconds": 0.1,
        "posture": {"layers": _LAYERS},
        "denials": [{"right": "net:example.org", "hint": "grant it"}],
        "output": "what it printed",
        "value": value,
    }


def step(name: str, hook: str, *values: Any, **changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": name,
        "hook": hook,
        "plugin": None,
        "pipeline": None,
        "needs": [],
        "state": "done",
        "note": "",
        "expect": "done",
        "started": 0.1,
        "seconds": 0.2,
        "attempts": 1,
        "answers": [answer(value) for value in values],
        "failures": [],
        "error": None,
        "compensation": None,
        "runs": [],
    }
    return {**record, **changes}


def run(*steps: Any, name: str = "firmware-build", **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "schema": 1,
        "name": name,
        "state": "done",
        "started": 0.0,
        "seconds": 0.5,
        "inputs": {"spec": {"device_name": "Lamp", "platform": "arduino"}},
        "steps": list(steps),
        "outputs": {},
        "error": None,
    }
    return {**document, **changes}


CONTRACT: dict[str, Any] = {
    "schema": 1,
    "title": "Desk Lamp",
    "platform": "arduino",
    "board": {"name": "Arduino Uno", "mcu": "atmega328p"},
    "peripherals": [
        {"id": "led_13", "pin": "13"},
        {"id": "button_2", "pin": "2"},
        {"id": "motor_3", "pin": "3", "direction_pin": "4"},
    ],
}
TREE = {
    "files": [
        {"path": "main.py", "content": b"print('hi')\n", "executable": False},
        {"path": "main.mpy", "content": b"M\x06\0\xff", "executable": False},
    ]
}
REASONS = [
    {"code": "bad-pin", "where": "peripherals[0].pin",
     "message": "'13); evil(' is no pin", "hint": "Write 13."}
]  # fmt: skip
DIFF = (
    "--- a/main.py\n+++ b/main.py\n@@ -1 +1 @@\n-print( 'hi' )\n+print('hi')\n same\n"
)


def built() -> dict[str, Any]:
    """A spec that was built, analysed, simulated and reviewed."""
    generation = {
        "tree": {"files": [{"path": "main.py", "bytes": 12, "sha256": "0"}]},
        "notes": [
            {"kind": "substituted", "subject": "ui", "message": "None is made.",
             "asked": "react", "given": "none"},
            {"kind": "assumed", "subject": "baud", "message": "It is 9600.",
             "asked": "", "given": ""},
        ],
        "contract": CONTRACT,
        "targets": ["micropython", "sdk"],
    }  # fmt: skip
    findings = [
        {
            "path": "main.py",
            "rule": "E1",
            "severity": severity,
            "message": "It is odd.",
            "range": {"start": {"line": 3, "column": 7}},
            "tool": "ruff",
            "hint": "Mend it.",
        }
        for severity in ("note", "warning", "error")
    ]
    said = {
        "text": "E1\n  What: it is odd.\n\nAnother word.",
        "model": "rules/explainer",
        "patches": [{"path": "spec.yaml", "diff": DIFF, "why": "So that it works."}],
    }
    return run(
        step("generate", "generate", generation),
        step("format", "transform", {"tree": TREE, "diff": DIFF, "notes": []}),
        step("lint", "analyze", {"findings": findings}),
        step("simulate", "simulate", simulation()),
        step("simavr", "simulate", simulation(board="simavr", duration_us=3_000_000)),
        step("review", "complete", said),
        step("undone", "generate", state="compensated", compensation={"state": "done"}),
        step("left", "generate", state="skipped", note="when: false"),
        outputs={"tree": TREE},
    )


def whole() -> dict[str, Any]:
    """A demo: one spec built, one refused as it must be and explained."""
    error = {
        "code": "input-refused",
        "message": "the input was refused",
        "hint": "See the reasons.",
        "reasons": REASONS,
        "step": "generate",
    }
    refused = run(
        step("generate", "generate", state="refused", error=error),
        step("format", "transform", state="cancelled"),
        state="refused",
        error=error,
        inputs={"spec": {"device_name": "../../outside"}},
    )
    advice: dict[str, Any] = {
        "text": "A pin is a number.",
        "model": "rules",
        "patches": [],
    }
    return run(
        step("build", "", pipeline="build.yaml", runs=[built()]),
        step("refuse", "", pipeline="build.yaml", expect="refused", runs=[refused]),
        step("advise", "complete", advice, needs=["refuse"]),
        name="firmware-demo",
    )


def hostile(value: Any, payload: str) -> Any:
    """A copy of `value` in which every text that says something is `payload`.

    What the page reads as a word of its own vocabulary (a state, a kind) stays, so
    that the copy still reaches every part of the page.
    """
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {
            key: item if key in _WORDS else hostile(item, payload)
            for key, item in fields.items()
        }
    if isinstance(value, list):
        return [hostile(item, payload) for item in cast("Sequence[Any]", value)]
    if isinstance(value, bytes):
        return payload.encode("utf-8", "replace")
    return payload if isinstance(value, str) else value


_WORDS = {
    "hook",
    "pipeline",
    "expect",
    "kind",
    "by",
    "mode",
    "severity",
    "state",
    "needs",
    "id",
}


def html_of(document: Mapping[str, Data]) -> str:
    generation = generate(spec=document, targets=("html",))
    assert generation is not None
    return generation.tree["report.html"].content.decode("utf-8")


class Markup(HTMLParser):
    """What a page is made of: its tags with their attributes, and its texts."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._open[-1] if self._open else "", []).append(data)

    def text(self, tag: str) -> str:
        """All text right inside elements `tag`."""
        return "".join(self.texts.get(tag, []))

    @property
    def attributes(self) -> set[tuple[str, str]]:
        """Each attribute with the tag that it stands on."""
        return {(tag, name) for tag, attributes in self.tags for name in attributes}
