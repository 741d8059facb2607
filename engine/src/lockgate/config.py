"""The owner's settings: defaults < files < environment < command line.

=====================  =====================================================
source                 where
=====================  =====================================================
user file              ``$XDG_CONFIG_HOME/lockgate/config.toml`` (or ``.yaml``),
                       or the file that ``LOCKGATE_CONFIG`` names
project file           ``lockgate.toml`` in the working folder, else the table
                       ``[tool.lockgate]`` of its ``pyproject.toml``
environment            ``LOCKGATE_*``, nested keys with ``__``
command line           ``--set key=value``
=====================  =====================================================

A later source wins, key by key, and each value remembers where it came from
(`Config.origins`). A project file comes with a checkout that a stranger may have
written: it can name plugins and their settings, but not where grants, caches
and state are kept, nor how strict the sandbox is.

When nothing is set anywhere, nothing is parsed and pydantic is not imported
(`lockgate._settings` does the work when there is some).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from lockgate.values import Data, Document

__all__ = [
    "Color",
    "Config",
    "LogLevel",
    "Sources",
    "default_config",
    "find_sources",
    "load_config",
]

LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
Color: TypeAlias = Literal["auto", "always", "never"]

DEFAULT = "default"
"""The origin of a value that nobody set."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings in force. Paths are absolute.

    `plugins` holds each plugin's own configuration, `limits` what tightens every
    plugin's limits and `plugin_limits` one plugin's; limits are named as the
    fields of `lockgate_sandbox.Limits`. `layers` makes isolation layers strict
    that would otherwise be degradable. `timeout` is the seconds of a hook call
    whose caller names none; None means the hook spec's own.
    """

    grants_file: str
    cache_dir: str
    data_dir: str
    state_dir: str
    plugin_folders: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    plugins: Mapping[str, Document] = field(default_factory=dict[str, Document])
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    plugin_limits: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict[str, Mapping[str, float]]
    )
    layers: Mapping[str, Literal["strict"]] = field(
        default_factory=dict[str, Literal["strict"]]
    )
    timeout: float | None = None
    log_level: LogLevel = "warning"
    color: Color = "auto"
    origins: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)
    """The source of each dotted key that somebody set."""

    def origin(self, key: str) -> str:
        """Where the value of the dotted `key` came from."""
        return self.origins.get(key, DEFAULT)

    def for_plugin(self, name: str) -> Document:
        """The configuration that plugin `name` is handed."""
        return self.plugins.get(name, {})

    def to_dict(self) -> dict[str, Data]:
        """The settings by the names that files use."""
        found = {
            name.replace("_", "-"): _plain(getattr(self, name))
            for name in self.__dataclass_fields__
            if name not in ("origins", "limits", "plugin_limits")
        }
        found["limits"] = _dashed(self.limits)
        found["plugin-limits"] = {n: _dashed(t) for n, t in self.plugin_limits.items()}
        return found


def _dashed(limits: Mapping[str, float]) -> dict[str, Data]:
    return {name.replace("_", "-"): amount for name, amount in limits.items()}


def _plain(value: Data) -> Data:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class Sources:
    """Where settings were found; an empty string means nowhere."""

    user_file: str
    project_file: str
    environment: Mapping[str, str]
    overrides: Mapping[str, str]

    @property
    def any(self) -> bool:
        """Whether anything at all is set."""
        return bool(
            self.user_file or self.project_file or self.environment or self.overrides
        )


_NOT_SETTINGS = frozenset({"LOCKGATE_CONFIG", "LOCKGATE_DEBUG"})


def find_sources(
    *,
    environ: Mapping[str, str] | None = None,
    folder: str = "",
    overrides: Sequence[str] = (),
) -> Sources:
    """Look where settings are: a few ``stat`` calls, nothing parsed.

    `folder` is the working folder if not given; `overrides` are the
    ``key=value`` of ``--set``.

    Raises:
        UsageError: If an override is no ``key=value``.
    """
    env = os.environ if environ is None else environ
    settings = {
        name: value
        for name, value in env.items()
        if name.startswith("LOCKGATE_") and name not in _NOT_SETTINGS
    }
    return Sources(
        _user_file(env), _project_file(folder), settings, _overrides(overrides)
    )


def _overrides(pairs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key.strip():
            from lockgate.errors import UsageError

            raise UsageError(
                f"--set {pair!r} is no key=value",
                hint="For example: --set log-level=debug",
            )
        found[key.strip()] = value
    return found


def _user_file(env: Mapping[str, str]) -> str:
    named = env.get("LOCKGATE_CONFIG", "")
    if named:
        return os.path.abspath(named)  # noqa: PTH100
    home = f"{_base(env, 'XDG_CONFIG_HOME', '.config')}/config"
    return next((p for p in (f"{home}.toml", f"{home}.yaml") if _exists(p)), "")


def _project_file(folder: str) -> str:
    folder = folder or os.getcwd()  # noqa: PTH109
    if _exists(f"{folder}/lockgate.toml"):
        return f"{folder}/lockgate.toml"
    pyproject = f"{folder}/pyproject.toml"
    if _exists(pyproject):
        from lockgate.discovery._files import UnreadableError, read_bounded

        try:
            if b"tool.lockgate" in read_bounded(pyproject, CONFIG_LIMIT_BYTES):
                return pyproject
        except UnreadableError:
            return ""
    return ""


CONFIG_LIMIT_BYTES = 1024 * 1024
"""A settings file is small; a larger one is not one."""


def _exists(path: str) -> bool:
    return os.path.lexists(path)


def _base(env: Mapping[str, str], name: str, fallback: str) -> str:
    """The lockgate folder below an XDG base folder; relative ones are invalid."""
    base = env.get(name, "")
    if not base.startswith("/"):
        home = env.get("HOME", "") or os.path.expanduser("~")  # noqa: PTH111
        base = f"{home}/{fallback}"
    return f"{base.rstrip('/')}/lockgate"


def default_config(environ: Mapping[str, str] | None = None) -> Config:
    """The settings where nobody set any."""
    env = os.environ if environ is None else environ
    return Config(
        grants_file=f"{_base(env, 'XDG_CONFIG_HOME', '.config')}/grants.toml",
        cache_dir=_base(env, "XDG_CACHE_HOME", ".cache"),
        data_dir=_base(env, "XDG_DATA_HOME", ".local/share"),
        state_dir=_base(env, "XDG_STATE_HOME", ".local/state"),
    )


def load_config(
    *,
    environ: Mapping[str, str] | None = None,
    folder: str = "",
    overrides: Sequence[str] = (),
) -> Config:
    """The settings in force for a command run in `folder`.

    Raises:
        ConfigError: If a source cannot be read or holds a wrong setting.
        UsageError: If an override is no ``key=value``.
    """
    sources = find_sources(environ=environ, folder=folder, overrides=overrides)
    defaults = default_config(environ)
    if not sources.any:
        return defaults
    from lockgate._pydantic_alone import pydantic_alone

    with pydantic_alone():
        from lockgate._settings import resolve

    return resolve(sources, defaults)
