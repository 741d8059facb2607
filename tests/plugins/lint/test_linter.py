"""The analyzer on real firmware, on odd files, and with tools that are missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.values import AnalysisReport, Data, Finding, ProgramRun, Tree
from lockgate_firmware.generate import generate
from lockgate_lint.linter import analyze_tree
from tests.support.context import LocalContext

_SPEC = """\
device_name: Blinker
platform: {platform}
peripherals:
- {{type: led, pin: {led}}}
- {{type: button, pin: {button}}}
- {{type: sensor, pin: {sensor}}}
- {{type: motor, pin: {motor}}}
timing: {{BAUD_RATE: 9600, BLINK_INTERVAL: 500}}
"""
_BOARDS = {
    "arduino": _SPEC.format(platform="arduino", led=13, button=2, sensor="A0", motor=9),
    "esp32": _SPEC.format(platform="esp32", led=16, button=17, sensor=34, motor=18),
    "stm32": _SPEC.format(
        platform="stm32", led="PB12", button="PB13", sensor="PA0", motor="PA6"
    ),
}


def _analyzed(
    tree: Tree, contract: dict[str, Data], context: LocalContext
) -> AnalysisReport:
    report = analyze_tree(tree, contract, context)
    assert report is not None
    return report


def _generated(spec: str) -> tuple[Tree, dict[str, Data]]:
    product = generate(yaml.safe_load(spec))
    return Tree.of(product.files), dict(product.contract)


def _rules(findings: Sequence[Finding]) -> set[str]:
    return {finding.rule for finding in findings}


@pytest.mark.parametrize("platform", _BOARDS)
def test_generated_firmware_is_clean_and_compiles(
    context: LocalContext, platform: str
) -> None:
    tree, contract = _generated(_BOARDS[platform])

    report = _analyzed(tree, contract, context)

    # A motor needs a driver whatever its pin; nothing else is to be said.
    assert _rules(report.findings) == {"pin-needs-driver"}
    assert report.artifacts["micropython/main.mpy"].content.startswith(b"M\x06")


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("Led(13,", "Led(12,", "code-pin-extra"),
        ("Led(13,", "Led(12,", "code-pin-missing"),
        ("Pin(pin, Pin.OUT", "Pin(pin, Pin.IN", "code-pin-mode"),
        ("Pin.PULL_UP", "None", "code-pin-mode"),
        ("ADC(Pin(pin))", "Pin(pin)", "code-pin-mode"),
        ("PWM(Pin(pin)", "str(Pin(pin)", "code-pin-mode"),
        ("import time\n", "", "F821"),
        ("def tick(self, now):", "def tick(self, now, /):", "mpy-syntax"),
    ],
)
def test_a_bug_put_into_the_micropython_is_found(
    context: LocalContext, before: str, after: str, rule: str
) -> None:
    tree, contract = _generated(_BOARDS["arduino"])
    text = tree["micropython/main.py"].text
    assert before in text, "the generated code has changed: adapt the mutation"
    broken = Tree.of({"micropython/main.py": text.replace(before, after)})

    report = _analyzed(tree.merged(broken), contract, context)

    found = [f for f in report.findings if f.rule == rule]
    assert found
    assert {f.severity for f in found} == {"error"}


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("pinMode(pin_, OUTPUT);", "pinMode(pin_, INPUT);", "code-pin-mode"),
        ("pinMode(pin_, OUTPUT);", "", "code-pin-unset"),
        ("INPUT_PULLUP", "INPUT", "code-pin-mode"),
        ("analogRead(pin_)", "digitalRead(pin_)", "code-pin-mode"),
    ],
)
def test_a_bug_put_into_the_arduino_code_is_found(
    context: LocalContext, before: str, after: str, rule: str
) -> None:
    tree, contract = _generated(_BOARDS["arduino"])
    path = str(
        dict.fromkeys(f.path for f in tree if f.path.endswith(".ino")).popitem()[0]
    )
    text = tree[path].text
    assert before in text, "the generated code has changed: adapt the mutation"
    broken = Tree.of({path: text.replace(before, after)})

    report = _analyzed(tree.merged(broken), contract, context)

    assert rule in {f.rule for f in report.findings if f.path == path}


def test_a_promise_that_the_code_does_not_keep_is_shown_in_the_contract(
    context: LocalContext,
) -> None:
    tree, contract = _generated(_BOARDS["esp32"])
    text = tree["micropython/main.py"].text.replace("Led(16,", "Led(19,")
    changed = tree.merged(Tree.of({"micropython/main.py": text}))

    report = _analyzed(changed, contract, context)

    missing = next(f for f in report.findings if f.rule == "code-pin-missing")
    assert missing.path == "contract.json"
    assert missing.range is not None
    line = tree["contract.json"].text.split("\n")[missing.range.start.line - 1]
    assert '"led_16"' in line


def test_a_tool_that_is_not_granted_is_an_error_and_the_others_go_on(
    context: LocalContext,
) -> None:
    tree, contract = _generated(_BOARDS["arduino"])
    programs = {k: v for k, v in context.programs.items() if k != "cppcheck"}
    broken = Tree.of({"micropython/main.py": "import machine\nprint(nothing)\n"})

    report = _analyzed(tree.merged(broken), contract, LocalContext(programs=programs))

    missing = next(f for f in report.findings if f.rule == "tool-unavailable")
    assert (missing.tool, missing.severity) == ("cppcheck", "error")
    assert "not granted" in missing.message
    assert "F821" in _rules(report.findings)


def test_a_tool_that_is_not_needed_is_not_missed() -> None:
    report = analyze_tree(Tree.of({"pins.md": "text"}), {"schema": 1}, LocalContext())

    assert report is not None
    assert report.findings == ()


def test_a_tree_without_code_and_contract_is_not_for_this_analyzer() -> None:
    assert analyze_tree(Tree.of({"a.txt": "x"}), {}, LocalContext()) is None


class _Broken(LocalContext):
    """Runs every program, which ends as a crashed one does."""

    def run_program(self, name: str, *_: object, **__: object) -> ProgramRun:
        return ProgramRun(-11, b"", b"Segmentation fault")


class _Slow(LocalContext):
    """Runs every program, which takes too long."""

    def run_program(self, name: str, *_: object, **__: object) -> ProgramRun:
        raise TimeoutError(f"{name} ran longer than 60 s")


@pytest.mark.parametrize("context_class", [_Broken, _Slow])
def test_a_tool_that_breaks_down_is_an_error(
    context_class: type[LocalContext],
) -> None:
    tree, contract = _generated(_BOARDS["arduino"])

    report = _analyzed(tree, contract, context_class())

    failed = [f for f in report.findings if f.rule == "tool-failed"]
    assert {f.tool for f in failed} == {"ruff", "cppcheck", "mpy-cross"}
    assert {f.severity for f in failed} == {"error"}


@pytest.mark.parametrize(
    ("path", "content", "line"),
    [
        ("a.py", b"x = 1\n# caf\xe9\n", 2),
        ("a.cpp", b"\xff\xfei\0n\0t\0", 1),
        ("micropython/a.py", b"\n\n\n\x80", 4),
    ],
)
def test_a_file_that_is_no_text_is_a_finding_with_its_line(
    context: LocalContext, path: str, content: bytes, line: int
) -> None:
    (finding,) = _analyzed(Tree.of({path: content}), {}, context).findings

    assert (finding.rule, finding.path) == ("file-unreadable", path)
    assert finding.range is not None
    assert finding.range.start.line == line


def test_a_huge_file_is_a_finding_and_costs_nothing(context: LocalContext) -> None:
    tree = Tree.of({"a.py": b"x = 1\n" * 400_000})

    (finding,) = _analyzed(tree, {}, context).findings

    assert finding.rule == "file-unreadable"
    assert context.runs == []


def test_paths_that_look_like_options_or_folders_are_only_paths(
    context: LocalContext,
) -> None:
    python = ["--config=x.py", "@args.py", "a b/[c].py", "deep/__init__.py"]
    cpp = ["-i.cpp", "--help.h", "a b/x'.cpp"]
    files = dict.fromkeys(python, "print(nothing)\n")
    files |= dict.fromkeys(cpp, "int f() { return 1 / 0; }\n")

    report = _analyzed(Tree.of(files), {}, context)

    assert {f.path for f in report.findings if f.rule == "F821"} == set(python)
    assert {f.path for f in report.findings if f.rule == "zerodiv"} == set(cpp)


def test_headers_of_the_tree_are_found_by_their_includes(context: LocalContext) -> None:
    tree = Tree.of(
        {
            "x/x.ino": '#include "size.h"\nint f() { int a[kSize]; return a[4]; }\n',
            "x/size.h": "const int kSize = 3;\n",
        }
    )

    report = _analyzed(tree, {}, context)

    assert "arrayIndexOutOfBounds" in _rules(report.findings)


def test_findings_come_in_the_order_of_their_places(context: LocalContext) -> None:
    tree = Tree.of({"b.py": "print(x)\nprint(y)\n", "a.py": "import os\nprint(z)\n"})

    findings = _analyzed(tree, {}, context).findings

    places = [(f.path, f.range.start.line if f.range else 0) for f in findings]
    assert places == [("a.py", 1), ("a.py", 2), ("b.py", 1), ("b.py", 2)]


def test_native_code_is_compiled_for_the_processor_of_the_contract(
    context: LocalContext,
) -> None:
    tree = Tree.of(
        {
            "micropython/main.py": (
                "import micropython\n\n\n@micropython.native\ndef f():\n    return 1\n"
            )
        }
    )
    contract: dict[str, Data] = {"board": {"mcu": "esp32"}}

    report = _analyzed(tree, contract, context)

    assert "micropython/main.mpy" in report.artifacts
    assert "-march=xtensawin" in context.runs[-1]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("board", "pins", "mcu", "peripherals", "pin", "mode", "id"),
                    *("serial", "missing", "type", "artifacts", "micropython", "13"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(contract=st.dictionaries(st.sampled_from(["board", "peripherals"]), _JSON))
def test_no_contract_breaks_the_pin_check(
    context: LocalContext, contract: dict[str, Data]
) -> None:
    assert analyze_tree(Tree(), {"schema": 1, **contract}, context) is not None


def test_the_manifest_names_the_programs_that_are_used() -> None:
    import tomllib

    import lockgate_lint

    manifest = Path(str(lockgate_lint.__file__)).parent / "lockgate.toml"
    rights = tomllib.loads(manifest.read_text())["rights"]

    assert {p["name"] for p in rights["programs"]} == {"ruff", "cppcheck", "mpy-cross"}


def test_findings_are_plain_data(context: LocalContext) -> None:
    tree, contract = _generated(_BOARDS["esp32"])
    report = _analyzed(tree, contract, context)

    assert json.dumps([f.message for f in report.findings])
