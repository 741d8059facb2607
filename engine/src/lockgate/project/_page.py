"""A page of Markdown about a plugin: from its manifest and its docstrings, by AST."""

from __future__ import annotations

import ast
import inspect
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from lockgate._specs.spec import HookSpec
from lockgate.contract._modules import Module, SourceError, Sources
from lockgate.contract._names import find
from lockgate.kinds import AddedKind
from lockgate.kinds._specs import specs_with
from lockgate.manifest import HookImpl, Manifest
from lockgate.project._folder import Project
from lockgate.values import Data

__all__ = ["page"]

_WORDS = {
    "read": "read files below {}",
    "write": "write files below {}",
    "env": "see the environment variable {}",
    "net": "send requests to {}",
    "devices": "use the device {}",
    "secrets": "be handed the secret {}",
}
_TIERS = {
    "read-only": "It only computes: no network, no files but its own, no programs.",
    "basic": "It computes and has a private folder to write in; no network.",
    "elevated": "It reaches what is listed here and granted, and nothing else.",
    "admin": "It may start the programs of the machine that are granted.",
    "system": "It runs in the host itself.",
}


def page(project: Project, manifest: Manifest, added: Iterable[AddedKind] = ()) -> str:
    """The page; `added` are the kinds of the plugins beside the project."""
    known = specs_with((*added, *manifest.added_kinds))
    parts = [f"# {manifest.name}\n", f"{manifest.summary}\n"]
    parts.append(
        f"Made from the manifest and the source of {project.distribution} "
        f"{project.version} by `lockgate docs`; do not edit.\n"
    )
    wheel = f"{project.distribution.replace('-', '_')}-{project.version}"
    parts.append(f"```console\n$ lockgate install {wheel}-py3-none-any.whl\n```\n")
    parts += ["## Hooks\n", *_hooks(project, manifest, known)]
    parts += _kinds(manifest, known)
    parts += ["## What it may do\n", *_rights(manifest)]
    parts += _settings(manifest)
    parts += _commands(manifest)
    if manifest.capabilities:
        rows = [f"- {key}: {', '.join(w)}" for key, w in manifest.capabilities.items()]
        parts += ["## Found by\n", "\n".join(rows) + "\n"]
    return "\n".join(parts).rstrip() + "\n"


def _hooks(
    project: Project, manifest: Manifest, known: Mapping[str, HookSpec]
) -> Iterator[str]:
    from lockgate_sandbox.parsing import batch

    sources = Sources([str(project.root)], time.time_ns())
    docs = batch(lambda: [_doc(sources, impl) for impl in manifest.hooks])
    for impl, doc in zip(manifest.hooks, docs, strict=True):
        spec = known.get(impl.hook)
        word = " (wrapper)" if impl.wrapper else ""
        yield f"### {impl.hook}{word}\n"
        if spec is not None:
            given = ", ".join(f"{a.name}: {a.annotation}" for a in spec.arguments)
            yield f"```python\n{impl.hook}({given}) -> {spec.annotation}\n```\n"
        if doc:
            yield f"{doc}\n"


def _kinds(manifest: Manifest, known: Mapping[str, HookSpec]) -> Iterator[str]:
    """The kinds that the plugin adds, for who wants to answer their hooks."""
    for kind in manifest.added_kinds:
        yield f"## The kind `{kind.name}`, version {kind.version}\n"
        if kind.about:
            yield f"{kind.about}\n"
        for hook in kind.hooks:
            spec = known.get(hook.name)
            if spec is not None:
                given = ", ".join(f"{a.name}: {a.annotation}" for a in spec.arguments)
                yield f"- `{hook.name}({given}) -> {spec.annotation}`"
        yield ""


def _doc(sources: Sources, impl: HookImpl) -> str:
    name, _, function = impl.target.partition(":")
    try:
        module: Module | None = sources.module(name)
        found = find(sources, module, function) if module is not None else None
    except SourceError:
        return ""
    node = found.node if found is not None else None
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return inspect.cleandoc(ast.get_docstring(node) or "")
    return ""


def _rights(manifest: Manifest) -> Iterator[str]:
    yield f"Tier `{manifest.tier}`. {_TIERS[manifest.tier]}\n"
    rights = manifest.rights
    rows: list[str] = []
    for name, words in _WORDS.items():
        values: tuple[str, ...] = getattr(rights, name)
        rows += [f"- {words.format(f'`{value}`')}" for value in values]
    rows += [
        f"- run `{program.name}`, which the distribution {program.distribution} brings"
        for program in rights.programs
    ]
    for tool in rights.tools:
        why = f": it {tool.reason}" if tool.reason else ""
        rows.append(f"- run the machine's `{tool.name}`{why}")
    if rights.workers:
        rows.append("- run Python code in read-only workers of its own")
    for impl in manifest.hooks:
        if impl.wrapper:
            rows.append(f"- see and change what others answer to `{impl.hook}`")
    if rows:
        yield "It asks its owner to let it:\n"
        yield "\n".join(rows) + "\n"
        yield f"```console\n$ lockgate grants grant {manifest.name} --all\n```\n"
    else:
        yield "It asks for no rights.\n"


def _settings(manifest: Manifest) -> Iterator[str]:
    properties = manifest.config_schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        return
    yield "## Settings\n"
    yield f"`[plugins.{manifest.name}]` in lockgate's settings.\n"
    yield "| key | type | means |\n|---|---|---|"
    for name, schema in properties.items():
        table: Mapping[str, Data] = schema if isinstance(schema, Mapping) else {}
        about = str(table.get("description", "")).replace("|", "\\|")
        yield f"| `{name}` | {_type(table)} | {about} |"
    yield ""


def _type(schema: Mapping[str, Data]) -> str:
    choices = schema.get("enum")
    if isinstance(choices, list | tuple):
        return ", ".join(f"`{choice!s}`" for choice in cast("list[object]", choices))
    return str(schema.get("type", "any"))


def _commands(manifest: Manifest) -> Iterator[str]:
    if not manifest.commands:
        return
    yield "## Commands\n"
    for command in manifest.commands:
        words = [f"lockgate {command.noun} {command.verb}"]
        for argument in command.arguments:
            name = (
                argument.name.upper() if argument.positional else f"--{argument.name}"
            )
            words.append(name if argument.required else f"[{name}]")
        yield f"- `{' '.join(words)}`: {command.help}"
    yield ""
