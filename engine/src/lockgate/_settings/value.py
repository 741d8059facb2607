"""The settings as a frozen value, and where they were found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from lockgate._order.words import HookOrder
from lockgate.discovery.choice import NO_CHOICE, Choice

if TYPE_CHECKING:
    from lockgate.values import Data
    from lockgate_sandbox.layers import Layers

__all__ = [
    "CONFIG_LIMIT_BYTES",
    "Color",
    "Config",
    "ControlMode",
    "FileProfile",
    "HookOrder",
    "LogLevel",
    "SecretName",
    "Sources",
    "WhenDown",
    "shown",
]

CONFIG_LIMIT_BYTES = 1024 * 1024
"""A settings file is small; a larger one is not one."""

LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
FileProfile: TypeAlias = Literal["plain", "restricted"]
WhenDown: TypeAlias = Literal["fail", "skip", "open"]
ControlMode: TypeAlias = Literal["auto", "always", "off"]
Color: TypeAlias = Literal["auto", "always", "never"]

DEFAULT = "default"
"""The origin of a value that nobody set."""


@dataclass(frozen=True, slots=True)
class SecretName:
    """A setting of a plugin whose value is the secret `name`: known when it starts."""

    name: str

    def __str__(self) -> str:
        return f"(secret {self.name})"


@dataclass(frozen=True, slots=True)
class Config:
    """The settings in force. Paths are absolute.

    `plugins` holds each plugin's own configuration, a `SecretName` in the place of
    each secret; `limits` what tightens every
    plugin's limits and `plugin_limits` one plugin's; limits are named as the
    fields of `lockgate_sandbox.Limits`. `layers` says how firmly isolation
    layers are held, as `lockgate_sandbox.layers` has it. `choice` says which plugins
    are used, besides what `disabled` names; the user's own rules are kept in
    `choices_file`. What is installed must meet `requires`. `hooks` is the owner's
    order of the plugins of each hook named there. `timeout` is the seconds of a hook
    call whose caller names none; None means the hook spec's own. `file_profile` is how
    single-file plugins are compiled in their workers (`lockgate_sandbox.profiles`).
    `environments` are the folders that distributions have to themselves, `bridges`
    the foreign ecosystems whose plugins are looked for.
    `when_down` says of a plugin what becomes of calls while it can't be asked
    (`lockgate._call.down`). `control` is when a host opens its control socket: with its
    first worker (``auto``), at once (``always``), or not at all; `runtime_dir` where.
    `consent_policy` is the file that says which rights are granted without asking;
    empty: none.
    """

    grants_file: str
    cache_dir: str
    data_dir: str
    state_dir: str
    plugin_folders: tuple[str, ...] = ()
    bridges: tuple[str, ...] = ()
    environments: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict[str, tuple[str, ...]]
    )
    disabled: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    plugins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Any])
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    plugin_limits: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict[str, Mapping[str, float]]
    )
    layers: Layers = field(default_factory=dict[str, Any])
    hooks: Mapping[str, HookOrder] = field(default_factory=dict[str, HookOrder])
    choice: Choice = NO_CHOICE
    choices_file: str = ""
    timeout: float | None = None
    log_level: LogLevel = "warning"
    color: Color = "auto"
    file_profile: FileProfile = "plain"
    when_down: Mapping[str, WhenDown] = field(default_factory=dict[str, WhenDown])
    control: ControlMode = "auto"
    runtime_dir: str = ""
    consent_policy: str = ""
    origins: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)
    """The source of each dotted key that somebody set."""

    @property
    def runtime_folder(self) -> str:
        """Where the control sockets of running hosts are."""
        return self.runtime_dir or f"{self.state_dir}/run"

    def origin(self, key: str) -> str:
        """Where the value of the dotted `key`, or the first one below it, came from."""
        if key in self.origins:
            return self.origins[key]
        below = (o for k, o in self.origins.items() if k.startswith(f"{key}."))
        return next(below, DEFAULT)

    def for_plugin(self, name: str) -> Mapping[str, Any]:
        """The configuration of plugin `name`, its secrets by their names."""
        return self.plugins.get(name, {})

    def to_dict(self) -> dict[str, Data]:
        """The settings by the names that files use."""
        found = {
            name.replace("_", "-"): shown(getattr(self, name))
            for name in self.__dataclass_fields__
            if name
            not in (
                "origins",
                "limits",
                "plugin_limits",
                "hooks",
                "choice",
                "choices_file",
            )
        }
        found["hooks"] = {
            name: {"order": list(one.order), "disable": list(one.disable)}
            for name, one in self.hooks.items()
        }
        found["limits"] = _dashed(self.limits)
        found["plugin-limits"] = {n: _dashed(t) for n, t in self.plugin_limits.items()}
        return found


def _dashed(limits: Mapping[str, float]) -> dict[str, Data]:
    return {name.replace("_", "-"): amount for name, amount in limits.items()}


def shown(value: Any) -> Data:
    """A setting as people see it: plain data, the name of a secret for its value."""
    if isinstance(value, SecretName):
        return str(value)
    if isinstance(value, Mapping):
        table = cast("Mapping[str, Any]", value)
        return {key: shown(item) for key, item in table.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in cast("list[Any]", value)]
    return cast("Data", value)


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
