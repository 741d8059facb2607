"""Settings from files, the environment and the command line, by pydantic-settings.

Each source is read on its own, so that every value keeps its origin and every
error names the place to mend; then the model judges what they add up to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from lockgate._manifest.fields import LIMIT_NAMES
from lockgate._settings.choose import CHOOSE, rules_of
from lockgate._settings.layers import checked_layers
from lockgate._settings.lines import line_of_setting
from lockgate._settings.model import NAMES, PATHS, SettingsForm
from lockgate._settings.sources import absolute, sources_in_order
from lockgate._settings.value import Config, HookOrder, Sources
from lockgate.discovery.choice import Choice, Rule
from lockgate.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from lockgate_sandbox.layers import Layers

__all__ = ["resolve"]


def resolve(sources: Sources, defaults: Config) -> Config:
    """The settings that `sources` add up to, each with its origin.

    Raises:
        ConfigError: If a source cannot be read or holds a wrong setting.
    """
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    rules: tuple[Rule, ...] = ()
    for origin, values in sources_in_order(sources):
        if CHOOSE in values:
            undo = "--project" if origin == sources.project_file else ""
            rules += rules_of(values.pop(CHOOSE), origin, undo=undo)
        _check_names(values, origin)
        if origin == sources.project_file:
            _only_narrow(values, merged)
        _merge(merged, values, origin, origins, ())
    try:
        model = SettingsForm(**{NAMES[key]: value for key, value in merged.items()})
    except ValidationError as error:
        raise _error(error, origins) from None
    tables = {"limits": model.limits}
    tables |= {f"plugin-limits.{name}": t for name, t in model.plugin_limits.items()}
    for where, table in tables.items():
        _check_limits(where, table, origins)
    _check_hooks(model.hooks, origins)
    checked = checked_layers(model.layers, origins)
    return _config(model, defaults, origins, Choice(rules), checked)


def _only_narrow(values: dict[str, Any], below: Mapping[str, Any]) -> None:
    """A project adds to what its reader disabled and required; it lifts nothing."""
    for key in ("disabled", "requires"):
        mine, theirs = below.get(key), values.get(key)
        if isinstance(mine, list) and isinstance(theirs, list):
            known = cast("list[object]", mine)
            more = [one for one in cast("list[object]", theirs) if one not in known]
            values[key] = [*known, *more]


def _check_limits(
    where: str, table: Mapping[str, float], origins: Mapping[str, str]
) -> None:
    for name in table:
        if name not in LIMIT_NAMES:
            raise ConfigError(
                f"unknown limit {name!r}",
                key=f"{where}.{name}",
                source=_origin(origins, f"{where}.{name}"),
                hint=did_you_mean(name, LIMIT_NAMES),
            )


def _check_hooks(hooks: Mapping[str, object], origins: Mapping[str, str]) -> None:
    """Refuse slips of lockgate's own hooks; of others, discovery knows."""
    from lockgate._specs.names import mistaken_for

    for name in hooks:
        if other := mistaken_for(name):
            raise no_hook(name, origins, f"Did you mean {other!r}?")


def no_hook(name: str, origins: Mapping[str, str], hint: str) -> ConfigError:
    """The error for a table ``[hooks.NAME]`` of a hook that there is not."""
    source = _origin(origins, f"hooks.{name}")
    return ConfigError(
        f"there is no hook named {name!r}",
        key=f"hooks.{name}",
        source=source,
        line=line_of_setting(source, f"hooks.{name}"),
        hint=hint,
    )


def _check_names(values: Mapping[str, Any], origin: str) -> None:
    for key in values:
        if key not in NAMES:
            raise ConfigError(
                f"unknown setting {key!r}",
                key=key,
                source=origin,
                line=line_of_setting(origin, key),
                hint=did_you_mean(key, NAMES) or f"Known: {', '.join(sorted(NAMES))}.",
            )


def _merge(
    into: dict[str, Any],
    values: Mapping[str, Any],
    origin: str,
    origins: dict[str, str],
    path: tuple[str, ...],
) -> None:
    """Lay `values` over `into`, key by key, and note where each leaf came from."""
    for key, value in values.items():
        here = (*path, key)
        if isinstance(value, dict):
            below: object = into.get(key)
            table = cast("dict[str, Any]", below) if isinstance(below, dict) else {}
            into[key] = table
            _merge(table, cast("dict[str, Any]", value), origin, origins, here)
        else:
            into[key] = value
            origins[".".join(here)] = origin


def _origin(origins: Mapping[str, str], key: str) -> str:
    """The origin of `key`, or of the first value below it."""
    if key in origins:
        return origins[key]
    return next((o for k, o in origins.items() if k.startswith(f"{key}.")), "")


def _error(error: ValidationError, origins: Mapping[str, str]) -> ConfigError:
    detail = error.errors(include_url=False, include_input=False)[0]
    parts = [str(part) for part in detail["loc"]]
    key = ".".join([parts[0].replace("_", "-"), *parts[1:]])
    source = _origin(origins, key) or _origin(origins, parts[0].replace("_", "-"))
    context = detail.get("ctx", {})
    message = str(context.get("message", detail["msg"]))
    return ConfigError(
        message[:1].lower() + message[1:],
        key=key,
        source=source,
        line=line_of_setting(source, key),
        hint=str(context.get("hint", "")),
    )


def _config(
    model: SettingsForm,
    defaults: Config,
    origins: dict[str, str],
    choice: Choice,
    layers: Layers,
) -> Config:
    values: dict[str, Any] = {
        field.name: getattr(model, field.name)
        for field in fields(Config)
        if field.name in SettingsForm.model_fields
    }
    for key in PATHS:
        name = NAMES[key]
        path = values[name]
        values[name] = absolute(path, "") if path else getattr(defaults, name)
    values["plugin_folders"] = tuple(absolute(p, "") for p in model.plugin_folders)
    values["bridges"] = tuple(model.bridges)
    values["layers"] = layers
    values["environments"] = {
        name: tuple(absolute(folder, "") for folder in given)
        for name, given in model.environments.items()
    }
    values["disabled"] = tuple(model.disabled)
    values["requires"] = tuple(model.requires)
    values["hooks"] = {
        name: HookOrder(tuple(one.order), tuple(one.disable))
        for name, one in model.hooks.items()
    }
    values["limits"] = _snake(model.limits)
    values["plugin_limits"] = {n: _snake(t) for n, t in model.plugin_limits.items()}
    return Config(
        **values, choice=choice, choices_file=defaults.choices_file, origins=origins
    )


def _snake(limits: Mapping[str, float]) -> dict[str, float]:
    return {name.replace("-", "_"): amount for name, amount in limits.items()}
