"""A sketch becomes C++ that a compiler takes, with its own lines in messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lockgate_devices.arduino.sketch import to_cpp


def test_arduino_h_comes_first_and_lines_keep_their_numbers() -> None:
    text = to_cpp("int x;\nvoid setup() {}\n", "demo/demo.ino")

    assert text.startswith('#include <Arduino.h>\n#line 1 "demo/demo.ino"\nint x;\n')
    assert '#line 2 "demo/demo.ino"\nvoid setup() {}\n' in text


def test_every_function_is_declared_before_the_first() -> None:
    text = to_cpp(
        "int x;\nvoid setup() { go(1); }\nstatic long *go(int a) { return 0; }\n", "a"
    )

    assert text.index("static long *go(int a);") < text.index("void setup() {")


def test_what_is_no_function_is_not_declared() -> None:
    source = """\
// void comment() {
/* int other() { */
#define MACRO(x) do { x } while (0)
const char *text = "void quoted() {";
struct Led { void show() { } };
class Button { public: int level() const { return 0; } };
namespace inner { void hidden() { } }
template <class T> T twice(T a) { return a; }
enum Kind { one, two };
int table[] = {1, 2};
void setup() { if (x) { } }
void Led::later() { }
"""
    text = to_cpp(source, "a")

    assert text.split("enum Kind")[0].count("void setup();") <= 1
    declared = [line for line in text.splitlines() if line.endswith(");")]
    assert declared == ["void setup();"]


def test_default_arguments_are_not_repeated() -> None:
    text = to_cpp("void a(int x = 1) {}\nvoid b() {}\n", "a")

    assert text.count("int x = 1") == 1


def test_a_hostile_path_stays_in_its_string() -> None:
    text = to_cpp("void setup() {}\n", 'x"\n#include "/etc/passwd')

    assert '\n#include "/etc/passwd' not in text


@given(st.text(max_size=300))
def test_no_text_breaks_the_translation(source: str) -> None:
    text = to_cpp(source, "a.ino")

    assert text.startswith("#include <Arduino.h>\n")


@given(st.text(alphabet="ab(){};\"'/*\\\n# \t=<>R", max_size=200))
def test_every_byte_of_the_sketch_is_still_there(source: str) -> None:
    text = to_cpp(source, "a.ino")
    plain = source.replace("\r\n", "\n")

    body = text.split('#line 1 "a.ino"\n', 1)[1]
    kept = iter(body)
    assert all(character in kept for character in plain)
