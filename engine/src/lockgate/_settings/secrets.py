"""Secrets in a plugin's settings: named there, ``{ secret = "NAME" }``, never written.

Only the owner's own sources may name one. A project's file comes with a checkout, and
what it could name would be handed to the plugin that it also configures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from lockgate._settings.lines import line_of_setting
from lockgate._settings.value import SecretName
from lockgate.errors import ConfigError

__all__ = ["SecretWithheldError", "named", "refuse_in_project", "replaced"]

_SECRET = "secret"  # noqa: S105 - a key's name
_DEPTH = 64
"""Deeper down a table of that form is only a table."""


class SecretWithheldError(LookupError):
    """A secret that a plugin can't have: why, and the way out."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def named(plugins: Any) -> Any:
    """The table ``plugins`` of a source, with a `SecretName` for each secret named."""
    return _walk(plugins, (), lambda name, _: SecretName(name), _name_in)


def refuse_in_project(plugins: Any, source: str) -> None:
    """See that a project's file names no secret.

    Raises:
        ConfigError: If it does.
    """

    def refuse(name: str, path: tuple[str, ...]) -> object:
        key = ".".join(("plugins", *path))
        raise ConfigError(
            f"a project file must not name a secret ({name!r}): "
            "it came with the checkout",
            key=key,
            source=source,
            line=line_of_setting(source, key),
            hint="Set it in the user file, the environment or with --set.",
        )

    _walk(plugins, (), refuse, _name_in)


def replaced(settings: Any, change: Callable[[str, tuple[str, ...]], object]) -> Any:
    """`settings` with what `change` makes of each secret's name and place."""
    return _walk(
        settings,
        (),
        change,
        lambda value, _: value.name if isinstance(value, SecretName) else "",
    )


def _name_in(value: object, depth: int) -> str:
    """The secret that a table names, as files write it; or nothing.

    A plugin's whole table names none: ``secret`` is a key of its own there.
    """
    if depth < 2 or not isinstance(value, dict):
        return ""
    if len(cast("dict[str, object]", value)) == 1:
        name = cast("dict[str, object]", value).get(_SECRET)
        return name if isinstance(name, str) else ""
    return ""


def _walk(
    value: Any,
    path: tuple[str, ...],
    change: Callable[[str, tuple[str, ...]], object],
    name_in: Callable[[object, int], str],
) -> Any:
    name = name_in(value, len(path))
    if name:
        return change(name, path)
    if len(path) >= _DEPTH:
        return value
    if isinstance(value, Mapping):
        table = cast("Mapping[str, Any]", value)
        return {k: _walk(v, (*path, k), change, name_in) for k, v in table.items()}
    if isinstance(value, list | tuple):
        items = cast("list[Any]", value)
        return [_walk(v, (*path, str(i)), change, name_in) for i, v in enumerate(items)]
    return value
