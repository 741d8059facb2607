"""The manifest's ``[hooks]`` and ``kinds`` as the marks in the code say them.

The text is edited line by line: what the author wrote otherwise (comments, other
tables, the wishes ``before`` and ``after`` of a hook) stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from lockgate._specs.names import FREE
from lockgate._specs.spec import HookSpec, specs
from lockgate._text.toml_lines import lines_of_keys
from lockgate.errors import ProjectError
from lockgate.manifest import HookImpl, Manifest

__all__ = ["compiled"]

_ADDER = "service"
"""The kind of a plugin that adds kinds."""


def compiled(
    text: str,
    manifest: Manifest | None,
    impls: Sequence[HookImpl],
    *,
    file: str,
    known: Mapping[str, HookSpec] | None = None,
    adds: bool = False,
) -> str:
    """`text`, the manifest, with the hooks and kinds of `impls`.

    `manifest` is what `text` says now, None where it is not a manifest yet; `known`
    are the hooks that there are, the built-in ones if it is not given. `adds` says
    that the plugin adds kinds of its own.

    Raises:
        ProjectError: If the text is written so that a line can't be changed.
    """
    said = _by_hook(manifest.hooks if manifest else ())
    meant = _by_hook(impls)
    lines = text.split("\n")
    # Of a manifest that is not valid yet, only what is missing is known.
    there = {key[1] for key in lines_of_keys(text) if key[0] == "hooks" and key[1:]}
    gone = [hook for hook in said if hook not in meant]
    changed = [
        hook
        for hook, forms in meant.items()
        if hook in said and not _agree(said[hook], forms)
    ]
    added = [hook for hook in meant if hook not in said and hook not in there]
    for hook in gone:
        _replace(lines, hook, None, file)
    for hook in changed:
        _replace(lines, hook, _entry(hook, _kept(said[hook], meant[hook])), file)
    if added:
        _insert(lines, [_entry(hook, meant[hook]) for hook in added])
    needed = _needed(specs() if known is None else known, meant, adds)
    _kinds(lines, needed, manifest.kinds if manifest else ())
    return "\n".join(lines)


def _by_hook(impls: Sequence[HookImpl]) -> dict[str, list[HookImpl]]:
    found: dict[str, list[HookImpl]] = {}
    for impl in impls:
        found.setdefault(impl.hook, []).append(impl)
    return found


def _agree(said: Sequence[HookImpl], meant: Sequence[HookImpl]) -> bool:
    """Whether two lists name the same functions; an order is compared if marked."""
    ours = {impl.wrapper: impl for impl in meant}
    theirs = {impl.wrapper: impl for impl in said}
    return ours.keys() == theirs.keys() and all(
        impl.target == theirs[wrapper].target
        and impl.order in ("", theirs[wrapper].order)
        for wrapper, impl in ours.items()
    )


def _kept(said: Sequence[HookImpl], meant: Sequence[HookImpl]) -> list[HookImpl]:
    """What the code says, with the wishes that only the manifest has."""
    from dataclasses import replace

    theirs = {impl.wrapper: impl for impl in said}
    return [
        replace(
            theirs[impl.wrapper],
            target=impl.target,
            order=impl.order or theirs[impl.wrapper].order,
        )
        if impl.wrapper in theirs
        else impl
        for impl in meant
    ]


def _entry(hook: str, impls: Sequence[HookImpl]) -> str:
    """One line: ``hook = "module:function"``, or a table where more is said."""
    forms = [_form(impl) for impl in impls]
    value = forms[0] if len(forms) == 1 else "[" + ", ".join(forms) + "]"
    return f"{hook} = {value}"


def _form(impl: HookImpl) -> str:
    parts = [f"impl = {json.dumps(impl.target)}"]
    if impl.order:
        parts.append(f'order = "{impl.order}"')
    if impl.wrapper:
        parts.append("wrapper = true")
    for key in ("before", "after", "requires", "conflicts"):
        words: tuple[str, ...] = getattr(impl, key)
        if words:
            parts.append(f"{key} = {json.dumps(list(words))}")
    return json.dumps(impl.target) if len(parts) == 1 else f"{{ {', '.join(parts)} }}"


def _span(lines: Sequence[str], start: int) -> int:
    """The line after the statement that begins at `start` (both from 0).

    It ends where the next key or header begins; blank lines and comments before
    that are not its own.
    """
    starts = sorted({number - 1 for number in lines_of_keys("\n".join(lines)).values()})
    end = next((number for number in starts if number > start), len(lines))
    while end > start + 1 and re.match(r"\s*(#|$)", lines[end - 1]):
        end -= 1
    return end


def _replace(lines: list[str], hook: str, entry: str | None, file: str) -> None:
    start = lines_of_keys("\n".join(lines)).get(("hooks", hook), 0) - 1
    if start < 0 or lines[start].lstrip().startswith("["):
        raise ProjectError(
            f"the entry of the hook {hook!r} has a table of its own",
            file=file,
            line=start + 1,
            hint="Write it in one line, or correct it by hand.",
        )
    prefix = "hooks." if re.match(r"\s*hooks\s*\.", lines[start]) else ""
    lines[start : _span(lines, start)] = [] if entry is None else [prefix + entry]


def _insert(lines: list[str], entries: Sequence[str]) -> None:
    """Add entries behind the last one of ``[hooks]``; make the table if need be."""
    known = lines_of_keys("\n".join(lines))
    at = next(
        (n for n, line in enumerate(lines) if re.match(r"\s*\[\s*hooks\s*\]", line)),
        None,
    )
    if at is None:
        first = next((n for n, line in enumerate(lines) if line.startswith("[")), None)
        place = len(lines) if first is None else first
        lines[place:place] = ["[hooks]", *entries, ""]
        return
    own = [n - 1 for key, n in known.items() if key[:1] == ("hooks",) and len(key) == 2]
    last = max([at, *(number for number in own if number > at)])
    end = _span(lines, last) if last != at else at + 1
    lines[end:end] = entries


def _needed(
    known: Mapping[str, HookSpec], meant: Mapping[str, object], adds: bool
) -> list[str]:
    """The kinds of a plugin that answers the hooks `meant`, in the specs' order."""
    kinds = {known[hook].kind for hook in meant if hook not in FREE}
    kinds |= {_ADDER} if adds else set()
    kinds = kinds or {known[hook].kind for hook in meant}
    return [
        k for k in dict.fromkeys(spec.kind for spec in known.values()) if k in kinds
    ]


def _kinds(lines: list[str], needed: list[str], said: Sequence[str]) -> None:
    """Set ``kinds`` where it lacks a hook's kind, or names one without a hook."""
    if not needed or set(said) == set(needed):
        return
    entry = f"kinds = {json.dumps(needed)}"
    known = lines_of_keys("\n".join(lines))
    start = known.get(("kinds",), 0) - 1
    if start < 0:
        # Behind the name, where a template has it; else on top: before any table.
        lines.insert(
            _span(lines, known[("name",)] - 1) if ("name",) in known else 0, entry
        )
        return
    lines[start : _span(lines, start)] = [entry]
