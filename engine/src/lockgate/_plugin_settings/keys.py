"""What a plugin can be told by its settings, and what it is told now: for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from lockgate._plugin_settings.defaults import properties_of, schema_at
from lockgate._plugin_settings.whole import settings_of, source_of
from lockgate._settings.lines import line_of_setting
from lockgate._settings.value import shown
from lockgate.config import Config
from lockgate.values import Data, Document

__all__ = ["ConfigKey", "config_keys"]

_DEPTH = 4
"""Keys of tables in tables are told of so far down."""

_KEYS = 500


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One key: what its schema says of it, its `value` now and where that is from.

    `source` is empty where nobody set it, and `value` the default then. `declared`
    says that the schema knows the key.
    """

    key: str
    type: str
    description: str
    default: Data
    required: bool
    declared: bool
    value: Data
    source: str
    line: int

    def to_dict(self) -> dict[str, Data]:
        """The key as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}

    def describe(self) -> str:
        """The key in one line."""
        place = f"{self.source}:{self.line}" if self.line else self.source
        parts = [f"{self.key} ({self.type}{', required' * self.required})"]
        if self.value is not None:
            parts.append(f"= {self.value}")
        parts.append(f"from {place}" if place else "default")
        told = f": {self.description}" if self.description else ""
        return f"{' '.join(parts)}{told}"


def config_keys(plugin: str, config: Config, schema: Document) -> tuple[ConfigKey, ...]:
    """Each key that the plugin's schema declares or somebody set."""
    settings = settings_of(plugin, config, schema)
    found: list[ConfigKey] = []
    for key in _keys(plugin, config, schema, schema, settings, ()):
        found.append(key)
        if len(found) >= _KEYS:
            break
    return tuple(found)


def _keys(
    plugin: str,
    config: Config,
    schema: object,
    root: Document,
    settings: Mapping[str, Any],
    above: tuple[str, ...],
) -> Iterator[ConfigKey]:
    table = schema_at(schema, root)
    declared = properties_of(table)
    needed = cast("list[object]", table.get("required") or [])
    for name in dict.fromkeys([*declared, *settings]):
        about = schema_at(declared.get(name), root)
        path, value = (*above, name), settings.get(name)
        inner = properties_of(about)
        if inner and len(path) < _DEPTH:
            below = cast("Mapping[str, Any]", value if _is_table(value) else {})
            yield from _keys(plugin, config, about, root, below, path)
            continue
        source = source_of(plugin, config, path)
        yield ConfigKey(
            key=".".join(path),
            type=_type(about),
            description=" ".join(str(about.get("description", "")).split()),
            default=about.get("default"),
            required=name in needed,
            declared=name in declared,
            value=shown(value),
            source=source,
            line=line_of_setting(source, ".".join(("plugins", plugin, *path))),
        )


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _type(about: Mapping[str, Any]) -> str:
    """The schema's type in a word or a few."""
    choices: object = about.get("enum")
    if isinstance(choices, list | tuple):
        return " | ".join(str(one) for one in cast("list[object]", choices)[:8])
    kind: object = about.get("type", "any")
    if isinstance(kind, list | tuple):
        return " | ".join(str(one) for one in cast("list[object]", kind))
    return str(kind)
