"""The tables ``[choose.NAME]``: read, and changed without touching anything else.

They stand in ``plugins.toml`` of the user's configuration folder, in a project's
``lockgate.toml``, or as ``[tool.lockgate.choose.NAME]`` in its ``pyproject.toml``::

    [choose.acme]
    disabled = true
    version = "1.2"
    reason = "crashes on spec 7"
    since = "2026-01-02T10:00:00Z"

`lockgate disable` and its sisters write them: one table of the file is replaced or
appended, every other line stays as it was, comments too.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from lockgate._text.files import UnreadableError, read_bounded
from lockgate._text.toml import load_toml, quoted
from lockgate._text.toml_lines import lines_of_keys
from lockgate.discovery.choice import Rule
from lockgate.errors import ConfigError

__all__ = ["CHOOSE", "read_rules", "rules_of", "write_rule"]

CHOOSE = "choose"
_LIMIT_BYTES = 1024 * 1024
_KEYS = {"disabled": bool, "version": str, "reason": str, "since": str}
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


def _prefix_of(path: str) -> tuple[str, ...]:
    """The tables that the settings of the file at `path` lie in."""
    return ("tool", "lockgate") if path.endswith("/pyproject.toml") else ()


def read_rules(path: str, *, undo: str = "") -> tuple[Rule, ...]:
    """The rules in the file at `path`; none if there is no such file.

    Raises:
        ConfigError: If it can't be read or holds something else.
    """
    return rules_of(_within(_document(_text(path), path), path), path, undo=undo)


def rules_of(table: object, source: str, *, undo: str = "") -> tuple[Rule, ...]:
    """The rules in the value of the key ``choose``.

    `undo` is the option that makes the commands act on `source`.

    Raises:
        ConfigError: If it is no table of such tables.
    """
    if not isinstance(table, dict):
        raise ConfigError("must be a table", key=CHOOSE, source=source)
    return tuple(
        _rule(name, entry, source, undo)
        for name, entry in cast("dict[str, object]", table).items()
    )


def _rule(name: str, entry: object, source: str, undo: str) -> Rule:
    key = f"{CHOOSE}.{name}"
    if not isinstance(entry, dict):
        raise ConfigError("must be a table", key=key, source=source)
    values = cast("dict[str, object]", entry)
    for word, value in values.items():
        if word not in _KEYS:
            known = ", ".join(_KEYS)
            raise ConfigError(
                "unknown key",
                key=f"{key}.{word}",
                source=source,
                hint=f"Known: {known}.",
            )
        if type(value) is not _KEYS[word]:
            kind = "true or false" if _KEYS[word] is bool else "text"
            raise ConfigError(f"must be {kind}", key=f"{key}.{word}", source=source)
    disabled = values.get("disabled") is True
    verb = "enable" if disabled else "unpin"
    rule: dict[str, Any] = {**values, "plugin": name, "source": source}
    return Rule(**rule, undo=f"lockgate {verb} {name} {undo}".strip() if undo else "")


def write_rule(path: Path, rule: Rule) -> bool:
    """Make the file at `path` say `rule` of its plugin; whether that changed it.

    A rule that says nothing is removed. The file is whole, as before or as after.

    Raises:
        ConfigError: If it can't be read, or the rule is written there in a form
            that only a hand can change.
        OSError: If it can't be written.
    """
    from lockgate.owned import replace_whole

    where = str(path)
    old = _text(where)
    document = _document(old, where)
    wanted = _said(rule)
    if "hook-api" in document and "schema" in document:
        raise ConfigError(
            "is a plugin's manifest, not settings",
            source=where,
            hint="Use --user, or write [tool.lockgate] into pyproject.toml.",
        )
    if _within(document, where).get(rule.plugin, {}) == wanted:
        return False
    new = _edited(old, where, rule.plugin, wanted)
    _set(document, (*_prefix_of(where), CHOOSE), rule.plugin, wanted)
    if not _says(new, document):
        raise ConfigError(
            "is not written as a table of its own, so no command can change it",
            key=f"{CHOOSE}.{rule.plugin}",
            source=where,
            hint="Change it by hand.",
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    replace_whole(path.resolve(), new.encode(), mode=mode)
    return True


def _said(rule: Rule) -> dict[str, object]:
    if not rule.disabled and not rule.version:
        return {}
    values: dict[str, object] = {word: getattr(rule, word) for word in _KEYS}
    return {word: value for word, value in values.items() if value}


def _edited(text: str, path: str, plugin: str, values: Mapping[str, object]) -> str:
    """`text` with the plugin's table replaced, or appended."""
    name = plugin if _BARE.match(plugin) else quoted(plugin)
    header = ".".join((*_prefix_of(path), CHOOSE, name))
    table = [f"[{header}]", *(f"{k} = {_value(v)}" for k, v in values.items())]
    table = table if values else []
    lines = text.split("\n")
    known = lines_of_keys(text)
    first = known.get((*_prefix_of(path), CHOOSE, quoted(plugin)[1:-1]), 0)
    if not first:
        body = text.rstrip("\n")
        gap = "\n\n" if body else ""
        return f"{body}{gap}" + "\n".join(table) + "\n"
    end = _end_of_table(lines, first)
    before = lines[: first - 1]
    while not table and before and not before[-1].strip():
        before.pop()
    after = lines[end:]
    if table and after and after[0].strip():
        table.append("")
    return "\n".join([*before, *table, *after]).rstrip("\n") + "\n"


def _value(value: object) -> str:
    return quoted(value) if isinstance(value, str) else str(value).lower()


def _end_of_table(lines: Sequence[str], first: int) -> int:
    """How many lines reach to the end of the table whose header is line `first`."""
    end = first
    while end < len(lines) and not lines[end].lstrip().startswith("["):
        end += 1
    # Comments right above the next table are that table's.
    while end > first and (
        not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")
    ):
        end -= 1
    return end


def _text(path: str) -> str:
    try:
        return read_bounded(path, _LIMIT_BYTES).decode("utf-8")
    except UnreadableError as error:
        if str(error) == "is missing":
            return ""
        raise ConfigError(f"the file {error}", source=path) from None
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8 text", source=path) from None


def _document(text: str, path: str) -> dict[str, Any]:
    try:
        return load_toml(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"is not TOML: {error}", source=path) from None


def _within(document: Mapping[str, Any], path: str) -> dict[str, Any]:
    table: object = document
    for name in (*_prefix_of(path), CHOOSE):
        table = cast("dict[str, object]", table).get(name, {})
        if not isinstance(table, dict):
            raise ConfigError("must be a table", key=name, source=path)
    return cast("dict[str, Any]", table)


def _set(
    document: dict[str, Any], prefix: Sequence[str], name: str, value: object
) -> None:
    for part in prefix:
        document = document.setdefault(part, {})
    document[name] = value


def _says(text: str, document: Mapping[str, Any]) -> bool:
    """Whether `text` is TOML and means `document`."""
    try:
        return _plain(load_toml(text)) == _plain(document)
    except (ValueError, RecursionError):
        return False


def _plain(value: object) -> object:
    """`value` without empty tables: they say nothing, and go with what they held."""
    if not isinstance(value, dict):
        return value
    table = cast("dict[str, object]", value)
    plain = {key: _plain(item) for key, item in table.items()}
    return {key: item for key, item in plain.items() if item != {}}
