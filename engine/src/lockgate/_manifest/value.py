"""A checked manifest as frozen values, and as the plain data of the index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from lockgate._manifest.reserved import RESERVED_NOUNS
from lockgate.kinds import AddedKind
from lockgate.values import Data, Document

__all__ = [
    "MANIFEST_LIMIT_BYTES",
    "RESERVED_NOUNS",
    "Adapter",
    "ArgumentType",
    "Command",
    "CommandArgument",
    "Demo",
    "DocumentFormat",
    "HookImpl",
    "Manifest",
    "PathFormat",
    "ProgramRight",
    "Rights",
    "TierName",
    "ToolRight",
    "VerbOffer",
]

MANIFEST_LIMIT_BYTES = 256 * 1024
"""A manifest is a few KiB; more is a mistake or an attack on the reader."""

TierName: TypeAlias = Literal["read-only", "basic", "elevated", "admin", "system"]
ArgumentType: TypeAlias = Literal["path", "string", "integer", "boolean", "choice"]
DocumentFormat: TypeAlias = Literal["yaml", "json", "toml", "text", "bytes"]
PathFormat: TypeAlias = Literal["yaml", "json", "toml", "text", "bytes", "tree"]


@dataclass(frozen=True, slots=True)
class HookImpl:
    """One hook that the plugin answers, and where the answer is.

    `target` is ``module:function``; nothing resolves it outside a worker. A
    `wrapper` runs around the others. All else is about plugins that answer the
    same hook: before or after which of them this one is asked, which it needs
    and beside which it does not work.
    """

    hook: str
    target: str
    order: Literal["first", "last", ""] = ""
    wrapper: bool = False
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProgramRight:
    """A program of the plugin's own environment that it asks to run.

    `file` is matched, as whole path parts, at the end of an entry of the
    RECORD of `distribution`.
    """

    name: str
    distribution: str
    file: str


@dataclass(frozen=True, slots=True)
class ToolRight:
    """A program of the machine that the plugin asks the broker to run."""

    name: str
    read: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DeviceClaim:
    """How the plugin has a device of `Rights.devices` while it is open.

    ``exclusive``: nobody else; ``shared``: others that share it, too.
    """

    device: str
    mode: Literal["exclusive", "shared"] = "exclusive"


@dataclass(frozen=True, slots=True)
class Rights:
    """Every right that the plugin asks for; asking grants nothing."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    net: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    workers: bool = False
    programs: tuple[ProgramRight, ...] = ()
    tools: tuple[ToolRight, ...] = ()
    claims: tuple[DeviceClaim, ...] = ()

    def shares(self, device: str) -> bool:
        """Whether others may have `device` open too; what is not claimed is alone."""
        return any(c.device == device and c.mode == "shared" for c in self.claims)


@dataclass(frozen=True, slots=True)
class CommandArgument:
    """One argument of a contributed command.

    A ``path`` argument is opened by the host and handed on as its content,
    parsed by `format`; the plugin never learns where it lay.
    """

    name: str
    type: ArgumentType
    format: PathFormat = "text"
    positional: bool = False
    repeat: bool = False
    required: bool = False
    default: Data = None
    choices: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that the plugin contributes: ``lockgate NOUN VERB …``.

    `pipeline` is a file of the plugin's package, relative to the manifest.
    """

    noun: str
    verb: str
    help: str
    pipeline: str
    arguments: tuple[CommandArgument, ...] = ()


@dataclass(frozen=True, slots=True)
class Demo:
    """What ``lockgate demo`` runs: a pipeline file of the plugin's package."""

    pipeline: str


@dataclass(frozen=True, slots=True)
class VerbOffer:
    """A verb of the command line that a plugin of the trusted base brings.

    ``lockgate NAME`` imports `module`, which is made like those of
    `lockgate.cli`: ``add(subparsers)`` and ``run(args) -> int``.
    """

    name: str
    help: str
    module: str


