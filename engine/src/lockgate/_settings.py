"""Settings from files, the environment and the command line, by pydantic-settings.

Each source is read on its own, so that every value keeps its origin and every
error names the place to mend; then the model judges what they add up to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from lockgate._choose import CHOOSE, rules_of
from lockgate._config_values import (
    CONFIG_LIMIT_BYTES,
    Color,
    Config,
    ControlMode,
    FileProfile,
    HookOrder,
    LogLevel,
    Sources,
    WhenDown,
)
from lockgate._manifest_fields import LIMIT_NAMES, Amount
from lockgate._toml import load_toml
from lockgate._toml_lines import line_of
from lockgate.choice import Choice, Rule
from lockgate.discovery._files import UnreadableError, read_bounded
from lockgate.errors import ConfigError, did_you_mean

__all__ = ["resolve"]

_NOT_IN_PROJECT = frozenset(
    {
        "grants-file",
        "cache-dir",
        "data-dir",
        "state-dir",
        "layers",
        "file-profile",
        "environments",
        "runtime-dir",
        "control",
        "when-down",
    }
)
"""What a checkout may not decide for its reader."""

_PATHS = ("grants-file", "cache-dir", "data-dir", "state-dir", "runtime-dir")


def _split(value: object) -> object:
    """In the environment a list is written ``a:b`` (or ``a,b``), or as JSON."""
    if not isinstance(value, str):
        return value
    if value.startswith("["):
        import json

        return json.loads(value)
    return [part for part in value.replace(":", ",").split(",") if part]


_Strings = Annotated[list[str], NoDecode, BeforeValidator(_split)]


class _HookOrder(BaseModel):
    model_config = ConfigDict(extra="forbid")

    order: _Strings = []
    disable: _Strings = []


class _Settings(BaseSettings):
    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="LOCKGATE_",
        env_nested_delimiter="__",
        extra="forbid",
    )

    plugin_folders: _Strings = []
    environments: dict[str, _Strings] = {}
    disabled: _Strings = []
    requires: _Strings = []
    plugins: dict[str, dict[str, Any]] = {}
    limits: dict[str, Amount] = {}
    plugin_limits: dict[str, dict[str, Amount]] = {}
    layers: dict[str, Literal["strict"]] = {}
    grants_file: str = ""
    cache_dir: str = ""
    data_dir: str = ""
    state_dir: str = ""
    hooks: dict[str, _HookOrder] = {}
    timeout: Annotated[float, Field(gt=0)] | None = None
    log_level: LogLevel = "warning"
    color: Color = "auto"
    file_profile: FileProfile = "plain"
    when_down: dict[str, WhenDown] = {}
    control: ControlMode = "auto"
    runtime_dir: str = ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `resolve` has merged: the sources are read one by one there."""
        return (init_settings,)


_NAMES = {name.replace("_", "-"): name for name in _Settings.model_fields}


def resolve(sources: Sources, defaults: Config) -> Config:
    """The settings that `sources` add up to, each with its origin.

    Raises:
        ConfigError: If a source cannot be read or holds a wrong setting.
    """
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    rules: tuple[Rule, ...] = ()
    for origin, values in _layers(sources):
        if CHOOSE in values:
            undo = "--project" if origin == sources.project_file else ""
            rules += rules_of(values.pop(CHOOSE), origin, undo=undo)
        _check_names(values, origin)
        if origin == sources.project_file:
            _only_narrow(values, merged)
        _merge(merged, values, origin, origins, ())
    try:
        model = _Settings(**{_NAMES[key]: value for key, value in merged.items()})
    except ValidationError as error:
        raise _error(error, origins) from None
    tables = {"limits": model.limits}
    tables |= {f"plugin-limits.{name}": t for name, t in model.plugin_limits.items()}
    for where, table in tables.items():
        _check_limits(where, table, origins)
    _check_hooks(model.hooks, origins)
    return _config(model, defaults, origins, Choice(rules))


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
    from lockgate._hook_names import hook_kinds

    for name in hooks:
        if name not in hook_kinds():
            source = _origin(origins, f"hooks.{name}")
            raise ConfigError(
                f"there is no hook named {name!r}",
                key=f"hooks.{name}",
                source=source,
                line=_line(source, f"hooks.{name}"),
                hint=did_you_mean(name, hook_kinds()),
            )


def _layers(sources: Sources) -> Iterator[tuple[str, dict[str, Any]]]:
    """Origin and values of each source, the weakest first."""
    if sources.user_file:
        yield sources.user_file, _file(sources.user_file)
    if sources.project_file:
        values = _file(sources.project_file)
        for key in sorted(_refused_in_project(values)):
            raise ConfigError(
                "a project file must not set this: it came with the checkout",
                key=key,
                source=sources.project_file,
                line=_line(sources.project_file, key),
                hint="Set it in the user file, the environment or with --set.",
            )
        yield sources.project_file, values
    if sources.environment:
        yield from _environment(sources.environment)
    for key, value in sources.overrides.items():
        *tables, last = key.split(".")
        nested: dict[str, Any] = {
            last: _literal(value) if key.startswith("plugins.") else value
        }
        for name in reversed(tables):
            nested = {name: nested}
        yield f"--set {key}", nested


def _refused_in_project(values: Mapping[str, Any]) -> set[str]:
    """The keys that a checkout must not set: also those of the trusted base."""
    from lockgate.shipped import shipped_policy

    found = set(_NOT_IN_PROJECT & values.keys())
    plugins: object = values.get("plugins")
    if isinstance(plugins, dict):
        # They run in the host itself, and say where plugins are installed from.
        parties = shipped_policy().parties.values()
        trusted = {party.plugin for party in parties if party.in_host}
        named = trusted & cast("dict[str, Any]", plugins).keys()
        found |= {f"plugins.{name}" for name in named}
    return found


