"""The grants file: TOML, the owner's alone, whole or absent.

Every write happens under a lock, beside the file, fsynced and renamed over it.
A file that another user could have written is refused, and then nothing is
granted from it: it says what strangers' code may do.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias, cast

from lockgate._text.toml import quoted
from lockgate.errors import GrantsError
from lockgate.grants import Grant, Identity, Right
from lockgate.owned import NotOwnedError, hold, read_owned, replace_whole

__all__ = ["GrantsFile"]

SCHEMA = 1
SIZE_LIMIT_BYTES = 4 * 1024 * 1024


Agreement: TypeAlias = "tuple[Identity, tuple[Right, ...], Mapping[str, str]]"
"""Whose rights, what they ask for, and the keys of what they get, each with who gives
it (`Grant.by`; ``""``: the owner)."""


class GrantsFile:
    """The grants that are kept in the file at `path` (which need not exist)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = str(path)

    def stamp(self) -> tuple[int, int, int]:
        """Differs whenever the file does: size, inode, time of change (ns)."""
        try:
            status = os.lstat(self._name)
        except OSError:
            return (0, 0, 0)
        return (status.st_size, status.st_ino, status.st_mtime_ns)

    def read(self) -> Mapping[str, Grant]:
        """Every grant, by plugin.

        Raises:
            GrantsError: If the file is not the owner's alone, or not sound.
        """
        try:
            content = read_owned(self.path, SIZE_LIMIT_BYTES)
        except FileNotFoundError:
            return {}
        except NotOwnedError as error:
            raise GrantsError(
                str(error), file=str(self.path), hint=error.hint
            ) from None
        except OSError as error:
            raise GrantsError(str(error.strerror), file=str(self.path)) from error
        return _parse(content, str(self.path))

    def grant(
        self,
        identity: Identity,
        asked: tuple[Right, ...],
        keys: frozenset[str],
        *,
        any_version: bool | None = None,
    ) -> Grant:
        """Add `keys` to what the plugin has, and tie the grant to `identity`.

        What an earlier version was granted stays only where the plugin still
        asks for the very same. `any_version` None keeps what was set before.

        Raises:
            GrantsError: If the file can't be read or written.
        """
        with self._locked() as grants:
            given = dict.fromkeys(keys, "")
            return _give(
                grants, identity, asked, given, any_version=any_version, exact=False
            )

    def grant_exactly(
        self, agreed: Iterable[Agreement], was: Mapping[str, Grant | None]
    ) -> None:
        """Give each plugin what its owner agreed to and no more, in one write.

        `was` is what the file said of them when they were asked.

        Raises:
            GrantsError: If it says something else by now, or can't be read or written:
                then nothing is changed.
        """
        with self._locked() as grants:
            for identity, asked, keys in agreed:
                name, now = identity.plugin, grants.get(identity.plugin)
                new = _give(grants, identity, asked, keys, any_version=None, exact=True)
                if now is not None and replace(new, at=now.at) == now:
                    continue  # somebody else agreed to the very same meanwhile
                if now != was.get(name):
                    message = f"what {name} may do was changed meanwhile"
                    hint = "Run it again: you are asked by what is granted now."
                    raise GrantsError(message, file=str(self.path), hint=hint)

    def revoke(self, plugin: str, keys: frozenset[str] | None = None) -> frozenset[str]:
        """Take `keys` (None: everything) from a plugin; return what was taken.

        Raises:
            GrantsError: If the file can't be read or written.
        """
        with self._locked() as grants:
            old = grants.get(plugin)
            if old is None:
                return frozenset()
            taken = old.granted if keys is None else old.granted & keys
            left = old.granted - taken
            if left:
                by = {key: by for key, by in old.by.items() if key in left}
                grants[plugin] = replace(old, granted=left, by=by)
            else:
                del grants[plugin]
        return taken

    @contextmanager
    def _locked(self) -> Generator[dict[str, Grant], None, None]:
        """The grants to change; written back when the block ends well."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = hold(self.path.with_name(self.path.name + ".lock"))
        except OSError as error:
            raise GrantsError(str(error.strerror), file=str(self.path)) from error
        try:
            grants = dict(self.read())
            yield grants
            self._write(grants)
        finally:
            os.close(lock)

    def _write(self, grants: Mapping[str, Grant]) -> None:
        body = _to_toml(grants)
        try:
            replace_whole(self.path, body.encode(), alone=True)
        except OSError as error:
            raise GrantsError(str(error.strerror), file=str(self.path)) from error


def _give(
    grants: dict[str, Grant],
    identity: Identity,
    asked: tuple[Right, ...],
    given: Mapping[str, str],
    *,
    any_version: bool | None,
    exact: bool,
) -> Grant:
    wanted = {right.key: right.detail for right in asked}
    old = grants.get(identity.plugin)
    kept: dict[str, str] = {}
    if old is not None and old.identity.distribution == identity.distribution:
        if not exact:
            same = (k for k in old.granted if old.asked.get(k) == wanted.get(k))
            kept = {key: old.by.get(key, "") for key in same if key in wanted}
        any_version = old.any_version if any_version is None else any_version
    granted = {**kept, **given}
    grants[identity.plugin] = Grant(
        identity=identity,
        asked=wanted,
        granted=frozenset(granted),
        any_version=bool(any_version),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        by={key: by for key, by in granted.items() if by},
    )
    return grants[identity.plugin]


# -- the TOML -------------------------------------------------------------------


def _to_toml(grants: Mapping[str, Grant]) -> str:
    lines = ["# Written by `lockgate grants`.", f"schema = {SCHEMA}"]
    for name in sorted(grants):
        grant, table = grants[name], f"plugins.{quoted(name)}"
        lines += ["", f"[{table}]"]
        for key, value in (
            ("distribution", grant.identity.distribution),
            ("version", grant.identity.version),
            ("digest", grant.identity.digest),
            ("at", grant.at),
        ):
            lines.append(f"{key} = {quoted(value)}")
        lines.append(f"any-version = {str(grant.any_version).lower()}")
        granted = ", ".join(quoted(key) for key in sorted(grant.granted))
        lines += [f"granted = [{granted}]", "", f"[{table}.asked]"]
        lines += [f"{quoted(k)} = {quoted(v)}" for k, v in sorted(grant.asked.items())]
        if grant.by:
            lines += ["", f"[{table}.by]"]
            lines += [f"{quoted(k)} = {quoted(v)}" for k, v in sorted(grant.by.items())]
    return "\n".join(lines) + "\n"


def _parse(content: bytes, file: str) -> Mapping[str, Grant]:
    try:
        document: object = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise GrantsError(f"it is no sound TOML: {error}", file=file) from error
    table = _object(document, "", file)
    if table.get("schema") != SCHEMA:
        message = f"its schema is {table.get('schema')!r}, this lockgate reads {SCHEMA}"
        raise GrantsError(message, file=file, key="schema")
    plugins = _object(table.get("plugins", {}), "plugins", file)
    return {name: _grant(name, entry, file) for name, entry in plugins.items()}


def _grant(name: str, entry: object, file: str) -> Grant:
    key = f"plugins.{name}"
    table = _object(entry, key, file)

    def text(field: str) -> str:
        value = table.get(field)
        if not isinstance(value, str):
            raise GrantsError("a string is missing", file=file, key=f"{key}.{field}")
        return value

    asked = _object(table.get("asked"), f"{key}.asked", file)
    by = _object(table.get("by", {}), f"{key}.by", file)
    granted = table.get("granted")
    names = cast(list[object], granted) if isinstance(granted, list) else [None]
    texts = [*names, *asked.values(), *by.values()]
    if not all(isinstance(item, str) for item in texts):
        raise GrantsError("a list of rights is missing", file=file, key=key)
    return Grant(
        identity=Identity(name, text("distribution"), text("version"), text("digest")),
        asked=cast(Mapping[str, str], asked),
        granted=frozenset(cast(list[str], names)),
        any_version=table.get("any-version") is True,
        at=text("at"),
        by=cast(Mapping[str, str], by),
    )


def _object(value: object, key: str, file: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise GrantsError("an object is missing", file=file, key=key)
    return cast(Mapping[str, object], value)
