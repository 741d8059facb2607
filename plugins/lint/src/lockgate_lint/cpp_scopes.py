"""Who gives a C++ parameter or member its value: calls and objects of one file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lockgate_lint.cpp_source import Part, Source

__all__ = ["Scope", "find_classes", "find_constants", "find_functions"]

_CONSTANT = re.compile(
    r"#[ \t]*define[ \t]+(?P<macro>\w+)[ \t]+(?P<body>\S+)[ \t]*$"
    r"|\b(?:const|constexpr)\b[\w \t:<>]{0,80}?\b(?P<name>\w+)\s*"
    r"[={]\s*(?P<value>[^;{},]{1,80}?)\s*\}?\s*;",
    re.M,
)
_CLASS = re.compile(r"\b(?:class|struct)\s+(\w+)[^;{()]{0,200}\{")
_FUNCTION = re.compile(
    r"\b(\w+)\s*\(([^(){};]{0,300})\)\s*(?:const\s*|noexcept\s*){0,2}\{"
)
_MEMBER = re.compile(r"^\s*(?:const\s+)?[\w:]+\s+(\w+)\s*(?:=.*)?$", re.S)
_PARAMETER = re.compile(r"(\w+)\s*(?:=.*)?$", re.S)
_DECLARED = re.compile(r"[\w:]+[\s*&]+\w+")
_NO_FUNCTION = frozenset({"if", "for", "while", "switch", "catch", "return"})


@dataclass(slots=True)
class Scope:
    """A class or function: where it stands, its parameters, who gives them.

    `members` maps a class's member to the parameter (or value) it starts with;
    `sites` holds the arguments of each call or object.
    """

    name: str
    start: int
    end: int
    parameters: list[str]
    members: dict[str, str] = field(default_factory=dict[str, str])
    sites: list[list[Part]] = field(default_factory=list[list[Part]])


def find_constants(source: Source) -> dict[str, str]:
    """Constants and simple macros, by name."""
    found: dict[str, str] = {}
    for match in _CONSTANT.finditer(source.code):
        name = match["macro"] or match["name"]
        found[name] = (match["body"] or match["value"]).strip()
    return found


def _parameters(text: str) -> list[str]:
    names = [_PARAMETER.search(part.strip()) for part in text.split(",")]
    return [name[1] for name in names if name]


def find_classes(source: Source) -> list[Scope]:
    """Each class and struct, with the arguments of its objects."""
    found: list[Scope] = []
    for match in _CLASS.finditer(source.code):
        start = match.end() - 1
        end = source.closing(start)
        if end < 0:
            continue
        scope = Scope(match[1], start, end, [])
        if not _constructor(source, scope):
            _aggregate(source, scope)
        _objects(source, scope)
        found.append(scope)
    return found


def _constructor(source: Source, scope: Scope) -> bool:
    """Read ``Led(uint8_t pin, ...) : pin_(pin), ... {``; False if there is none."""
    built = re.compile(
        rf"(?<![~\w]){re.escape(scope.name)}\s*\(([^(){{}};]{{0,300}})\)"
        r"\s*(?::([^;]{0,2000}?))?\{"
    ).search(source.code, scope.start, scope.end)
    if built is None:
        return False
    scope.parameters = _parameters(built[1])
    start = re.compile(r"(\w+)\s*[({]([^(){}]{0,80})[)}]")
    scope.members = {m[1]: m[2].strip() for m in start.finditer(built[2] or "")}
    return True


def _aggregate(source: Source, scope: Scope) -> None:
    """Take a struct without constructor: its members are its parameters."""
    body = source.code[scope.start + 1 : scope.end]
    flat = re.sub(r"\{[^{}]{0,2000}\}", ";", re.sub(r"\([^()]{0,300}\)", "()", body))
    for piece in flat.split(";"):
        if member := _MEMBER.match(piece.rpartition(":")[2]):
            scope.parameters.append(member[1])
            scope.members[member[1]] = member[1]


def _objects(source: Source, scope: Scope) -> None:
    """Note the arguments of each object: ``Led a(13)``, ``Led a = {13}`` ..."""
    made = re.compile(
        rf"\b{re.escape(scope.name)}\b[ \t]*(?:\w+)?[ \t]*(\[\w*\])?\s*=?\s*[({{]"
    )
    for match in made.finditer(source.code):
        if scope.start < match.end() <= scope.end:
            continue  # the class itself
        given = source.parts(match.end() - 1)
        if any(_DECLARED.fullmatch(part.text) for part in given):
            continue  # a function that takes or gives one
        if match[1]:
            # Led all[] = {{13, 0}, {12, 0}}; elements Led(13) are found themselves.
            rows = [part for part in given if part.text.startswith("{")]
            scope.sites += [source.parts(row.at) for row in rows]
        elif given:
            scope.sites.append(given)


def find_functions(source: Source, classes: list[Scope]) -> list[Scope]:
    """Each free function, with the arguments of its calls."""
    found: dict[str, Scope] = {}
    names: dict[int, str] = {}
    for match in _FUNCTION.finditer(source.code):
        end = source.closing(match.end() - 1)
        inside = any(s.start < match.start() < s.end for s in classes)
        if match[1] in _NO_FUNCTION or end < 0 or inside:
            continue
        names[match.start(1)] = match[1]
        found[match[1]] = Scope(match[1], match.end() - 1, end, _parameters(match[2]))
    for name, given in source.calls(re.compile(r"\b(\w+)\s*\(")):
        scope = found.get(name.text)
        prototype = any(_DECLARED.fullmatch(part.text) for part in given)
        if scope and name.at not in names and not prototype:
            scope.sites.append(given)
    return list(found.values())