@dataclass(frozen=True, slots=True)
class Adapter:
    """How the plugins of a foreign `ecosystem` are found and driven.

    They are the entry points of its `groups`; each distribution's together are one
    plugin of `kinds`. `driver` is a ``module:function`` of the adapter's own package:
    called in that plugin's worker with the entry points, it gives the object whose
    marked functions are the impls.
    """

    ecosystem: str
    groups: tuple[str, ...]
    kinds: tuple[str, ...]
    driver: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One plugin's manifest, checked.

    `limits` holds numbers only, by the field names of
    `lockgate_sandbox.Limits` (``memory_bytes``); `config_schema` is a JSON
    Schema, or empty. `kind_api` holds the range of versions of each added kind that
    the plugin is written for, where it says so.
    """

    name: str
    summary: str
    kinds: tuple[str, ...]
    hook_api: str
    tier: TierName
    hooks: tuple[HookImpl, ...]
    essential: bool = False
    capabilities: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict[str, tuple[str, ...]]
    )
    rights: Rights = field(default_factory=Rights)
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    config_schema: Document = field(default_factory=dict[str, Data])
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()
    demo: Demo | None = None
    added_kinds: tuple[AddedKind, ...] = ()
    verbs: tuple[VerbOffer, ...] = ()
    kind_api: Mapping[str, str] = field(default_factory=dict[str, str])
    adapters: tuple[Adapter, ...] = ()

    @property
    def noun(self) -> str:
        """The plugin's one top-level command noun, or ``""``."""
        return self.commands[0].noun if self.commands else ""

    def hook(self, name: str) -> HookImpl | None:
        """The plugin's impl of hook `name`, if it has one; its wrapper is none."""
        return self._impls(wrapper=False).get(name)

    @property
    def answers(self) -> Mapping[str, HookImpl]:
        """The hooks that the plugin answers, wrappers left out."""
        return self._impls(wrapper=False)

    @property
    def wrappers(self) -> Mapping[str, HookImpl]:
        """The hooks that the plugin wraps."""
        return self._impls(wrapper=True)

    def _impls(self, *, wrapper: bool) -> dict[str, HookImpl]:
        return {impl.hook: impl for impl in self.hooks if impl.wrapper is wrapper}

    def to_data(self, *, short: bool = False) -> dict[str, Any]:
        """The manifest as plain data that JSON can hold.

        With `short`, what is empty is left out.
        """
        from dataclasses import asdict

        data = asdict(self)
        if short:
            data["rights"] = {k: v for k, v in data["rights"].items() if v}
            data["hooks"] = [
                {k: v for k, v in hook.items() if v} for hook in data["hooks"]
            ]
            return {key: value for key, value in data.items() if value}
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Manifest:
        """Rebuild what `to_data` gave, in either form.

        Raises:
            KeyError, TypeError: If `data` was not made by `to_data`.
        """
        fields: dict[str, Any] = dict(data)
        for key in ("kinds", "requires", "conflicts"):
            fields[key] = tuple(fields.get(key, ()))
        fields["rights"] = _rights(fields.get("rights", {}))
        fields["hooks"] = tuple(_hook(hook) for hook in fields.get("hooks", ()))
        fields["commands"] = tuple(_command(c) for c in fields.get("commands", ()))
        fields["demo"] = Demo(**fields["demo"]) if fields.get("demo") else None
        fields["added_kinds"] = tuple(
            AddedKind.from_data(kind) for kind in fields.get("added_kinds", ())
        )
        fields["verbs"] = tuple(VerbOffer(**v) for v in fields.get("verbs", ()))
        fields["adapters"] = tuple(
            Adapter(a["ecosystem"], tuple(a["groups"]), tuple(a["kinds"]), a["driver"])
            for a in fields.get("adapters", ())
        )
        fields["capabilities"] = {
            key: tuple(words) for key, words in fields.get("capabilities", {}).items()
        }
        return cls(**fields)


def _hook(data: Mapping[str, Any]) -> HookImpl:
    fields: dict[str, Any] = dict(data)
    for key in ("before", "after", "requires", "conflicts"):
        fields[key] = tuple(fields.get(key, ()))
    return HookImpl(**fields)


def _rights(data: Mapping[str, Any]) -> Rights:
    fields: dict[str, Any] = {
        name: value if name == "workers" else tuple(value)
        for name, value in data.items()
    }
    fields["programs"] = tuple(ProgramRight(**p) for p in fields.get("programs", ()))
    fields["tools"] = tuple(
        ToolRight(tool["name"], tuple(tool["read"]), tool["reason"])
        for tool in fields.get("tools", ())
    )
    fields["claims"] = tuple(DeviceClaim(**c) for c in fields.get("claims", ()))
    return Rights(**fields)


def _command(data: Mapping[str, Any]) -> Command:
    fields: dict[str, Any] = dict(data)
    arguments: list[dict[str, Any]] = [dict(a) for a in fields["arguments"]]
    for argument in arguments:
        argument["choices"] = tuple(argument["choices"])
    fields["arguments"] = tuple(CommandArgument(**a) for a in arguments)
    return Command(**fields)
