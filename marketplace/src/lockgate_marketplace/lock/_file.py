"""The file: TOML that people can read in a review, refused unless it is exact."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from lockgate.documents import parse_document
from lockgate.errors import DocumentError
from lockgate.owned import replace_whole
from lockgate_marketplace.errors import LockFileError
from lockgate_marketplace.identity import UNPROVEN, Identity, identity_from
from lockgate_marketplace.lock._model import SCHEMA, Lock, LockedPlugin, LockedWheel

__all__ = ["SIZE_LIMIT_BYTES", "parse_lock", "read_lock", "to_text", "write_lock"]

_SCHEMAS = (1, SCHEMA)
SIZE_LIMIT_BYTES = 4 * 1024 * 1024
_COUNT_LIMIT = 4096

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)")
_SCAN = re.compile(r"[0-9a-f]{24}")
_LINE = re.compile(r"[\x20-\x7e]{1,200}")
_RIGHT = re.compile(r"[a-z][a-z-]{0,31}(:[^\x00-\x1f\x7f\ud800-\udfff]{1,1024})?")


class _WrongError(ValueError):
    """What is not as it must be; the text says what."""


def read_lock(path: Path) -> Lock:
    """The lock in the file `path`.

    Raises:
        LockFileError: ``lock-missing`` or ``lock-invalid``.
    """
    try:
        # A checkout can hold a pipe of that name: opening one must wait for nobody.
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(opened, "rb") as file:
            raw = file.read(SIZE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        message = "there is no lock file"
        raise LockFileError("lock-missing", message, where=str(path)) from None
    except OSError as error:
        message = f"it cannot be read: {error.strerror}"
        raise LockFileError("lock-invalid", message, where=str(path)) from None
    return parse_lock(raw, where=str(path))


def parse_lock(raw: bytes, *, where: str = "lockgate.lock") -> Lock:
    """The lock that `raw` holds; `where` is for errors.

    Raises:
        LockFileError: ``lock-invalid``, if it holds anything else.
    """
    try:
        if len(raw) > SIZE_LIMIT_BYTES:
            raise _WrongError(f"it is larger than {SIZE_LIMIT_BYTES} bytes")
        return _lock(parse_document(raw, "toml", name=where))
    except _WrongError as error:
        reason = str(error)
    except DocumentError as error:
        reason = error.message
    raise LockFileError("lock-invalid", reason, where=where)


def to_text(lock: Lock) -> str:
    """The file of a lock: the same text for the same lock. `parse_lock` reads it.

    Raises:
        LockFileError: If it is none that could be read again.
    """
    lines = [
        "# Written by `lockgate lock`; `lockgate sync` installs it elsewhere.",
        f"schema = {SCHEMA}",
    ]
    for entry in lock.entries:
        lines += [
            "",
            "[[plugin]]",
            f"distribution = {json.dumps(entry.distribution)}",
            f"version = {json.dumps(entry.version)}",
            f"plugins = {json.dumps(list(entry.plugins))}",
            *_facts(entry),
            "rights = [",
            *(f"  {json.dumps(right, ensure_ascii=False)}," for right in entry.rights),
            "]",
            "wheels = [",
            *(f"  {{ {_inline(wheel)} }}," for wheel in entry.wheels),
            "]",
        ]
    text = "\n".join(lines) + "\n"
    if parse_lock(text.encode()) != lock:
        message = "the lock would not be the same when it is read again"
        raise LockFileError("lock-invalid", message)
    return text


_FACTS = {
    "hook-api": ("hook_api", _LINE),
    "manifest": ("manifest", _SHA256),
    "scan": ("scan", _SCAN),
    "granted-at": ("granted_at", _TIME),
    "granted-for": ("granted_for", _SHA256),
}
"""What schema 2 may say of a plugin: the key, the field, the form."""


def _facts(entry: LockedPlugin) -> Iterator[str]:
    for key, (field, _) in _FACTS.items():
        if text := getattr(entry, field):
            yield f"{key} = {json.dumps(text)}"


def _inline(wheel: LockedWheel) -> str:
    pairs = {
        "name": wheel.name,
        "version": wheel.version,
        "filename": wheel.filename,
        "sha256": wheel.sha256,
        **({"index": wheel.index} if wheel.index else {}),
    }
    said = [f"{key} = {json.dumps(value)}" for key, value in pairs.items()]
    if wheel.identity != UNPROVEN:
        said.append(f"identity = {_table_of(wheel.identity.to_data())}")
    return ", ".join(said)


def _table_of(data: Mapping[str, object]) -> str:
    """An inline table; what is empty is left out."""
    pairs = [
        f"{key} = {_table_of(cast('dict[str, object]', value))}"
        if isinstance(value, dict)
        else f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in data.items()
        if value
    ]
    return f"{{ {', '.join(pairs)} }}"


def write_lock(path: Path, text: str) -> None:
    """Put `text` in the place of the file `path`, whole or not at all.

    Raises:
        LockFileError: ``lock-unwritable``.
    """
    try:
        replace_whole(path, text.encode(), mode=0o644)
    except OSError as error:
        message = f"it cannot be written: {error.strerror}"
        raise LockFileError("lock-unwritable", message, where=str(path)) from None


def _lock(document: object) -> Lock:
    table = _table(document, {"schema"}, "the file", maybe={"plugin"})
    schema = table["schema"]
    if type(schema) is not int or schema not in _SCHEMAS:
        known = " and ".join(map(str, _SCHEMAS))
        raise _WrongError(f"its schema is {schema!r:.40}, this lockgate reads {known}")
    rows = _list(table.get("plugin", []), "plugin")
    entries = tuple(_entry(row, schema) for row in rows)
    names = [entry.distribution for entry in entries]
    if names != sorted(set(names)):
        raise _WrongError("a distribution is there twice, or out of order")
    return Lock(entries, schema)


_ENTRY = {"distribution", "version", "plugins", "rights", "wheels"}
_WHEEL = {"name", "version", "filename", "sha256"}


def _entry(value: object, schema: int) -> LockedPlugin:
    facts = set(_FACTS) if schema > 1 else set[str]()
    table = _table(value, _ENTRY, "a [[plugin]]", maybe=facts)
    name = _matching(table["distribution"], _NAME, "distribution's name")
    version = _version(table["version"])
    wheels = tuple(_wheels(_list(table["wheels"], "wheels"), name, schema))
    if not wheels or wheels[0].name != name or wheels[0].version != version:
        raise _WrongError(f"the first wheel of {name} is not its own")
    plugins = _list(table["plugins"], "plugins")
    rights = _list(table["rights"], "rights")
    return LockedPlugin(
        name,
        version,
        tuple(_matching(one, _NAME, "plugin's name") for one in plugins),
        wheels,
        tuple(_matching(one, _RIGHT, "right") for one in rights),
        **{
            field: _matching(table[key], form, key)
            for key, (field, form) in _FACTS.items()
            if key in table
        },
    )


def _wheels(
    rows: list[object], distribution: str, schema: int
) -> Iterator[LockedWheel]:
    seen: set[str] = set()
    more = {"index", "identity"} if schema > 1 else set[str]()
    for row in rows:
        table = _table(row, _WHEEL, f"a wheel of {distribution}", maybe=more)
        wheel = LockedWheel(
            _matching(table["name"], _NAME, "distribution's name"),
            _version(table["version"]),
            _filename(table["filename"]),
            _matching(table["sha256"], _SHA256, "SHA-256"),
            _matching(table["index"], _NAME, "index") if "index" in table else "",
            _identity(table["identity"]) if "identity" in table else UNPROVEN,
        )
        named, version, *_ = parse_wheel_filename(wheel.filename)
        if (named, version) != (wheel.name, Version(wheel.version)):
            raise _WrongError(f"{wheel.filename} is no file of {wheel.name}")
        if wheel.name in seen:
            raise _WrongError(f"{distribution} has two wheels of {wheel.name}")
        seen.add(wheel.name)
        yield wheel


def _identity(value: object) -> Identity:
    try:
        found = identity_from(value)
    except ValueError as error:
        raise _WrongError(str(error)) from None
    if found.kind not in ("attestation", "key"):
        raise _WrongError(f"an identity of the kind {found.kind} proves nothing")
    return found


def _filename(value: object) -> str:
    if not isinstance(value, str) or len(value) > 255 or not value.isascii():
        raise _WrongError(f"{value!r:.80} is no wheel's file name")
    if "/" in value or not value.isprintable():
        raise _WrongError(f"{value!r:.80} is no wheel's file name")
    try:
        parse_wheel_filename(value)
    except InvalidWheelFilename:
        raise _WrongError(f"{value!r:.80} is no wheel's file name") from None
    return value


def _version(value: object) -> str:
    if isinstance(value, str) and len(value) <= 128 and value.isascii():
        try:
            Version(value)
        except InvalidVersion:
            pass
        else:
            if value == value.strip():
                return value
    raise _WrongError(f"{value!r:.80} is no version")


def _table(
    value: object, keys: set[str], what: str, *, maybe: set[str] | None = None
) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _WrongError(f"{what} is no table")
    table = cast("dict[str, object]", value)
    if not keys <= table.keys() <= keys | (maybe or set()):
        raise _WrongError(f"{what} has not the keys {', '.join(sorted(keys))}")
    return table


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list) or len(cast("list[object]", value)) > _COUNT_LIMIT:
        raise _WrongError(f"{what} is no list, or too long")
    return cast("list[object]", value)


def _matching(value: object, form: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise _WrongError(f"{value!r:.80} is no {what}")
    return value
