"""Where settings stand: files, environment, command line, each read on its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from pydantic_settings import EnvSettingsSource

from lockgate._settings.lines import line_of_setting
from lockgate._settings.model import PATHS, SettingsForm
from lockgate._settings.secrets import named, refuse_in_project
from lockgate._settings.value import CONFIG_LIMIT_BYTES, Sources
from lockgate._text.files import UnreadableError, read_bounded
from lockgate._text.toml import load_toml
from lockgate.errors import ConfigError, did_you_mean

__all__ = ["absolute", "sources_in_order"]

_NOT_IN_PROJECT = frozenset(
    {
        "grants-file",
        "consent-policy",
        "cache-dir",
        "data-dir",
        "state-dir",
        "layers",
        "file-profile",
        "environments",
        "bridges",
        "runtime-dir",
        "control",
        "when-down",
    }
)
"""What a checkout may not decide for its reader."""


def sources_in_order(sources: Sources) -> Iterator[tuple[str, dict[str, Any]]]:
    """Origin and values of each source, the weakest first.

    Raises:
        ConfigError: If one can't be read, or holds what it must not.
    """
    for origin, values in _read(sources):
        _refuse_relative(values, origin)
        if "plugins" in values:
            if origin == sources.project_file:
                refuse_in_project(values["plugins"], origin)
            values["plugins"] = named(values["plugins"])
        yield origin, values


def _refuse_relative(values: Mapping[str, Any], origin: str) -> None:
    """A consent policy is never looked for in the working folder: it may be anybody's.

    What a file names is absolute by now.
    """
    named: object = values.get("consent-policy")
    if isinstance(named, str) and named and not named.startswith(("/", "~")):
        raise ConfigError(
            "it must be an absolute path",
            key="consent-policy",
            source=origin,
            hint="`lockgate install --policy FILE` takes one of the working folder.",
        )


def _read(sources: Sources) -> Iterator[tuple[str, dict[str, Any]]]:
    if sources.user_file:
        yield sources.user_file, _file(sources.user_file)
    if sources.project_file:
        values = _file(sources.project_file)
        for key in sorted(_refused_in_project(values)):
            raise ConfigError(
                "a project file must not set this: it came with the checkout",
                key=key,
                source=sources.project_file,
                line=line_of_setting(sources.project_file, key),
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
    for key in PATHS:
        if isinstance(values.get(key), str):
            values[key] = absolute(values[key], folder)
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
        absolute(item, folder) if isinstance(item, str) else item
        for item in cast("list[object]", given)
    ]


def absolute(path: str, folder: str) -> str:
    """`path` as it is meant in a file in `folder`."""
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
    known = {f"LOCKGATE_{name.upper()}" for name in SettingsForm.model_fields}
    for variable in sorted(environ):
        head = variable.partition("__")[0]
        if head.upper() not in known:
            raise ConfigError(
                "no setting has this name",
                source=f"environment variable {variable}",
                hint=did_you_mean(head, known),
            )
        source = EnvSettingsSource(SettingsForm)
        source.env_vars = {variable.lower(): environ[variable]}
        try:
            found = source()
        except ValueError as error:
            message = f"the value is not understood: {error.__cause__ or error}"
            where = f"environment variable {variable}"
            raise ConfigError(message, source=where) from None
        values = {name.replace("_", "-"): value for name, value in found.items()}
        for key in ("limits", "plugin-limits", "layers", "plugins"):
            if key in values:
                values[key] = _leaves(
                    values[key], _dashed if key != "plugins" else _literal_pair
                )
        if isinstance(values.get("plugins"), dict):
            # A plugin's name has dashes only, a variable's has none.
            values["plugins"] = dict(
                _dashed(*pair) for pair in values["plugins"].items()
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
