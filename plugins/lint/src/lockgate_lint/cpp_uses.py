"""How Arduino C++ uses pins, as far as a scanner can see it.

Seen are Arduino's pin functions with a literal, a constant, a parameter of a
function, or a member of a class or struct, followed to the arguments of each call
and each object: ``Led led_13(13, true, 0)`` drives pin 13 though
``digitalWrite(pin_, ...)`` stands in the class. What cannot be followed is one
``unresolved`` use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lockgate_lint.cpp_scopes import (
    Scope,
    find_classes,
    find_constants,
    find_functions,
)
from lockgate_lint.cpp_source import Part, Source
from lockgate_lint.uses import Action, PinUse

__all__ = ["cpp_uses"]

_ACTIONS: Mapping[str, Action] = {
    "pinMode": "mode",
    "digitalWrite": "write",
    "digitalRead": "read",
    "pulseIn": "read",
    "analogRead": "analog",
    "analogWrite": "pwm",
    "tone": "pwm",
}
_PIN_CALL = re.compile(rf"(?<![\w.:>])({'|'.join(_ACTIONS)})\s*\(")
_MODES = {"OUTPUT": "output", "INPUT": "input", "INPUT_PULLUP": "input_pullup"}
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]{1,4}|0[bB][01]{1,12}|\d{1,4})[uUlL]{0,3}")
_PIN_NAME = re.compile(r"A\d{1,2}|P[A-K]_?\d{1,2}|LED_BUILTIN")
_CAST = re.compile(r"(?:static_cast\s*<[^<>]{0,80}>\s*)?\((.*)\)", re.S)
_TYPE_BEFORE = re.compile(r"\b(?:void|int|long|bool|u?int\d+_t)\s+$")

_NO_PIN = "255"
"""How Arduino code says "no pin": the largest uint8_t."""
_DEPTH = 8
_STEP_LIMIT = 20_000
_TEXT_LIMIT_CHARS = 256 * 1024
"""Longer sources are not scanned for pins: generated ones take about 10 KiB."""


class _Resolver:
    """Finds what a word in one file can stand for."""

    def __init__(self, source: Source) -> None:
        self.constants = find_constants(source)
        self.classes = find_classes(source)
        self.functions = find_functions(source, self.classes)
        self.steps = 0

    def values(
        self, part: Part, depth: int = _DEPTH
    ) -> Iterator[tuple[str, int, Part]]:
        """Each value of `part`: the site that gave it (-1: none), its own place.

        An empty value is one that only shows at run time.
        """
        self.steps += 1
        word = part.text
        while cast := _CAST.fullmatch(word):
            word = cast[1].strip()
        if number := _NUMBER.fullmatch(word):
            base = 0 if number[1][:2].lower() in ("0x", "0b") else 10
            yield str(int(number[1], base)), -1, part
            return
        if depth == 0 or self.steps > _STEP_LIMIT:
            yield "", -1, part
            return
        scope = self._scope(part.at)
        if scope and (name := scope.members.get(word, word)) in scope.parameters:
            yield from self._given(scope, scope.parameters.index(name), part, depth)
        elif word in self.constants:
            body = Part(self.constants[word], part.at)
            yield from ((v, -1, part) for v, _, _ in self.values(body, depth - 1))
        else:
            known = word in _MODES or _PIN_NAME.fullmatch(word)
            yield word if known else "", -1, part

    def _given(
        self, scope: Scope, index: int, part: Part, depth: int
    ) -> Iterator[tuple[str, int, Part]]:
        """What each call or object gives as its argument number `index`."""
        found = False
        for site, given in enumerate(scope.sites):
            if index < len(given):
                found = True
                for value, _, place in self.values(given[index], depth - 1):
                    yield value, site, place
        if not found:
            yield "", -1, part

    def _scope(self, at: int) -> Scope | None:
        scopes = (*self.classes, *self.functions)
        return next((s for s in scopes if s.start < at < s.end), None)


def cpp_uses(path: str, text: str) -> list[PinUse]:
    """Each use of a pin in Arduino C++ `text`."""
    if len(text) > _TEXT_LIMIT_CHARS:
        return [PinUse("unresolved", "", path, 1)]
    source = Source(text)
    resolver = _Resolver(source)
    found: dict[PinUse, None] = {}
    for name, given in source.calls(_PIN_CALL):
        before = source.code[max(0, name.at - 20) : name.at]
        if not given or _TYPE_BEFORE.search(before):
            continue  # the declaration of a function of that name
        modes: dict[int, str] = {}
        if name.text == "pinMode" and len(given) > 1:
            modes = {site: value for value, site, _ in resolver.values(given[1])}
        for value, site, place in resolver.values(given[0]):
            if value == _NO_PIN:
                continue
            action: Action = _ACTIONS[name.text] if value else "unresolved"
            mode = _MODES.get(modes.get(site, modes.get(-1, "")), "")
            line, column = source.place(place.at)
            found[PinUse(action, value, path, line, column, mode)] = None
    return list(found)
