"""Code that runs before, after or underneath what is called."""

from __future__ import annotations

import pytest

from lockgate_sandbox.source import scan_source
from tests.support.source import rules_in


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("import sys\nsys.meta_path.insert(0, hook)", "import-hook"),
        ("from sys import path_hooks as h\nh.append(x)", "import-hook"),
        ("import sys\nsys.modules['json'] = fake", "import-hook"),
        ("import sys\nsys.settrace(f)", "trace-hook"),
        ("import sys\nsys.excepthook = f", "trace-hook"),
        ("import threading\nthreading.setprofile(f)", "trace-hook"),
        ("import sys\nsys.addaudithook(f)", "audit-hook"),
        ("import sys\ngetattr(sys, 'addaudit' + 'hook')(f)", "audit-hook"),
        ("import atexit\natexit.register(f)", "exit-hook"),
        ("import os\nos.register_at_fork(before=f)", "exit-hook"),
        ("import builtins\nbuiltins.open = f", "builtins-change"),
        ("__builtins__['open'] = f", "builtins-change"),
        ("__builtins__.open = f", "builtins-change"),
        ("import sitecustomize", "site-hook"),
    ],
)
def test_hooks_are_found(source: str, rule: str) -> None:
    assert rule in rules_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nsys.path.insert(0, 'x')",
        "import sys\nsys.modules.get('json')",
        "import sys\nsys.version_info >= (3, 11)",
        "class A:\n    def __init_subclass__(cls): ...",
        "self.builtins = 1",
    ],
)
def test_what_hooks_nothing_is_not(source: str) -> None:
    assert rules_in(source) == set()


@pytest.mark.parametrize("name", ["sitecustomize.py", "a/usercustomize.py"])
def test_a_module_that_the_interpreter_imports_at_start(name: str) -> None:
    assert [f.rule for f in scan_source("", name)] == ["site-hook"]


def test_a_line_of_a_pth_file_that_runs() -> None:
    source = "# comment\nsubfolder\nimport os; os.system('id')\n/opt/evil\n"

    found = [(f.rule, f.line) for f in scan_source(source, "a.pth")]

    assert ("pth-code", 3) in found
    assert ("shell", 3) in found
    assert ("import-hook", 4) in found
    assert not [line for _, line in found if line < 3]


def test_bytecode_without_source() -> None:
    (finding,) = scan_source(b"\x00\x01", "a/module.pyc")

    assert (finding.rule, finding.right) == ("bytecode", "dynamic")
