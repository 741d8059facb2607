"""The manifest at the border: TOML text in, a checked `Manifest` or an error out.

The only module of the manifest that imports pydantic. Each error names the
distribution, the file, the line and the key; the first one in the file's order
is raised, since it is the one that an author mends first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from lockgate._manifest import form
from lockgate._manifest.rules import added_kind
from lockgate._manifest.tables import CommandForm, HookForm, RightsForm
from lockgate._manifest.value import (
    Adapter,
    Command,
    CommandArgument,
    Demo,
    DeviceClaim,
    HookImpl,
    Manifest,
    ProgramRight,
    Rights,
    ToolRight,
    VerbOffer,
)
from lockgate._text.toml import load_toml
from lockgate._text.toml_lines import line_of, lines_of_keys
from lockgate.errors import ManifestError, did_you_mean
from lockgate.shipped import trusted_in_host

__all__ = ["parse"]


def parse(raw: bytes, *, file: str, distribution: str) -> Manifest:
    """Check the manifest in `raw`.

    Raises:
        ManifestError: If it is not UTF-8, not TOML, or not a manifest.
    """
    text, document = _load(raw, file, distribution)
    try:
        model = form.ManifestForm.model_validate(document)
    except ValidationError as error:
        raise _first(error, document, text, file, distribution) from None
    except RecursionError:
        raise ManifestError(
            "the manifest is nested too deeply", distribution=distribution, file=file
        ) from None
    manifest = _manifest(model)
    if manifest.verbs and not trusted_in_host(manifest.name, distribution):
        raise ManifestError(
            "only a plugin of the trusted base may bring verbs of the command line",
            distribution=distribution,
            file=file,
            line=line_of(text, ("verbs", 0)),
            key="verbs",
            hint="Any plugin may contribute a command: see [[commands]].",
        )
    return manifest


def _load(raw: bytes, file: str, distribution: str) -> tuple[str, dict[str, Any]]:
    try:
        text = raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ManifestError(
            "the manifest is not UTF-8 text",
            distribution=distribution,
            file=file,
            line=raw.count(b"\n", 0, error.start) + 1,
        ) from None
    try:
        return text, load_toml(text)
    except RecursionError:
        message = "the manifest is nested too deeply"
        line = 0
    except ValueError as error:  # TOMLDecodeError, and int()'s own limit
        message, line = _toml_message(str(error), text)
    raise ManifestError(
        message,
        distribution=distribution,
        file=file,
        line=line,
        hint="The file must be TOML 1.0 (toml.io).",
    )


def _toml_message(message: str, text: str) -> tuple[str, int]:
    """Split tomllib's ``… (at line 3, column 5)`` into words and a line."""
    words, _, place = message.partition(" (at ")
    digits = place.removeprefix("line ").partition(",")[0]
    if digits.isdigit():
        return f"the manifest is not TOML: {words}", int(digits)
    line = text.count("\n") + 1 if "end of document" in place else 0
    return f"the manifest is not TOML: {words}", line


def _first(
    error: ValidationError,
    document: Mapping[str, Any],
    text: str,
    file: str,
    distribution: str,
) -> ManifestError:
    """The error that stands first in the file, in the author's words."""
    lines = lines_of_keys(text)
    found: list[tuple[int, int, tuple[str | int, ...], Mapping[str, Any]]] = []
    details: list[Mapping[str, Any]] = [
        {**detail} for detail in error.errors(include_url=False, include_input=False)
    ]
    for order, detail in enumerate(details):
        context: Mapping[str, Any] = detail.get("ctx", {})
        where = context.get("where", "") if detail["type"] == "manifest" else ""
        extra = tuple(where.split(".")) if where else ()
        path = (*_without_tags(detail["loc"]), *extra)
        path = tuple(int(p) if isinstance(p, str) and p.isdigit() else p for p in path)
        path = _as_written(path, document)
        line = next(
            (lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), 0
        )
        found.append((line, order, path, detail))
    line, _, path, detail = min(found, key=lambda item: (item[0] == 0, *item[:2]))
    message, hint = _words(detail, path, document)
    return ManifestError(
        message,
        distribution=distribution,
        file=file,
        line=line,
        key=".".join(str(part) for part in path),
        hint=hint,
    )


def _without_tags(loc: Sequence[str | int]) -> tuple[str | int, ...]:
    """Pydantic marks a key's own error with ``[key]``; readers know no such key."""
    return tuple(part for part in loc if part != "[key]")


def _as_written(
    path: tuple[str | int, ...], document: Mapping[str, Any]
) -> tuple[str | int, ...]:
    """Without the index of a hook's only impl, where the file has no list."""
    if path[:1] != ("hooks",) or len(path) < 3 or path[2] != 0:
        return path
    return path if isinstance(_value(document, path[:2]), list) else path[:2] + path[3:]


