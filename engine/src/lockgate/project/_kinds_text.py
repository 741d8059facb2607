"""``[[added-kinds]]`` as text, and a manifest with other kinds than it had.

The tables are written as a whole, since they are compiled; all other lines of the
manifest stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, cast

from lockgate._text.toml import quoted
from lockgate._text.toml_lines import line_of, statements
from lockgate.kinds import AddedHook, AddedKind

__all__ = ["Drift", "drifts", "with_kinds"]

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_OURS = re.compile(r"\s*\[\[?\s*added-kinds\s*[.\]]")
_ORIGIN = "# Compiled from the hook specs in the code by `lockgate check --write`."
_WORDS = ("since", "deprecated", "instead", "removed")


class Drift(NamedTuple):
    """What differs: the kind or hook `name`, in words, and the manifest's line."""

    name: str
    message: str
    line: int


def with_kinds(text: str, kinds: Sequence[AddedKind]) -> str:
    """`text`, a manifest, with exactly `kinds` added, where the first one was."""
    kept: list[str] = []
    at, inside = -1, False
    waiting: list[str] = []  # comments and blank lines: of the table that follows
    headers = {n for n, line in statements(text) if line.lstrip().startswith("[")}
    for number, line in enumerate(text.split("\n"), 1):
        if number in headers:
            inside = bool(_OURS.match(line))
            if inside and at < 0:
                at = len(kept)
        if not inside:
            kept += [*waiting, line]
            waiting = []
        elif not line.strip() or line.lstrip().startswith("#"):
            waiting.append(line)
        else:
            waiting = []
    kept += [one for one in waiting if one.strip()]
    if at < 0:
        at = len(kept)
    before = "\n".join(kept[:at]).rstrip("\n")
    before = before.removesuffix(_ORIGIN).rstrip("\n")
    after = "\n".join(kept[at:]).strip("\n")
    written = "\n".join(_lines(kinds)).strip("\n")
    return "\n\n".join(part for part in (before, written, after) if part) + "\n"


def drifts(
    text: str, said: Sequence[AddedKind], meant: Sequence[AddedKind]
) -> Iterator[Drift]:
    """Each difference between what the manifest says and what the code means."""
    known = {kind.name: (number, kind) for number, kind in enumerate(said)}
    for kind in meant:
        if kind.name not in known:
            yield Drift(kind.name, f"the kind {kind.name!r} of the code is missing", 1)
            continue
        number, now = known[kind.name]
        place = ("added-kinds", number)
        if (kind.about, kind.version) != (now.about, now.version):
            message = f"`about` or `version` of the kind {kind.name!r} differs"
            yield Drift(kind.name, message, line_of(text, place))
        for name in dict.fromkeys([*kind.defs, *now.defs]):
            if kind.defs.get(name) != now.defs.get(name):
                line = line_of(text, (*place, "defs", name))
                message = f"the type {name} of the kind {kind.name!r} differs"
                yield Drift(kind.name, message, line)
        yield from _hook_drifts(text, place, now.hooks, kind.hooks)
    for name, (number, _) in known.items():
        if all(kind.name != name for kind in meant):
            line = line_of(text, ("added-kinds", number))
            yield Drift(name, f"the code has no kind {name!r}", line)


def _hook_drifts(
    text: str,
    place: tuple[str | int, ...],
    said: Sequence[AddedHook],
    meant: Sequence[AddedHook],
) -> Iterator[Drift]:
    wanted = {hook.name: hook for hook in meant}
    for number, hook in enumerate(said):
        line = line_of(text, (*place, "hooks", number))
        if hook.name not in wanted:
            yield Drift(hook.name, f"the code has no hook {hook.name!r}", line)
        elif wanted[hook.name] != hook:
            message = f"the hook {hook.name!r} differs from the code's"
            yield Drift(hook.name, message, line)
    names = {hook.name for hook in said}
    for hook in meant:
        if hook.name not in names:
            message = f"the hook {hook.name!r} of the code is missing"
            yield Drift(hook.name, message, line_of(text, place))


def _lines(kinds: Iterable[AddedKind]) -> Iterator[str]:
    for number, kind in enumerate(kinds):
        if number == 0:
            yield _ORIGIN
        yield "[[added-kinds]]"
        yield f"name = {quoted(kind.name)}"
        if kind.about:
            yield f"about = {quoted(kind.about)}"
        if kind.version != "1.0":
            yield f"version = {quoted(kind.version)}"
        yield ""
        for name, schema in kind.defs.items():
            yield from _definition(name, schema)
        for hook in kind.hooks:
            yield from _hook(hook)


def _definition(name: str, schema: Mapping[str, object]) -> Iterator[str]:
    yield f"[added-kinds.defs.{name}]"
    for key, value in schema.items():
        if key != "properties":
            yield f"{_key(key)} = {_value(value)}"
    yield ""
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        yield f"[added-kinds.defs.{name}.properties]"
        for key, value in cast("Mapping[str, object]", properties).items():
            yield f"{_key(key)} = {_value(value)}"
        yield ""


def _hook(hook: AddedHook) -> Iterator[str]:
    yield "[[added-kinds.hooks]]"
    yield f"name = {quoted(hook.name)}"
    if hook.doc:
        yield f"doc = {_long(hook.doc)}"
    for word in ("firstresult", "stream", "historic"):
        if getattr(hook, word):
            yield f"{word} = true"
    if hook.timeout_seconds != 60.0:
        yield f"timeout-seconds = {hook.timeout_seconds:g}"
    if hook.failure != "fail":
        yield f"failure = {quoted(hook.failure)}"
    for word in _WORDS:
        said: str = getattr(hook, word)
        if said and (word, said) != ("since", "1.0"):
            yield f"{word} = {quoted(said)}"
    yield f"answer = {_value(hook.answer)}"
    yield ""
    if hook.arguments:
        yield "[added-kinds.hooks.arguments]"
        for name, schema in hook.arguments.items():
            yield f"{name} = {_value(schema)}"
        yield ""


def _key(key: str) -> str:
    return key if _BARE.match(key) else quoted(key)


def _long(text: str) -> str:
    """A text of several lines as TOML has it: the lines as they are."""
    if "\n" not in text:
        return quoted(text)
    lines = [quoted(line)[1:-1] for line in text.split("\n")]
    return '"""\n' + "\n".join(lines) + '"""'


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        table = cast("Mapping[str, object]", value)
        inner = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in table.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, cast('Sequence[object]', value)))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else repr(value)
