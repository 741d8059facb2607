"""The parsers of foreign bytes: any output, any source, no exception."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.values import Position
from lockgate_lint.cpp_uses import cpp_uses
from lockgate_lint.cppcheck import parse_cppcheck
from lockgate_lint.python_uses import python_uses
from lockgate_lint.ruff import parse_ruff

_ROW = {
    "code": "F821",
    "filename": "/tmp/x/0/module.py",
    "message": "Undefined name",
    "location": {"row": 3, "column": 2},
    "end_location": {"row": 3, "column": 9},
}


def test_a_row_of_ruff_is_a_finding_with_its_range() -> None:
    found = parse_ruff(json.dumps([_ROW]).encode(), {"0/module.py": "a/b.py"})

    assert found is not None
    assert [(f.path, f.rule) for f in found] == [("a/b.py", "F821")]
    assert found[0].range is not None
    assert found[0].range.end == Position(3, 9)


@pytest.mark.parametrize("output", [b"", b"{}", b"[1]", b"\xff", b"[" * 100_000])
def test_what_is_no_list_of_rows_is_not_from_ruff(output: bytes) -> None:
    assert parse_ruff(output, {}) is None


def test_a_file_that_was_not_given_to_ruff_is_no_finding() -> None:
    assert parse_ruff(json.dumps([_ROW]).encode(), {}) == []


def test_an_odd_escape_does_not_keep_the_follower_from_reading() -> None:
    text = "import machine\nx = '\\d'\nmachine.Pin(3, machine.Pin.OUT)\n"

    (use,) = python_uses("a.py", text)

    assert (use.pin, use.mode, use.line) == ("3", "output", 3)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader_of_ruff(output: bytes) -> None:
    parse_ruff(output, {"0/module.py": "a.py"})


def test_a_line_of_cppcheck_is_a_finding() -> None:
    line = "./a.cpp\t3\t7\twarning\tsomeRule\tA message\twith a tab\n"

    (found,) = parse_cppcheck(line, frozenset({"a.cpp"}))

    assert (found.rule, found.severity, found.tool) == (
        "someRule",
        "warning",
        "cppcheck",
    )
    assert found.message == "A message\twith a tab"


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader_of_cppcheck(output: str) -> None:
    parse_cppcheck(output, frozenset({"a.cpp"}))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "pinMode",
                    "(",
                    ")",
                    "{",
                    "}",
                    ",",
                    ";",
                    "13",
                    "class A",
                    "A",
                    "=",
                    " ",
                ),
                *(
                    "const int x",
                    "#define P 3\n",
                    "x",
                    "OUTPUT",
                    "void f(int a)",
                    '"',
                    "'",
                ),
                *(
                    "/*",
                    "*/",
                    "//",
                    "\n",
                    'R"(',
                    ')"',
                    "static_cast<int>(",
                    "[",
                    "]",
                    ":",
                ),
            ]
        ),
        max_size=40,
    ).map("".join)
    | st.text(max_size=200)
)
def test_no_source_breaks_the_scanner_of_cpp(text: str) -> None:
    for use in cpp_uses("a.cpp", text):
        assert 1 <= use.line <= text.count("\n") + 1


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "from machine import Pin, PWM\n",
                "import machine as m\n",
                "p = Pin(3, Pin.OUT)\n",
                "for i in (1, 2): p = Pin(i)\n",
                "x = [1, 2][9]\n",
                "y = {'a': p}['a']\n",
                "def f(a, b=3): return f(b, a)\n",
                "f(*(1, 2))\n",
                "class A:\n    def __init__(self, n): self.p = m.Pin(n)\n",
                "A(4).p.on()\n",
                "p(1)\n",
                "while x: x = 1 << 99999\n",
                "z = lambda: p\n",
                "a, (b, *c) = 1, (2, 3)\n",
            ]
        ),
        max_size=12,
    ).map("".join)
    | st.text(max_size=200)
)
def test_no_source_breaks_the_follower_of_python(text: str) -> None:
    python_uses("a.py", text)


@pytest.mark.parametrize(
    "text",
    [
        "pinMode(" * 20_000,
        "/*" * 100_000,
        'R"(' * 60_000,
        "const " * 40_000,
        "class A " * 30_000,
        "f(" * 60_000 + ")" * 60_000,
        "void f(int a) { f(a); f(a); f(a); pinMode(a, a); }\n" * 200,
        "class A { A(int p) : p_(p) {} int p_; void b() { pinMode(p_, p_); } };\n"
        + "A x(p_);\n" * 2000,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_cpp_costs_seconds_at_most(text: str) -> None:
    start = time.process_time()

    cpp_uses("a.cpp", text)

    assert time.process_time() - start < 20


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    f()\n    f()\nf()\n",
        "x = (1,) * 10**9\nfor i in x: pass\n",
        "x = 9**9**9\n",
        "(" * 5000,
        "x = " + "+".join(["1"] * 20_000),
        "for a in (1,2,3):\n"
        + "".join(f"{' ' * n}for a in (1,2,3):\n" for n in range(1, 19))
        + " " * 20
        + "pass\n",
    ],
    ids=lambda text: text[:12],
)
def test_hostile_python_costs_seconds_at_most(text: str) -> None:
    start = time.process_time()

    python_uses("a.py", text)

    assert time.process_time() - start < 20