def _words(
    detail: Mapping[str, Any], path: tuple[str | int, ...], document: Mapping[str, Any]
) -> tuple[str, str]:
    """Message and hint of one pydantic error."""
    kind = detail["type"]
    if kind == "manifest":
        context = detail["ctx"]
        return context["message"], context.get("hint", "")
    if kind == "extra_forbidden":
        known = form.known_keys(path[:-1])
        hint = did_you_mean(str(path[-1]), known) or f"Known: {', '.join(known)}."
        return f"unknown key {str(path[-1])!r}", hint
    if kind == "missing":
        return f"the key {str(path[-1])!r} is missing", ""
    if kind == "literal_error":
        value = _blamed(detail, path, document)
        expected = detail["ctx"]["expected"]
        words = [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]
        hint = did_you_mean(value, words) if isinstance(value, str) else ""
        return f"must be {expected}", hint
    if kind == "string_pattern_mismatch":
        word = _blamed(detail, path, document)
        return _misspelt(word, str(detail["ctx"]["pattern"]))
    if kind == "model_type":
        return "must be a table", ""
    message = str(detail["msg"])
    return message[:1].lower() + message[1:], ""


def _blamed(
    detail: Mapping[str, Any], path: Sequence[str | int], document: Mapping[str, Any]
) -> object:
    """The key or the value that an error is about."""
    is_key = detail["loc"][-1:] == ("[key]",)
    return path[-1] if is_key else _value(document, path)


def _misspelt(value: object, pattern: str) -> tuple[str, str]:
    """Message and hint for a word that is written as none may be."""
    word = str(value)[:80]
    plain = word.strip().lower().replace(" ", "-")
    before, _, last = word.rpartition(".")
    for near in (plain, plain.replace("_", "-"), f"{before}:{last}"):
        if near != word and re.fullmatch(pattern, near):
            return _not_so(word), f"Did you mean {near!r}?"
    return _not_so(word), f"It has to match {pattern}"


def _not_so(word: str) -> str:
    return f"{word!r} is not written as it has to be"


def _value(document: Any, path: Sequence[str | int]) -> object:
    """What stands at `path`, or None.

    A hook's impl may stand there itself, where a table is left out.
    """
    for part in path:
        if part == "impl" and isinstance(document, str):
            return document
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def _manifest(model: form.ManifestForm) -> Manifest:
    """The plain value of a checked form."""
    return Manifest(
        name=model.name,
        summary=model.summary,
        kinds=tuple(dict.fromkeys(model.kinds)),
        hook_api=model.hook_api,
        tier=model.tier,
        hooks=tuple(
            _impl(name, hook) for name, impls in model.hooks.items() for hook in impls
        ),
        essential=model.essential,
        capabilities={k: tuple(v) for k, v in model.capabilities.items()},
        rights=_rights(model.rights),
        limits=dict(model.limits),
        config_schema=model.config_schema,
        requires=tuple(model.relations.requires),
        conflicts=tuple(model.relations.conflicts),
        commands=tuple(_command(command) for command in model.commands),
        demo=Demo(model.demo.pipeline) if model.demo else None,
        added_kinds=tuple(added_kind(kind) for kind in model.added_kinds),
        adapters=tuple(
            Adapter(a.ecosystem, tuple(a.groups), tuple(a.kinds), a.driver)
            for a in model.adapters
        ),
        verbs=tuple(VerbOffer(v.name, v.help, v.module) for v in model.verbs),
        kind_api=dict(model.kind_api),
    )


def _impl(name: str, hook: HookForm) -> HookImpl:
    return HookImpl(
        name,
        hook.impl,
        hook.order,
        hook.wrapper,
        tuple(hook.before),
        tuple(hook.after),
        tuple(hook.requires),
        tuple(hook.conflicts),
    )


def _rights(rights: RightsForm) -> Rights:
    return Rights(
        read=tuple(rights.read),
        write=tuple(rights.write),
        env=tuple(rights.env),
        net=tuple(rights.net),
        devices=tuple(rights.devices),
        secrets=tuple(rights.secrets),
        workers=rights.workers,
        programs=tuple(
            ProgramRight(p.name, p.distribution, p.file) for p in rights.programs
        ),
        tools=tuple(ToolRight(t.name, tuple(t.read), t.reason) for t in rights.tools),
        claims=tuple(DeviceClaim(c.device, c.mode) for c in rights.claims),
    )


def _command(command: CommandForm) -> Command:
    return Command(
        command.noun,
        command.verb,
        command.help,
        command.pipeline,
        tuple(
            CommandArgument(
                a.name,
                a.type,
                format=a.format or "text",
                positional=a.positional,
                repeat=a.repeat,
                required=a.required
                if a.required is not None
                else a.positional and a.default is None and not a.repeat,
                default=a.default,
                choices=tuple(a.choices),
                help=a.help,
            )
            for a in command.arguments
        ),
    )
