"""A plugin's own configuration, held to the JSON Schema of its manifest."""

from __future__ import annotations

from typing import Any

from lockgate._codec import Misfit, to_data
from lockgate.config import Config
from lockgate.errors import ConfigError
from lockgate.values import Data, Document

__all__ = ["checked_config"]


def checked_config(plugin: str, config: Config, schema: Document) -> dict[str, Data]:
    """The plugin's settings as plain data.

    Without a schema in the manifest they are handed on as they are.

    Raises:
        ConfigError: If they don't match, naming the key and where it came from.
    """
    given = config.for_plugin(plugin)
    try:
        settings = to_data(given)
    except Misfit as error:
        raise _wrong(plugin, config, error.where, str(error)) from None
    if schema:
        _match(plugin, config, settings, schema)
    return settings if isinstance(settings, dict) else {}


def _match(plugin: str, config: Config, settings: Data, schema: Document) -> None:
    import jsonschema

    # Its own types are loose: what is used of it is typed here.
    validator: Any = jsonschema.Draft202012Validator(dict(schema))
    errors: list[Any] = sorted(validator.iter_errors(settings), key=_depth)
    for error in errors[:1]:
        key = ".".join(str(part) for part in error.absolute_path)
        raise _wrong(plugin, config, key, str(error.message)[:500])


def _depth(error: Any) -> tuple[int, str]:
    return len(error.absolute_path), str(error.message)


def _wrong(plugin: str, config: Config, key: str, message: str) -> ConfigError:
    full = f"plugins.{plugin}" + (f".{key}" if key else "")
    origin = config.origin(full)
    source = "" if origin == "default" else origin
    hint = f"`lockgate info {plugin}` shows the plugin's settings."
    return ConfigError(message, key=full, source=source, hint=hint)
