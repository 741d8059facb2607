"""A plugin's own configuration as its worker gets it: whole, and held to its schema.

What the owner's sources add up to, with the schema's defaults filled in and secrets in
the place of their names. No error shows the value of a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from lockgate._codec.convert import to_data
from lockgate._codec.misfit import Misfit
from lockgate._plugin_settings.bounded import UncheckableError, errors_of
from lockgate._plugin_settings.defaults import properties_of, schema_at, with_defaults
from lockgate._settings.lines import line_of_setting
from lockgate._settings.secrets import SecretWithheldError, replaced
from lockgate._settings.value import DEFAULT, SecretName
from lockgate.config import Config
from lockgate.errors import ConfigError
from lockgate.values import Data, Document

__all__ = ["check_config", "checked_config", "settings_of", "source_of", "withhold"]

_MESSAGE_CHARS = 500


def settings_of(plugin: str, config: Config, schema: Document) -> dict[str, Any]:
    """The plugin's settings with its schema's defaults, its secrets by their names.

    A variable can't spell a key with dashes: it stands for the one that it fits.
    """
    keys = {key.lower().replace("-", "_"): key for key in _keys_of(schema)}
    found: dict[str, Any] = {}
    for key, value in config.for_plugin(plugin).items():
        origin = config.origin(f"plugins.{plugin}.{key}")
        from_variable = origin.startswith("environment variable")
        declared = key in keys.values() or not from_variable
        found[key if declared else keys.get(key, key)] = value
    return cast("dict[str, Any]", with_defaults(found, schema))


def _keys_of(schema: Document) -> Mapping[str, Any]:
    return properties_of(schema_at(schema, schema))


def withhold(name: str) -> str:
    """The source of secrets of a plugin that has none.

    Raises:
        SecretWithheldError: Always.
    """
    raise SecretWithheldError(
        f"the secret {name} is not for a plugin without a manifest"
    )


def checked_config(
    plugin: str, config: Config, schema: Document, secret: Callable[[str], str]
) -> dict[str, Data]:
    """The plugin's settings as plain data; `secret` gives a secret's value.

    Without a schema in the manifest they are handed on as they are.

    Raises:
        ConfigError: If they don't match, naming the key and where it came from, or
            a secret is not to be had.
    """
    hidden: dict[str, str] = {}

    def value_of(name: str, path: tuple[str, ...]) -> str:
        try:
            value = secret(name)
        except (LookupError, PermissionError) as error:
            hint = str(getattr(error, "hint", ""))
            message = str(error.args[0] if error.args else error)
            raise _wrong(plugin, config, path, message, hint) from None
        hidden[value] = str(SecretName(name))
        return value

    return _checked(plugin, config, schema, value_of, hidden)


def check_config(plugin: str, config: Config, schema: Document) -> None:
    """See that the settings match, as far as that shows without any secret's value.

    Raises:
        ConfigError: If they don't.
    """
    places: set[tuple[str, ...]] = set()

    def no_value(name: str, path: tuple[str, ...]) -> str:
        places.add(path)
        return str(SecretName(name))

    _checked(plugin, config, schema, no_value, {}, places)


def _checked(
    plugin: str,
    config: Config,
    schema: Document,
    value_of: Callable[[str, tuple[str, ...]], object],
    hidden: Mapping[str, str],
    unknown: set[tuple[str, ...]] | None = None,
) -> dict[str, Data]:
    whole = replaced(settings_of(plugin, config, schema), value_of)
    try:
        settings = to_data(whole)
    except Misfit as error:
        raise _wrong(plugin, config, (error.where,), str(error)) from None
    if schema:
        _match(plugin, config, settings, schema, hidden, unknown or set())
    return settings if isinstance(settings, dict) else {}


def _match(
    plugin: str,
    config: Config,
    settings: Data,
    schema: Document,
    hidden: Mapping[str, str],
    unknown: set[tuple[str, ...]],
) -> None:
    try:
        errors = sorted(errors_of(schema, settings), key=_depth)
    except UncheckableError as unchecked:
        message = f"its [config-schema] can't be checked: {unchecked}"
        raise _wrong(plugin, config, (), message) from None
    for error in errors:
        path = tuple(str(part) for part in error.absolute_path)
        if any(place[: len(path)] == path for place in unknown):
            continue  # what is judged there has a value that is not known yet
        raise _wrong(plugin, config, path, _told(error, hidden))


def _depth(error: Any) -> tuple[int, str]:
    return len(error.absolute_path), str(error.message)


def _told(error: Any, hidden: Mapping[str, str]) -> str:
    """What is wrong, in the validator's words where they show no secret."""
    message = str(error.message)
    secrets = [told for value, told in hidden.items() if _holds(error.instance, value)]
    if secrets:
        wanted = f"{error.validator}: {error.validator_value!r}"
        message = f"{secrets[0]} does not fit {wanted}"
    for value, told in hidden.items():
        message = message.replace(value, told)
    return message[:_MESSAGE_CHARS]


def _holds(instance: object, value: str) -> bool:
    if isinstance(instance, Mapping):
        table = cast("Mapping[str, object]", instance)
        return any(_holds(item, value) for item in table.values())
    if isinstance(instance, list | tuple):
        return any(_holds(item, value) for item in cast("list[object]", instance))
    return instance == value


def _wrong(
    plugin: str, config: Config, path: tuple[str, ...], message: str, hint: str = ""
) -> ConfigError:
    key = ".".join(part for part in ("plugins", plugin, *path) if part)
    source = source_of(plugin, config, path)
    hint = hint or f"`lockgate info {plugin}` shows the plugin's settings."
    line = line_of_setting(source, key)
    return ConfigError(message, key=key, source=source, line=line, hint=hint)


def source_of(plugin: str, config: Config, path: tuple[str, ...]) -> str:
    """Where a setting of the plugin came from; empty if nobody set it."""
    inner = [part for part in path if part]
    spelled = [part.lower().replace("-", "_") for part in inner]
    for parts in (inner, spelled):
        origin = config.origin(".".join(("plugins", plugin, *parts)))
        if origin != DEFAULT:
            return origin
    return ""
