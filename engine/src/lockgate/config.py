"""The owner's settings: defaults < files < environment < command line.

=====================  =====================================================
source                 where
=====================  =====================================================
what commands wrote    ``$XDG_CONFIG_HOME/lockgate/plugins.toml``: which plugins
                       are used, nothing else (`lockgate._settings.choose`)
user file              ``$XDG_CONFIG_HOME/lockgate/config.toml`` (or ``.yaml``),
                       or the file that ``LOCKGATE_CONFIG`` names
project file           ``lockgate.toml`` in the working folder, else the table
                       ``[tool.lockgate]`` of its ``pyproject.toml``
environment            ``LOCKGATE_*``, nested keys with ``__``
command line           ``--set key=value``
=====================  =====================================================

A later source wins, key by key, and each value remembers where it came from
(`Config.origins`). A project file comes with a checkout that a stranger may have
written: it can name plugins and their settings, but no secrets, not where grants,
caches and state are kept, nor how strict the sandbox is.

When nothing is set anywhere, nothing is parsed and pydantic is not imported
(`lockgate._settings.read` does the work when there is some).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lockgate._settings.value import (
    CONFIG_LIMIT_BYTES,
    Color,
    Config,
    ControlMode,
    HookOrder,
    LogLevel,
    SecretName,
    Sources,
)

__all__ = [
    "Color",
    "Config",
    "ControlMode",
    "HookOrder",
    "LogLevel",
    "SecretName",
    "Sources",
    "default_config",
    "find_sources",
    "load_config",
    "user_file_place",
]


_AUTOLOAD = "LOCKGATE_DISABLE_AUTOLOAD"
_NOT_SETTINGS = frozenset({"LOCKGATE_CONFIG", "LOCKGATE_DEBUG", _AUTOLOAD})
_NO_SETTINGS = (
    "LOCKGATE_SECRET_",  # values of secrets: lockgate._rights.services
    "LOCKGATE_INDEX_",  # who logs in to an index, and the two that publish
    "LOCKGATE_PUBLISH_",
    "LOCKGATE_KEY_",
    "LOCKGATE_SANDBOX_",
)
"""Variables that begin so are somebody else's: credentials, mostly."""


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
        if name.startswith("LOCKGATE_")
        and name not in _NOT_SETTINGS
        and not name.startswith(_NO_SETTINGS)
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


def user_file_place(environ: Mapping[str, str] | None = None) -> str:
    """Where your own settings are looked for, whether the file is there or not."""
    env = os.environ if environ is None else environ
    named = env.get("LOCKGATE_CONFIG", "")
    if named:
        return os.path.abspath(named)  # noqa: PTH100
    return f"{_base(env, 'XDG_CONFIG_HOME', '.config')}/config.toml"


def _user_file(env: Mapping[str, str]) -> str:
    place = user_file_place(env)
    if env.get("LOCKGATE_CONFIG", ""):
        return place
    yaml = f"{place.removesuffix('.toml')}.yaml"
    return next((p for p in (place, yaml) if _exists(p)), "")


def _project_file(folder: str) -> str:
    folder = folder or os.getcwd()  # noqa: PTH109
    if _exists(f"{folder}/lockgate.toml"):
        return f"{folder}/lockgate.toml"
    pyproject = f"{folder}/pyproject.toml"
    if _exists(pyproject):
        from lockgate._text.files import UnreadableError, read_bounded

        try:
            if b"tool.lockgate" in read_bounded(pyproject, CONFIG_LIMIT_BYTES):
                return pyproject
        except UnreadableError:
            return ""
    return ""


def _exists(path: str) -> bool:
    return os.path.lexists(path)


_NO_HOME = "/nonexistent"
"""What Debian gives users without a home: nothing is ever read or written there."""


def _base(env: Mapping[str, str], name: str, fallback: str) -> str:
    """The lockgate folder below an XDG base folder; relative ones are invalid."""
    base = env.get(name, "")
    if not base.startswith("/"):
        home = env.get("HOME", "") or os.path.expanduser("~")  # noqa: PTH111
        if not home.startswith("/"):
            # A user without a home, as in many containers. The working folder,
            # which may be anybody's, must not stand in for it.
            home = _NO_HOME
        base = f"{home}/{fallback}"
    return f"{base.rstrip('/')}/lockgate"


def _runtime(env: Mapping[str, str]) -> str:
    """The lockgate folder below ``XDG_RUNTIME_DIR``, if there is one."""
    base = env.get("XDG_RUNTIME_DIR", "").rstrip("/")
    return f"{base}/lockgate" if base.startswith("/") and _exists(base) else ""


def default_config(environ: Mapping[str, str] | None = None) -> Config:
    """The settings where nobody set any."""
    env = os.environ if environ is None else environ
    return Config(
        grants_file=f"{_base(env, 'XDG_CONFIG_HOME', '.config')}/grants.toml",
        cache_dir=_base(env, "XDG_CACHE_HOME", ".cache"),
        data_dir=_base(env, "XDG_DATA_HOME", ".local/share"),
        state_dir=_base(env, "XDG_STATE_HOME", ".local/state"),
        runtime_dir=_runtime(env),
        choices_file=f"{_base(env, 'XDG_CONFIG_HOME', '.config')}/plugins.toml",
    )


def load_config(
    *,
    environ: Mapping[str, str] | None = None,
    folder: str = "",
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
) -> Config:
    """The settings in force for a command run in `folder`.

    `plugins` are the words of ``-p``: ``NAME`` or ``no:NAME``.

    Raises:
        ConfigError: If a source cannot be read or holds a wrong setting.
        UsageError: If an override is no ``key=value``, or a word no plugin's name.
    """
    env = os.environ if environ is None else environ
    sources = find_sources(environ=env, folder=folder, overrides=overrides)
    config = _resolved(sources, default_config(env))
    if _exists(config.choices_file):
        from lockgate._settings.choose import read_rules

        mine = read_rules(config.choices_file, undo="--user")
        rules = (*mine, *config.choice.rules)
        config = replace(config, choice=replace(config.choice, rules=rules))
    if not plugins and not env.get(_AUTOLOAD):
        return config
    autoload = env.get(_AUTOLOAD, "") in ("", "0")
    return replace(config, choice=config.choice.with_words(plugins, autoload=autoload))


def _resolved(sources: Sources, defaults: Config) -> Config:
    if not sources.any:
        return defaults
    from lockgate._pydantic_alone import pydantic_alone

    with pydantic_alone():
        from lockgate._settings.read import resolve

    return resolve(sources, defaults)
