"""The tree street: real ruff and clang-format on real and on odd files."""

from __future__ import annotations

import ast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.values import File, Tree
from lockgate_firmware.generate import generate
from lockgate_format.formatter import format_tree
from lockgate_format.options import FormatOptions
from tests.support.context import LocalContext

_OPTIONS = FormatOptions()

_SKETCH = """\
#include <Arduino.h>
#include "a.h"
static const uint8_t LED=13 ;
void setup( ) {
pinMode(LED,OUTPUT);Serial.begin( 9600 ) ; }
void loop(){ digitalWrite( LED,HIGH );  delay(500) ;
  if(Serial.available( )>0){ Serial . read() ; }
}
"""

_FIRMWARE = """\
import machine,time
led=machine.Pin( 13,machine.Pin.OUT )
def loop( ) :
    while True :
        led.value( not led.value() ); time.sleep_ms( 500 )
"""


def test_python_and_cpp_are_formatted(context: LocalContext) -> None:
    tree = Tree.of({"micropython/main.py": _FIRMWARE, "arduino/x/x.ino": _SKETCH})

    result = format_tree(tree, _OPTIONS, context)

    assert "import machine, time\n" in result.tree["micropython/main.py"].text
    assert (
        "led = machine.Pin(13, machine.Pin.OUT)"
        in result.tree["micropython/main.py"].text
    )
    assert "  pinMode(LED, OUTPUT);\n" in result.tree["arduino/x/x.ino"].text
    assert result.notes == ()


def test_each_tool_starts_once_however_many_files_there_are(
    context: LocalContext,
) -> None:
    files = {f"a/{n}.py": "x  = 1\n" for n in range(7)}
    files |= {f"b/{n}.cpp": "int  x;\n" for n in range(7)}

    result = format_tree(Tree.of(files), _OPTIONS, context)

    assert [run[0] for run in context.runs] == ["ruff", "clang-format"]
    assert {file.text for file in result.tree} == {"x = 1\n", "int x;\n"}


def test_a_tool_without_a_file_is_not_started(context: LocalContext) -> None:
    format_tree(Tree.of({"README.md": "x  = 1"}), _OPTIONS, context)

    assert context.runs == []


@pytest.mark.parametrize("path", ["a.py", "a.pyi", "a.ino", "a.h", "a.c", "a.hpp"])
def test_formatting_twice_changes_nothing_more(
    context: LocalContext, path: str
) -> None:
    text = _FIRMWARE if path.endswith(("py", "pyi")) else _SKETCH
    once = format_tree(Tree.of({path: text}), _OPTIONS, context).tree

    twice = format_tree(once, _OPTIONS, context).tree

    assert once[path].text != text
    assert twice == once


@pytest.mark.parametrize(("platform", "pin"), [("arduino", 13), ("esp32", 16)])
def test_generated_firmware_is_formatted_once_and_for_all(
    context: LocalContext, platform: str, pin: int
) -> None:
    spec = {
        "device_name": "x",
        "platform": platform,
        "peripherals": [{"type": "led", "pin": pin}],
    }
    tree = Tree.of(generate(spec).files)

    once = format_tree(tree, _OPTIONS, context)
    twice = format_tree(once.tree, _OPTIONS, context)

    assert once.notes == ()
    assert twice.tree == once.tree
    for file in once.tree:
        if file.path.endswith(".py"):
            before, after = (ast.parse(t[file.path].text) for t in (tree, once.tree))
            assert ast.dump(before) == ast.dump(after)


def test_the_formatted_python_means_the_same(context: LocalContext) -> None:
    result = format_tree(Tree.of({"main.py": _FIRMWARE}), _OPTIONS, context)

    assert ast.dump(ast.parse(result.tree["main.py"].text)) == ast.dump(
        ast.parse(_FIRMWARE)
    )


def test_a_file_of_another_kind_is_handed_back_byte_for_byte(
    context: LocalContext,
) -> None:
    other = File("bin/blob.dat", bytes(range(256)), executable=True)
    spec = File("spec.yaml", b"a:   1\r\n")

    result = format_tree(Tree((other, spec)), _OPTIONS, context)

    assert result.tree == Tree((other, spec))


def test_an_executable_file_stays_executable(context: LocalContext) -> None:
    tree = Tree((File("run.py", b"x  = 1\n", executable=True),))

    result = format_tree(tree, _OPTIONS, context)

    assert result.tree["run.py"] == File("run.py", b"x = 1\n", executable=True)


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("bad.py", b"x = 1\ny = (1,\ndef f(:\n", "line 2, column 8"),
        ("bad.cpp", b"int x;\nint f( {\n", "line 2"),
        ("latin.py", b"x  = 1\n# caf\xe9\n", "line 2: byte 0xe9 is not UTF-8"),
        ("latin.cpp", b"int  x; // \xff\n", "line 1: byte 0xff is not UTF-8"),
        ("utf16.py", "x  = 1\n".encode("utf-16"), "line 1: a NUL byte"),
        ("nul.h", b"int  x;\n\0", "line 2: a NUL byte"),
    ],
)
def test_a_file_that_cannot_be_read_is_handed_back_and_noted(
    context: LocalContext, path: str, content: bytes, said: str
) -> None:
    good = {"good.py": b"y  = 2\n", "good.cpp": b"int  y;\n"}
    tree = Tree.of({path: content, **good})

    result = format_tree(tree, _OPTIONS, context)

    assert result.tree[path].content == content
    assert [note.subject for note in result.notes] == [path]
    assert result.notes[0].kind == "warning"
    assert said in result.notes[0].message
    assert result.tree["good.py"].text == "y = 2\n"
    assert result.tree["good.cpp"].text == "int y;\n"


