"""A generation as frozen values, and as the JSON that it is kept in."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from lockgate.errors import InstalledError

__all__ = ["SIZE_LIMIT_BYTES", "Generation", "Installed", "Wheel", "parse", "to_bytes"]

SCHEMA = 1
SIZE_LIMIT_BYTES = 8 * 1024 * 1024
_COUNT_LIMIT = 4096
"""Of distributions, and of one's wheels: a thousandfold of what is ever there."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]{1,128}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_ORIGIN = re.compile(r"[a-z0-9][a-z0-9:.-]{0,255}")
_TEXT_LIMIT_CHARS = 500
_ORIGIN_LIMIT_CHARS = 4000


@dataclass(frozen=True, slots=True)
class Wheel:
    """One wheel of an environment, by the SHA-256 (hexadecimal) of its file."""

    sha256: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Installed:
    """A distribution that was installed, and the environment that it has to itself.

    `distribution` is its normalised name (PEP 503), `plugins` the names of the
    plugins in it, `wheels` what its worker imports from, its own wheel first. `merged`,
    if there is one, names the folder that holds the sites of all of them. `origin` is
    what whoever installed it wrote down about that, by keys in their order: the engine
    keeps it and believes nothing of it.
    """

    distribution: str
    version: str
    plugins: tuple[str, ...]
    wheels: tuple[Wheel, ...]
    merged: str = ""
    since: int = 0
    origin: tuple[tuple[str, str], ...] = ()

    def folders(self, store: str) -> tuple[str, ...]:
        """The import folders of its environment, in order, below the folder `store`."""
        if self.merged:
            return (f"{store}/merged/{self.merged}/site",)
        return tuple(f"{store}/wheels/{wheel.sha256}/site" for wheel in self.wheels)


@dataclass(frozen=True, slots=True)
class Generation:
    """What is installed at one time, by distribution.

    `at` is when it was written (RFC 3339, UTC), `parent` the generation that was in
    force then (0: none), `reason` what was done: ``install acme 1.2``.
    """

    number: int
    at: str
    reason: str = ""
    parent: int = 0
    entries: tuple[Installed, ...] = ()

    def get(self, distribution: str) -> Installed | None:
        """The entry of a distribution, by its normalised name."""
        return next((e for e in self.entries if e.distribution == distribution), None)

    def having(self, *new: Installed) -> Generation:
        """This one with the entries `new`, in the place of those of the same name.

        A distribution is there since it was, whatever release of it is.
        """
        since = {entry.distribution: entry.since for entry in self.entries}
        names = {entry.distribution for entry in new}
        kept = [entry for entry in self.entries if entry.distribution not in names]
        put = [replace(e, since=since.get(e.distribution, 0)) for e in new]
        ordered = sorted([*kept, *put], key=lambda entry: entry.distribution)
        return replace(self, entries=tuple(ordered))

    def dated(self) -> Generation:
        """This one, where what is new in it is there since its number."""
        entries = (replace(e, since=e.since or self.number) for e in self.entries)
        return replace(self, entries=tuple(entries))

    def without(self, *names: str) -> Generation:
        """This one without the distributions `names`."""
        kept = tuple(e for e in self.entries if e.distribution not in names)
        return replace(self, entries=kept)


def to_bytes(generation: Generation) -> bytes:
    """The file of a generation. `parse` of it gives `generation` again.

    Raises:
        InstalledError: If it is none that could be read again.
    """
    import json

    data = {
        "schema": SCHEMA,
        "number": generation.number,
        "at": generation.at,
        "parent": generation.parent,
        "reason": generation.reason,
        "installed": {
            entry.distribution: entry_data(entry) for entry in generation.entries
        },
    }
    raw = json.dumps(data, indent=1).encode("ascii") + b"\n"
    if parse(raw, file=f"generations/{generation.number}.json") != generation:
        raise InstalledError(
            "the generation would not be the same when it is read again",
            file=f"generations/{generation.number}.json",
            hint="A distribution is named twice, or out of order.",
        )
    return raw


def entry_data(entry: Installed) -> dict[str, object]:
    """An entry as plain data, without its distribution's name."""
    return {
        "version": entry.version,
        "plugins": list(entry.plugins),
        "wheels": [[w.sha256, w.name, w.version] for w in entry.wheels],
        **({"merged": entry.merged} if entry.merged else {}),
        **({"since": entry.since} if entry.since else {}),
        **({"origin": dict(entry.origin)} if entry.origin else {}),
    }


def parse(raw: bytes, *, file: str) -> Generation:
    """The generation that `raw` holds; `file` is for errors.

    Raises:
        InstalledError: If it holds anything else.
    """
    with refusing(file):
        found = document(raw, _KEYS)
        number, parent = _number(found["number"]), _number(found["parent"])
        if not 0 <= parent < number:
            raise _WrongError("its number is not above its parent's")
        return Generation(
            number,
            matching(found["at"], TIME, "time"),
            _reason(found["reason"]),
            parent,
            tuple(_entries(found["installed"], number)),
        )


@contextmanager
def refusing(file: str) -> Generator[None]:
    """Whatever is not as it must be in the block is an `InstalledError` of `file`.

    Raises:
        InstalledError: If so.
    """
    try:
        yield
    except (ValueError, RecursionError) as error:
        reason = (
            str(error) if isinstance(error, _WrongError) else f"it is no JSON: {error}"
        )
        raise InstalledError(reason, file=file) from None


