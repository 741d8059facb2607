"""Arduino C++ firmware for AVR: one sketch, no dynamic memory, texts in flash."""

from __future__ import annotations

from string import Template

from lockgate_firmware._text import c_comment
from lockgate_firmware.contract import hello_line
from lockgate_firmware.model import LINE_LIMIT_BYTES, Model
from lockgate_firmware.parts import Part
from lockgate_firmware.parts.base import DEBOUNCE_MS

__all__ = ["arduino"]

_LINE = """\
char line[kLineLimit];
uint8_t length = 0;
bool overflow = false;

// Whether the first `size` bytes of the line are `name`, which lies in flash.
bool word_is(PGM_P name, uint8_t size) {
  return strlen_P(name) == size && memcmp_P(line, name, size) == 0;
}

// Reads the number that the line holds from `start` to its end.
bool read_number(uint8_t start, int32_t &value) {
  const bool negative = start < length && line[start] == '-';
  if (negative) {
    ++start;
  }
  if (start >= length || length - start > 6) {
    return false;
  }
  value = 0;
  for (uint8_t at = start; at < length; ++at) {
    if (line[at] < '0' || line[at] > '9') {
      return false;
    }
    value = value * 10 + (line[at] - '0');
  }
  if (negative) {
    value = -value;
  }
  return true;
}
"""

_ANSWER_LINE = Template("""\
// Sends the one line that answers the line.
void answer_line() {
  uint8_t size = 0;
  while (size < length && line[size] != ' ') {
    ++size;
  }
  const bool given = size < length;
  if (word_is(PSTR("hello"), size)) {
    if (given) {
      Serial.print(F("err argument\\n"));
    } else {
      Serial.print(F("$hello\\n"));
    }
    return;
  }
  int32_t argument = 0;
  const bool number = !given || read_number(size + 1, argument);
  int32_t value = 0;
  bool fits = false;
  $branches else {
    Serial.print(F("err unknown\\n"));
    return;
  }
  if (!fits) {
    Serial.print(F("err argument\\n"));
    return;
  }
  Serial.write(line, size);
  Serial.write(' ');
  Serial.print(value);
  Serial.write('\\n');
}
""")

_RECEIVE = """\
void receive() {
  while (Serial.available() > 0) {
    const char byte = static_cast<char>(Serial.read());
    if (byte == '\\n') {
      if (overflow) {
        Serial.print(F("err too-long\\n"));
      } else if (length > 0) {
        answer_line();
      }
      length = 0;
      overflow = false;
    } else if (byte == '\\r') {
      continue;
    } else if (length < kLineLimit) {
      line[length++] = byte;
    } else {
      overflow = true;
    }
  }
}
"""


def arduino(model: Model) -> str:
    """The firmware of `model` as an Arduino sketch."""
    structs = {part.kind: part.cpp_struct for part in model.parts}
    inside = [
        _constants(model),
        *structs.values(),
        _instances(model.parts),
        _LINE,
        _answer_line(model),
        _RECEIVE,
    ]
    return "\n".join(
        [
            _header(model),
            "#include <Arduino.h>\n",
            "namespace {\n",
            *inside,
            "}  // namespace\n",
            _setup_and_loop(model.parts),
        ]
    )


def _header(model: Model) -> str:
    return (
        f"// Firmware of '{c_comment(model.title)}' for the {model.board.name}.\n"
        "//\n"
        "// Generated from its hardware spec: change the spec, not this file.\n"
    )


def _constants(model: Model) -> str:
    lines = [
        f"constexpr uint32_t kBaud = {model.baud};",
        f"constexpr uint8_t kLineLimit = {LINE_LIMIT_BYTES};  // without the newline",
    ]
    if any(part.kind == "button" for part in model.parts):
        lines.append(f"constexpr uint8_t kDebounceMs = {DEBOUNCE_MS};")
    return "\n".join(lines) + "\n"


def _instances(parts: tuple[Part, ...]) -> str:
    lines: list[str] = []
    for part in parts:
        comment = part.description or part.title
        if comment:
            lines.append(f"// {c_comment(comment)}")
        initialiser = part.cpp_initialiser()
        arguments = f"{part.pin}{', ' if initialiser else ''}{initialiser}"
        lines.append(f"{part.class_name()} {part.id}({arguments});")
    return "\n".join(lines) + "\n"


def _answer_line(model: Model) -> str:
    branches = " else ".join(
        f'if (word_is(PSTR("{part.id}"), size)) {{\n'
        f"    fits = number && {part.id}.answer(given, argument, value);\n"
        "  }"
        for part in model.parts
    )
    return _ANSWER_LINE.substitute(hello=hello_line(model.name), branches=branches)


def _setup_and_loop(parts: tuple[Part, ...]) -> str:
    begin = "".join(f"  {part.id}.begin();\n" for part in parts)
    tick = "".join(f"  {part.id}.tick(now);\n" for part in parts)
    return (
        f"void setup() {{\n  Serial.begin(kBaud);\n{begin}}}\n\n"
        f"void loop() {{\n  const uint32_t now = millis();\n{tick}  receive();\n}}\n"
    )
