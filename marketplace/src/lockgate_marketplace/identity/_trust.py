"""Whom a plugin's files came from so far: trust on first use, out of plugins' reach.

One JSON file below the engine's data folder, for its owner alone, whole or absent.
It is written when an installation has its owner's consent, never before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from packaging.utils import canonicalize_name

from lockgate.owned import NotOwnedError, hold, read_owned, replace_whole
from lockgate_marketplace.errors import IdentityError
from lockgate_marketplace.identity._values import Identity, identity_from

__all__ = ["FILES", "Pin", "Trust"]

FILES = "@files"
"""What stands for no index in a pin: files that somebody chose. No index has it."""

SCHEMA = 1
SIZE_LIMIT_BYTES = 4 * 1024 * 1024
_PROVEN = ("attestation", "key")


@dataclass(frozen=True, slots=True)
class Pin:
    """Who a distribution of an index is by: since when, and seen at which version."""

    index: str
    name: str
    identity: Identity
    version: str
    since: str
    """ISO 8601, UTC."""


def _nothing(pins: Collection[Pin]) -> None:
    del pins


class Trust:
    """The pins in the file `path` (which need not exist)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def below(cls, data: Path) -> Trust:
        """The one of the engine's data folder."""
        return cls(data / "trust" / "publishers.json")

    def pins(self) -> tuple[Pin, ...]:
        """Every pin, by index and name.

        Raises:
            IdentityError: `identity-pins-unsound`.
        """
        return tuple(pin for _, pin in sorted(self._read().items()))

    def get(self, index: str, name: str) -> Pin | None:
        """Who `name` of `index` is by; None before its first installation.

        Raises:
            IdentityError: `identity-pins-unsound`.
        """
        return self._read().get((index, canonicalize_name(name)))

    def pin(self, index: str, name: str, identity: Identity, version: str) -> Pin:
        """From now on `name` of `index` is by `identity`, and nobody else.

        Raises:
            IdentityError: `identity-pins-unsound`, also if it can't be written.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        key = (index, canonicalize_name(name))
        with self._locked() as pins:
            old = pins.get(key)
            same = old is not None and not old.identity.differences(identity)
            since = old.since if old is not None and same else now
            pins[key] = Pin(index, key[1], identity, version, since)
            return pins[key]

    def pin_all(
        self,
        seen: Iterable[tuple[str, str, Identity, str]],
        *,
        before: Callable[[Collection[Pin]], None] = _nothing,
    ) -> None:
        """Pin what an installation found: index, name, identity, version of each.

        `before` is given the pins as they are, while nobody else may change them;
        what it raises leaves them so.

        Raises:
            IdentityError: `identity-changed` if a name is by somebody else by now,
                `identity-pins-unsound`, also if it can't be written.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._locked() as pins:
            before(pins.values())
            for index, name, identity, version in seen:
                key = (index, canonicalize_name(name))
                old = pins.get(key)
                same = old is not None and not old.identity.differences(identity)
                if old is not None and not same and old.identity.kind in _PROVEN:
                    message = f"{name} is by {old.identity.describe()} by now"
                    raise IdentityError("identity-changed", message, where=name)
                since = old.since if old is not None and same else now
                pins[key] = Pin(index, key[1], identity, version, since)

    def forget(self, index: str, name: str) -> Pin | None:
        """Take the pin away, and return it: the next installation is the first.

        Raises:
            IdentityError: `identity-pins-unsound`, also if it can't be written.
        """
        with self._locked() as pins:
            return pins.pop((index, canonicalize_name(name)), None)

    # -- the file ------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Generator[dict[tuple[str, str], Pin]]:
        """The pins to change; written back when the block ends well."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = hold(self.path.with_name(f"{self.path.name}.lock"))
        except OSError as error:
            raise self._unsound(str(error.strerror)) from error
        try:
            pins = self._read()
            yield pins
            replace_whole(self.path, _encoded(pins), alone=True)
        except OSError as error:
            raise self._unsound(str(error.strerror)) from error
        finally:
            os.close(lock)

    def _read(self) -> dict[tuple[str, str], Pin]:
        try:
            content = read_owned(self.path, SIZE_LIMIT_BYTES)
        except FileNotFoundError:
            return {}
        except NotOwnedError as error:
            raise self._unsound(str(error), error.hint) from None
        except OSError as error:
            raise self._unsound(str(error.strerror)) from error
        try:
            return _pins(json.loads(content))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._unsound(f"it is not what lockgate wrote: {error}") from None

    def _unsound(self, message: str, hint: str = "") -> IdentityError:
        where = str(self.path)
        return IdentityError("identity-pins-unsound", message, where=where, hint=hint)


def _pins(document: object) -> dict[tuple[str, str], Pin]:
    table = _table(document)
    if table["schema"] != SCHEMA:
        message = f"its schema is {table['schema']!r}, not {SCHEMA}"
        raise ValueError(message)
    found: dict[tuple[str, str], Pin] = {}
    for entry in map(_table, cast("list[object]", table["publishers"])):
        identity = identity_from(entry["identity"])
        index, name = _text(entry, "index"), _text(entry, "name")
        version, since = _text(entry, "version"), _text(entry, "since")
        found[index, name] = Pin(index, name, identity, version, since)
    return found


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        message = f"{value!r:.40} is no object"
        raise TypeError(message)
    return cast("Mapping[str, object]", value)


def _text(entry: Mapping[str, object], key: str) -> str:
    value = entry[key]
    if not isinstance(value, str):
        message = f"{key} is no text"
        raise TypeError(message)
    return value


def _encoded(pins: Mapping[tuple[str, str], Pin]) -> bytes:
    publishers = [
        {
            "index": pin.index,
            "name": pin.name,
            "version": pin.version,
            "since": pin.since,
            "identity": pin.identity.to_data(),
        }
        for _, pin in sorted(pins.items())
    ]
    document = {"schema": SCHEMA, "publishers": publishers}
    return json.dumps(document, indent=1, ensure_ascii=True).encode() + b"\n"
