"""The generator: a record's description becomes code and documentation."""

from __future__ import annotations

import keyword

from lockgate.plugin import (
    Document,
    Generation,
    Reason,
    RefusedError,
    Tree,
    hookimpl,
)

__all__ = ["generate", "generator_targets"]

TYPES = {"text": "str", "integer": "int", "float": "float", "boolean": "bool"}


@hookimpl
def generator_targets() -> tuple[str, ...]:
    """Name the targets."""
    return ("python", "markdown")


@hookimpl
def generate(spec: Document, targets: tuple[str, ...]) -> Generation | None:
    """Make the files of a record: `spec` has its ``name`` and its ``fields``.

    Raises:
        RefusedError: If the record is wrong, with every reason found.
    """
    if spec.get("kind") != "record":
        return None
    name, fields = str(spec.get("name", "")), spec.get("fields")
    reasons = [] if _is_name(name) else [_reason("name", name, "is no name")]
    types: dict[str, str] = {}
    for field, kind in fields.items() if isinstance(fields, dict) else ():
        if not _is_name(str(field)):
            reasons.append(_reason(f"fields.{field}", field, "is no name"))
        if kind not in TYPES:
            reasons.append(_reason(f"fields.{field}", kind, "is no type"))
        types[str(field)] = str(kind)
    if not types:
        reasons.append(Reason("no-fields", "fields", "a record has fields"))
    if reasons:
        raise RefusedError(reasons)
    files: dict[str, str] = {}
    if not targets or "python" in targets:
        files[f"{name.lower()}.py"] = _python(name, types)
    if not targets or "markdown" in targets:
        files[f"{name.lower()}.md"] = _markdown(name, types)
    return Generation(Tree.of(files))


def _is_name(word: str) -> bool:
    return word.isascii() and word.isidentifier() and not keyword.iskeyword(word)


def _reason(where: str, word: object, what: str) -> Reason:
    return Reason("record", where, f"{word!r} {what}", f"Types: {', '.join(TYPES)}.")


def _python(name: str, types: dict[str, str]) -> str:
    fields = "".join(f"    {field}: {TYPES[kind]}\n" for field, kind in types.items())
    head = "from dataclasses import dataclass\n\n\n@dataclass(frozen=True)\n"
    return f"{head}class {name}:\n{fields}"


def _markdown(name: str, types: dict[str, str]) -> str:
    rows = "".join(f"| `{field}` | {kind} |\n" for field, kind in types.items())
    return f"# {name}\n\n| field | type |\n|---|---|\n{rows}"
