"""The analyzer through the real host: found by entry point, sealed, for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.host import Host
from lockgate.plugin import Document, Tree
from lockgate_lint.linter import analyze_tree
from tests.support.context import LocalContext

pytestmark = pytest.mark.kernel


def test_a_sealed_worker_lints_with_all_three_programs() -> None:
    tree = Tree.of(
        {
            "micropython/main.py": "import machine\nled = machine.Pin(12, 1)\nnone()\n",
            "micropython/old.py": "def f(a, /):\n    return a\n",
            "x/x.ino": "int f() { return 1 / 0; }\n",
        }
    )
    contract: Document = {
        "board": {"mcu": "atmega328p", "pins": {"13": {}, "12": {}}},
        "peripherals": [{"id": "led_13", "kind": "led", "pin": "13", "mode": "output"}],
        "artifacts": {"micropython": "micropython/main.py"},
    }

    with Host.open() as host:
        (answer,) = host.call("analyze", plugin="lint", tree=tree, contract=contract)

    assert answer.tier == "elevated"
    assert answer.denials == ()
    rules = {(finding.tool, finding.rule) for finding in answer.value.findings}
    assert {
        ("ruff", "F821"),
        ("cppcheck", "zerodiv"),
        ("mpy-cross", "mpy-syntax"),
        ("pins", "code-pin-extra"),
        ("pins", "code-pin-missing"),
    } <= rules
    assert not {rule for _, rule in rules if rule.startswith("tool-")}
    assert "micropython/main.mpy" in answer.value.artifacts


def test_an_include_cannot_carry_a_file_of_the_machine_out_of_the_seal(
    context: LocalContext, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.h"
    secret.write_text("const int kSecret = 3;\n")
    text = f'#include "{secret}"\nint f() {{ int a[kSecret]; return a[4]; }}\n'
    tree = Tree.of({"a.cpp": text})

    with Host.open() as host:
        sealed = host.call("analyze", plugin="lint", tree=tree, contract={}).first
    unsealed = analyze_tree(tree, {}, context)

    # Without the seal the finding tells what is in the file.
    assert unsealed is not None
    assert "a[3]" in " ".join(finding.message for finding in unsealed.findings)
    assert "a[3]" not in " ".join(finding.message for finding in sealed.findings)
    assert "arrayIndexOutOfBounds" not in {f.rule for f in sealed.findings}