def _file(path: str) -> dict[str, Any]:
    """A settings file's table, with relative paths made absolute."""
    try:
        raw = read_bounded(path, CONFIG_LIMIT_BYTES)
    except UnreadableError as error:
        raise ConfigError(f"the file {error}", source=path) from None
    values = _yaml(raw, path) if path.endswith((".yaml", ".yml")) else _toml(raw, path)
    folder = os.path.dirname(path)  # noqa: PTH120
    for key in _PATHS:
        if isinstance(values.get(key), str):
            values[key] = _absolute(values[key], folder)
    folders: object = values.get("plugin-folders")
    if isinstance(folders, list):
        values["plugin-folders"] = _placed(cast("list[object]", folders), folder)
    environments: object = values.get("environments")
    if isinstance(environments, dict):
        values["environments"] = {
            name: _placed(given, folder)
            for name, given in cast("dict[str, object]", environments).items()
        }
    return values


def _placed(given: object, folder: str) -> object:
    """A list of folders in a file, relative ones made absolute."""
    if not isinstance(given, list):
        return given
    return [
        _absolute(item, folder) if isinstance(item, str) else item
        for item in cast("list[object]", given)
    ]


def _absolute(path: str, folder: str) -> str:
    return os.path.abspath(os.path.join(folder, os.path.expanduser(path)))  # noqa: PTH100, PTH111, PTH118


def _toml(raw: bytes, path: str) -> dict[str, Any]:
    try:
        document = load_toml(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"is not TOML: {error}", source=path) from None
    if path.endswith("/pyproject.toml"):
        tool: object = document.get("tool", {})
        table: object = (
            cast("dict[str, object]", tool).get("lockgate", {})
            if isinstance(tool, dict)
            else {}
        )
        if not isinstance(table, dict):
            raise ConfigError("[tool.lockgate] must be a table", source=path)
        return cast("dict[str, Any]", table)
    if "hook-api" in document and "schema" in document:
        return {}  # a plugin's manifest of the same name, not settings
    return document


def _yaml(raw: bytes, path: str) -> dict[str, Any]:
    from lockgate.documents import parse_document
    from lockgate.errors import DocumentError

    try:
        document: object = parse_document(raw, "yaml", name=path)
    except DocumentError as error:
        raise ConfigError(error.message, source=path, line=error.line) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError("the settings must be a mapping", source=path)
    return cast("dict[str, Any]", document)


def _environment(environ: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What pydantic-settings reads from the environment, one variable at a time."""
    known = {f"LOCKGATE_{name.upper()}" for name in _Settings.model_fields}
    for variable in sorted(environ):
        head = variable.partition("__")[0]
        if head.upper() not in known:
            raise ConfigError(
                "no setting has this name",
                source=f"environment variable {variable}",
                hint=did_you_mean(head, known),
            )
        source = EnvSettingsSource(_Settings)
        source.env_vars = {variable.lower(): environ[variable]}
        try:
            found = source()
        except ValueError as error:
            message = f"the value is not understood: {error.__cause__ or error}"
            where = f"environment variable {variable}"
            raise ConfigError(message, source=where) from None
        values = {name.replace("_", "-"): value for name, value in found.items()}
        for key in ("limits", "plugin-limits", "plugins"):
            if key in values:
                values[key] = _leaves(
                    values[key], _dashed if key != "plugins" else _literal_pair
                )
        yield f"environment variable {variable}", values


def _leaves(
    value: dict[str, Any], change: Callable[[str, Any], tuple[str, Any]]
) -> dict[str, Any]:
    return {
        new: _leaves(cast("dict[str, Any]", item), change)
        if isinstance(item, dict)
        else item
        for new, item in (change(key, item) for key, item in value.items())
    }


def _dashed(key: str, value: Any) -> tuple[str, Any]:
    return key.replace("_", "-"), value


def _literal_pair(key: str, value: Any) -> tuple[str, Any]:
    return key, _literal(value) if isinstance(value, str) else value


def _literal(text: str) -> Any:
    """A plugin's setting from text: JSON where it is JSON, else the text."""
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _check_names(values: Mapping[str, Any], origin: str) -> None:
    for key in values:
        if key not in _NAMES:
            raise ConfigError(
                f"unknown setting {key!r}",
                key=key,
                source=origin,
                line=_line(origin, key),
                hint=did_you_mean(key, _NAMES)
                or f"Known: {', '.join(sorted(_NAMES))}.",
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
        line=_line(source, key),
        hint=str(context.get("hint", "")),
    )


def _line(source: str, key: str) -> int:
    """The line of `key` in a TOML file; 0 for any other source."""
    if not source.endswith(".toml"):
        return 0
    try:
        text = read_bounded(source, CONFIG_LIMIT_BYTES).decode("utf-8", "replace")
    except UnreadableError:
        return 0
    prefix = ("tool", "lockgate") if source.endswith("/pyproject.toml") else ()
    return line_of(text, (*prefix, *key.split(".")))


def _config(
    model: _Settings, defaults: Config, origins: dict[str, str], choice: Choice
) -> Config:
    values: dict[str, Any] = {
        field.name: getattr(model, field.name)
        for field in fields(Config)
        if field.name in _Settings.model_fields
    }
    for key in _PATHS:
        name = _NAMES[key]
        path = values[name]
        values[name] = _absolute(path, "") if path else getattr(defaults, name)
    values["plugin_folders"] = tuple(_absolute(p, "") for p in model.plugin_folders)
    values["environments"] = {
        name: tuple(_absolute(folder, "") for folder in given)
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