@pytest.mark.parametrize("path", ["a.py", "a.cpp"])
def test_an_empty_file_stays_empty(context: LocalContext, path: str) -> None:
    result = format_tree(Tree.of({path: b""}), _OPTIONS, context)

    assert result.tree[path].content == b""
    assert result.notes == ()


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.py", b"x  = 1\r\ny = 2\r\n", b"x = 1\r\ny = 2\r\n"),
        ("a.cpp", b"int  x;\r\nint y;\r\n", b"int x;\r\nint y;\r\n"),
    ],
)
def test_windows_line_ends_are_kept(
    context: LocalContext, path: str, before: bytes, after: bytes
) -> None:
    assert format_tree(Tree.of({path: before}), _OPTIONS, context).tree == Tree.of(
        {path: after}
    )


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [("a.py", b"x  = 1\n", b"x = 1\n"), ("a.cpp", b"int  x;\n", b"int x;\n")],
)
def test_a_byte_order_mark_is_kept(
    context: LocalContext, path: str, before: bytes, after: bytes
) -> None:
    tree = Tree.of({path: b"\xef\xbb\xbf" + before})

    result = format_tree(tree, _OPTIONS, context)

    assert result.tree[path].content == b"\xef\xbb\xbf" + after


def test_a_huge_file_is_handed_back_and_noted(context: LocalContext) -> None:
    content = b"x  = 1\n" * 400_000

    result = format_tree(Tree.of({"data.py": content}), _OPTIONS, context)

    assert result.tree["data.py"].content == content
    assert "over the limit" in result.notes[0].message
    assert context.runs == []


def test_a_path_that_looks_like_an_option_or_a_glob_is_only_a_path(
    context: LocalContext,
) -> None:
    paths = ["--config=evil.py", "[a]*.py", "@x.py", "a b;c.py", "-i.cpp", "x'.cpp"]
    tree = Tree.of({p: "x  = 1\n" if p.endswith("py") else "int  x;\n" for p in paths})

    result = format_tree(tree, _OPTIONS, context)

    assert {file.path for file in result.tree} == set(paths)
    assert {file.text for file in result.tree} == {"x = 1\n", "int x;\n"}


def test_configuration_files_of_the_tree_decide_nothing(context: LocalContext) -> None:
    tree = Tree.of(
        {
            "ruff.toml": "line-length = 1",
            ".clang-format": "DisableFormat: true",
            ".gitignore": "*",
            "a.py": "x  = 'a'\n",
            "a.cpp": "int  x;\n",
        }
    )

    result = format_tree(tree, _OPTIONS, context).tree

    assert result["a.py"].text == 'x = "a"\n'
    assert result["a.cpp"].text == "int x;\n"


def test_python_written_for_micropython_gets_no_syntax_that_it_cannot_read(
    context: LocalContext,
) -> None:
    items = ", ".join(f"open('a_long_file_name_{n}') as f{n}" for n in range(4))
    tree = Tree.of({"a.py": f"with {items}:\n    pass\n"})

    with_default = format_tree(tree, _OPTIONS, context).tree["a.py"].text
    with_newest = (
        format_tree(tree, FormatOptions(target_version="py314"), context)
        .tree["a.py"]
        .text
    )

    assert "with (" not in with_default
    assert "with (" in with_newest


def test_options_reach_the_tools(context: LocalContext) -> None:
    call = f"f({', '.join(f'argument_{n}' for n in range(12))})"
    tree = Tree.of({"a.py": call + "\n", "a.cpp": "void f(){g();}\n"})
    options = FormatOptions(line_length=300, cpp_style="LLVM", cpp_indent=4)

    result = format_tree(tree, options, context).tree

    assert result["a.py"].text == call + "\n"
    assert result["a.cpp"].text == "void f() { g(); }\n"


def test_a_tool_that_is_not_granted_is_named(context: LocalContext) -> None:
    context.programs = {}

    with pytest.raises(PermissionError, match="ruff"):
        format_tree(Tree.of({"a.py": "x  = 1"}), _OPTIONS, context)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    python=st.binary(max_size=80) | st.text(max_size=80).map(str.encode),
    cpp=st.binary(max_size=80) | st.text(max_size=80).map(str.encode),
)
def test_no_bytes_break_it_and_refused_files_are_unchanged(
    context: LocalContext, python: bytes, cpp: bytes
) -> None:
    tree = Tree.of({"a.py": python, "a.cpp": cpp, "b.py": "y  = 1\n"})

    result = format_tree(tree, _OPTIONS, context)

    assert result.tree["b.py"].text == "y = 1\n"
    for note in result.notes:
        assert result.tree[note.subject] == tree[note.subject]
