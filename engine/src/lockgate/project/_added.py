"""A new plugin of a kind that another plugin adds: its files, from the kind's schemas.

What a kind says was written by a stranger: names are held to what a manifest may say,
and text goes into comments and strings only, cleaned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any

from lockgate._codec.convert import codec
from lockgate._specs.spec import is_there
from lockgate._text.toml import quoted
from lockgate.kinds import AddedHook, AddedKind
from lockgate.kinds._specs import annotation_of
from lockgate.project._samples import Made, Samples, Source, literal, written
from lockgate.values import Tree

__all__ = ["added_files"]

_TEXT_LIMIT_CHARS = 72
_WIDTH = 88


def added_files(
    kind: AddedKind, adder: str, *, name: str, summary: str, package: str, project: str
) -> dict[str, str]:
    """The files, by path, that a plugin `name` of `kind` has of its own.

    `adder` is the plugin that adds the kind. Every hook of the kind's version is
    answered, those that are deprecated left out.
    """
    hooks = [h for h in kind.hooks if h.life.at(kind.version) == "current"]
    hooks = hooks or [h for h in kind.hooks if is_there(h.life, kind.version)]
    samples = Samples(kind.defs)
    code = _Code(kind, hooks, samples)
    source = f"src/{package}"
    return {
        "README.md": _readme(kind, hooks, samples, name, summary, package, project),
        f"{source}/lockgate.toml": _manifest(
            kind, hooks, adder, name, summary, package
        ),
        f"{source}/plugin.py": "\n".join(code.lines()) + "\n",
        "tests/test_plugin.py": "\n".join(_tests(hooks, samples)) + "\n",
    }


@dataclass(frozen=True, slots=True)
class _Code:
    """``plugin.py``: classes for the kind's objects, and an impl of each hook."""

    kind: AddedKind
    hooks: list[AddedHook]
    samples: Samples

    def lines(self) -> Iterator[str]:
        body = [*self._types(), *self._impls()]
        yield f'"""Answers the hooks of the kind {self.kind.name}."""'
        yield ""
        yield "from __future__ import annotations"
        yield from _imports("\n".join(body))
        yield ""
        yield f"__all__ = {_names(hook.name for hook in self.hooks)}"
        yield from body

    def _types(self) -> Iterator[str]:
        schemas = [s for h in self.hooks for s in (*h.arguments.values(), h.answer)]
        used = dict.fromkeys(name for s in schemas for name in self.samples.used(s))
        plain: list[str] = []
        for name in used:
            schema = self.samples.defs[name]
            if not self.samples.record({"$ref": f"#/$defs/{name}"}):
                plain += [f"{name}: TypeAlias = {_annotation(schema)}"]
                continue
            yield from ("", "", "@dataclass(frozen=True)", f"class {name}:")
            said = _clean(schema.get("description", "")) or "As the kind has it."
            yield f'    """{said}"""'
            yield ""
            yield from self._fields(schema)
        if plain:
            yield from ("", *plain)

    def _fields(self, schema: Mapping[str, Any]) -> Iterator[str]:
        required, parts = schema.get("required", ()), schema["properties"]
        defaults = {n: self._default(p) for n, p in parts.items() if n not in required}
        # Behind it, a field with a default is what its name means in the class.
        words = set(re.findall(r"\w+", " ".join(defaults.values())))
        for name in sorted(parts, key=lambda n: (n not in required, n in words)):
            text = f"    {name}: {_annotation(parts[name])}"
            yield f"{text} = {defaults[name]}" if name in defaults else text

    def _default(self, part: Mapping[str, Any]) -> str:
        if "default" not in part and self.samples.record(part):
            return written(self.samples.instance(part))
        value = self.samples.left_out(part)
        text = written(literal(value))
        return f"field(default_factory=lambda: {text})" if type(value) is dict else text

    def _impls(self) -> Iterator[str]:
        for hook in self.hooks:
            arguments = [f"{n}: {_annotation(s)}" for n, s in hook.arguments.items()]
            answer = _annotation(hook.answer)
            answer = f"Iterator[{answer}]" if hook.stream else answer
            yield from ("", "", "@hookimpl")
            head = Made(f"def {hook.name}(", tuple(arguments), ")")
            yield written(head, after=len(f" -> {answer}:")) + f" -> {answer}:"
            yield f'    """{_clean(hook.doc) or f"Answer {hook.name}."}"""'
            word = "yield" if hook.stream else "return"
            yield "    # The least that fits: write here what the plugin is for."
            yield f"    {word} {written(self._answer(hook), 4, len(word) + 1)}"

    def _answer(self, hook: AddedHook) -> Source:
        """An argument that is what the hook answers, as it came; else a sample."""
        for name, schema in hook.arguments.items():
            bare = {k: v for k, v in schema.items() if k not in ("default", "title")}
            if bare == hook.answer and "properties" not in schema:
                return name
        return self.samples.instance(hook.answer)


