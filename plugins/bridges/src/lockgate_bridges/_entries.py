"""What all drivers need of entry points and options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import EntryPoint
from typing import Any

from lockgate.plugin import Document, ForeignEntry, Note, Reason, RefusedError

__all__ = ["as_importlib", "chosen", "loaded", "of_group", "settings_of", "text_option"]


def of_group(entries: Iterable[ForeignEntry], *groups: str) -> list[ForeignEntry]:
    """Those of `entries` that are in one of the groups."""
    return [entry for entry in entries if entry.group in groups]


def as_importlib(entry: ForeignEntry) -> EntryPoint:
    """The entry as its ecosystem knows it."""
    return EntryPoint(entry.name, entry.value, entry.group)


def loaded(
    entries: Iterable[ForeignEntry],
    load: Callable[[ForeignEntry], Any] = ForeignEntry.load,
) -> tuple[list[tuple[ForeignEntry, Any]], tuple[Note, ...]]:
    """What the entries name, and a note of each that can't be loaded.

    Some want what is installed with an extra only: they don't keep their neighbours.

    Raises:
        Exception: If none can be: what the last one raised.
    """
    found: list[tuple[ForeignEntry, Any]] = []
    notes: list[Note] = []
    last: Exception | None = None
    for entry in entries:
        try:
            found.append((entry, load(entry)))
        except Exception as error:
            last = error
            text = f"cannot be loaded: {type(error).__name__}: {error}"
            notes.append(Note("warning", entry.name, text))
    if last is not None and not found:
        raise last
    return found, tuple(notes)


def settings_of(options: Document) -> dict[str, Any]:
    """The configuration of each entry by its name, as ``settings`` has it."""
    settings = options.get("settings")
    return dict(settings) if isinstance(settings, dict) else {}


def text_option(options: Document, name: str, default: str = "") -> str:
    """The text that `options` has for `name`.

    Raises:
        RefusedError: If it is none.
    """
    value = options.get(name, default)
    if not isinstance(value, str):
        message = f"the option {name!r} is no text"
        raise RefusedError([Reason("option-invalid", name, message)])
    return value


def chosen(
    options: Document, name: str, entries: Sequence[ForeignEntry]
) -> list[ForeignEntry]:
    """The entries that the option `name` names; all if it is not there.

    Raises:
        RefusedError: If it names one that is not there.
    """
    given = options.get(name)
    if given is None:
        return list(entries)
    names = [given] if isinstance(given, str) else given
    known = {entry.name: entry for entry in entries}
    if not isinstance(names, Sequence) or not all(n in known for n in names):
        message = f"{name}={given!r} names none of {', '.join(known) or 'nothing'}"
        raise RefusedError([Reason("option-invalid", name, message)])
    return [known[str(n)] for n in names]