def document(raw: bytes, keys: frozenset[str]) -> Mapping[str, object]:
    """The table that `raw` holds: of this schema, with just these keys.

    Raises:
        ValueError: If it holds anything else; see `refusing`.
    """
    import json

    if len(raw) > SIZE_LIMIT_BYTES:
        raise _WrongError(f"it is larger than {SIZE_LIMIT_BYTES} bytes")
    found = table(json.loads(raw, object_pairs_hook=_once), keys, "the file")
    if found["schema"] != SCHEMA or isinstance(found["schema"], bool):
        raise _WrongError(
            f"its schema is {found['schema']!r:.40}, this lockgate reads {SCHEMA}"
        )
    return found


class _WrongError(ValueError):
    """What is not as it must be; the text says what."""


_KEYS = frozenset({"schema", "number", "at", "parent", "reason", "installed"})
ENTRY_KEYS = frozenset({"version", "plugins", "wheels"})
MAYBE_KEYS = frozenset({"merged", "origin", "since"})


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise _WrongError("a key is there twice")
    return table


def table(
    value: object,
    keys: frozenset[str],
    what: str,
    *,
    maybe: frozenset[str] = frozenset(),
) -> Mapping[str, object]:
    """A table with all of `keys`, and no others but `maybe`.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(value, dict):
        raise _WrongError(f"{what} is no table")
    found = cast("dict[str, object]", value)
    if not keys <= found.keys() <= keys | maybe:
        raise _WrongError(f"{what} has not the keys that it must have")
    return found


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise _WrongError("a number is missing")
    return value


def matching(value: object, form: re.Pattern[str], what: str) -> str:
    """A text of that form.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(value, str) or not form.fullmatch(value):
        raise _WrongError(f"{value!r:.80} is no {what}")
    return value


def _reason(value: object) -> str:
    if not isinstance(value, str) or len(value) > _TEXT_LIMIT_CHARS:
        raise _WrongError("the reason is no text")
    if any(not c.isprintable() for c in value):
        raise _WrongError("the reason is not one printable line")
    return value


def _entries(value: object, number: int) -> Iterator[Installed]:
    for name, given in by_name(value, "what is installed"):
        entry = read_entry(name, table(given, ENTRY_KEYS, name, maybe=MAYBE_KEYS))
        if entry.since > number:
            raise _WrongError(f"{name} is there since a later generation")
        yield entry


def by_name(value: object, what: str) -> Iterator[tuple[str, object]]:
    """The rows of a table of distributions, which are in order.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(value, dict):
        raise _WrongError(f"{what} is no table")
    found = cast("dict[str, object]", value)
    if len(found) > _COUNT_LIMIT or list(found) != sorted(found):
        raise _WrongError(f"{what} is not in order, or too much")
    for name, given in found.items():
        yield matching(name, NAME, "distribution's name"), given


def read_entry(name: str, entry: Mapping[str, object]) -> Installed:
    """The entry that `entry_data` made, of a table with the right keys.

    Raises:
        ValueError: If it did not make it.
    """
    merged = entry.get("merged", "")
    return Installed(
        name,
        matching(entry["version"], _VERSION, "version"),
        tuple(matching(p, NAME, "plugin's name") for p in rows(entry["plugins"])),
        tuple(_wheels(rows(entry["wheels"]), name)),
        matching(merged, _SHA256, "SHA-256") if "merged" in entry else "",
        _number(entry.get("since", 0)),
        tuple(_origin(entry["origin"])) if "origin" in entry else (),
    )


def _origin(value: object) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict) or not value:
        raise _WrongError("an origin is no table")
    found = cast("dict[str, object]", value)
    if len(found) > _COUNT_LIMIT or list(found) != sorted(found):
        raise _WrongError("an origin is not in order, or too much")
    for key, text in found.items():
        if not isinstance(text, str) or len(text) > _ORIGIN_LIMIT_CHARS:
            raise _WrongError("what an origin says is no text, or too long")
        if not text.isprintable():
            raise _WrongError("what an origin says is not one printable line")
        yield matching(key, _ORIGIN, "origin's key"), text


def rows(value: object) -> list[object]:
    """A list that is not too long.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(value, list) or len(cast("list[object]", value)) > _COUNT_LIMIT:
        raise _WrongError("a list is missing, or too long")
    return cast("list[object]", value)


def _wheels(value: list[object], distribution: str) -> Iterator[Wheel]:
    if not value:
        raise _WrongError(f"{distribution} has no wheels")
    seen: set[str] = set()
    for given in value:
        row = rows(given)
        if len(row) != 3:
            raise _WrongError("a wheel is no SHA-256, name and version")
        wheel = Wheel(
            matching(row[0], _SHA256, "SHA-256"),
            matching(row[1], NAME, "distribution's name"),
            matching(row[2], _VERSION, "version"),
        )
        if wheel.name in seen or (not seen and wheel.name != distribution):
            raise _WrongError(
                f"the wheels of {distribution} are not its own and others'"
            )
        seen.add(wheel.name)
        yield wheel