def _imports(body: str) -> Iterator[str]:
    """What the names in `body` come from, in the order that ruff has."""
    from lockgate import values

    first = ""
    words = set(re.findall(r"\b[A-Za-z_]\w*\b", re.sub(r'"""[^\n]*"""', "", body)))
    for module, known in (
        ("collections.abc", ("Iterator", "Mapping")),
        ("dataclasses", ("dataclass", "field")),
        ("typing", ("Literal", "TypeAlias")),
    ):
        found = [name for name in known if name in words]
        if found:
            yield from ([""] if not first else [])
            first = module
            yield f"from {module} import {', '.join(found)}"
    ours = sorted(words.intersection({*values.__all__, "Data", "Document"}))
    names = Made("from lockgate.plugin import (", (*ours, "hookimpl"), ")")
    flat = f"from lockgate.plugin import {', '.join((*ours, 'hookimpl'))}"
    yield ""
    yield flat if len(flat) <= _WIDTH else written(names)


def _tests(hooks: Iterable[AddedHook], samples: Samples) -> Iterator[str]:
    body: list[str] = []
    for hook in hooks:
        given = {n: samples.data(s) for n, s in hook.arguments.items()}
        wanted = samples.data(hook.answer, whole=True)
        words = tuple((f"{name}=", literal(value)) for name, value in given.items())
        how = [json.dumps(hook.name), *(["tuple"] if hook.stream else [])]
        verb = "call" if hook.stream else "answer"
        call = Made(f"plugin.{verb}(", (*how, *words), ")")
        body += [
            "",
            "",
            f"def test_{hook.name}_is_answered(plugin: PluginUnderTest) -> None:",
        ]
        body += [f"    answer = {written(call, 4, 9)}", ""]
        expected = literal((wanted,) if hook.stream else wanted)
        body += [f"    assert answer == {written(expected, 4, 17)}"]
    yield '"""Each test runs twice: in this process, and in a sealed worker."""'
    yield ""
    yield "from __future__ import annotations"
    ours = [line for line in _imports("\n".join(body)) if "lockgate.plugin" in line]
    yield ""
    yield from (line.replace(", hookimpl", "") for line in ours if ", hookimpl" in line)
    yield "from lockgate.testing import PluginUnderTest"
    yield from body


def _manifest(
    kind: AddedKind,
    hooks: Iterable[AddedHook],
    adder: str,
    name: str,
    summary: str,
    package: str,
) -> str:
    major = int(kind.version.partition(".")[0])
    lines = [
        "schema = 1",
        f"name = {quoted(name)}",
        f"summary = {quoted(summary)}",
        f"kinds = [{quoted(kind.name)}]",
        'hook-api = ">=1,<2"',
        'tier = "read-only"',
        "",
        "# The versions of the kind that it is for.",
        "[kind-api]",
        f'{kind.name} = ">={kind.version},<{major + 1}"',
        "",
        "# `lockgate check --write` keeps this table like the marks in the code.",
        "[hooks]",
        *(f'{hook.name} = "{package}.plugin:{hook.name}"' for hook in hooks),
        "",
        "# The plugin that adds the kind.",
        "[relations]",
        f"requires = [{quoted(adder)}]",
        "",
        "[capabilities]",
        f"tags = [{quoted(kind.name)}]",
    ]
    return "\n".join(lines) + "\n"


def _readme(
    kind: AddedKind,
    hooks: list[AddedHook],
    samples: Samples,
    name: str,
    summary: str,
    package: str,
    project: str,
) -> str:
    said = _clean(kind.about)
    about = f"It is of the kind `{kind.name}`" + (f": {said}" if said else ".")
    words = [_word(n, samples.data(s)) for n, s in hooks[0].arguments.items()]
    call = " ".join(["lockgate call", hooks[0].name, "--plugin", name, *words])
    return f"""# {project}

{summary}

{about}
The plugin is `src/{package}/plugin.py`: each hook gives the least that fits.
ENVIRONMENT is the folder (`.venv`) that lockgate is installed in.

```console
$ python3 -m pip --python ENVIRONMENT install -e . pytest
$ lockgate check           # the manifest against the code, rights, metadata
$ lockgate test            # the tests, in this process and in a sealed worker
$ lockgate dev             # both again at each change
$ {call}
```
"""


def _word(name: str, value: object) -> str:
    """An argument of `lockgate call`."""
    if isinstance(value, Tree):
        return f"{name}=@src/"
    if isinstance(value, bytes):
        return f"{name}={value.decode('ascii')}"
    return quote(f"{name}={json.dumps(value, default=_as_json)}")


def _as_json(value: Any) -> object:
    if isinstance(value, bytes):
        return value.decode("ascii")
    return codec(value.__class__).encode(value)


def _annotation(schema: Mapping[str, Any]) -> str:
    """The type as an impl is annotated with it, quoted as a formatter does."""
    text = annotation_of(schema)
    return text if '"' in text or "\\" in text else text.replace("'", '"')


def _names(names: Iterable[str]) -> str:
    return written(Made("[", tuple(map(json.dumps, sorted(names))), "]"), 0, 10)


def _clean(text: object) -> str:
    """One line of somebody's text that can stand in a docstring or in Markdown."""
    first, *_ = [*str(text).strip().splitlines(), ""]
    kept = "".join(c if c.isprintable() and c not in '"\\`<>{}' else " " for c in first)
    kept = " ".join(kept.split())[:_TEXT_LIMIT_CHARS].strip()
    return kept if not kept or kept[-1] in ".!?" else f"{kept}."
