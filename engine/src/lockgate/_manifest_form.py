"""The form of ``lockgate.toml`` as pydantic models: one class per table.

Only shapes and rules live here; `lockgate._manifest_model` turns what they say
into errors with a file and a line. A rule that spans keys raises `_refuse` with
the key to blame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NoReturn, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from lockgate import hookspecs
from lockgate.errors import did_you_mean
from lockgate.hookspecs import HOOK_API_VERSION, SPEC_ATTRIBUTE, HookOptions, Kind
from lockgate.manifest import (
    RESERVED_NOUNS,
    ArgumentType,
    DocumentFormat,
    TierName,
)
from lockgate.values import check_path

__all__ = ["CommandForm", "ManifestForm", "hook_kinds", "known_keys", "supports"]

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)?", re.ASCII)
_UNITS = {
    "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
_LIMIT_MAXIMUM = 2.0**53
"""Beyond it a float no longer holds each integer; no limit is that large."""

_ARGUMENT_WORDS = frozenset({"out", "json", "force", "help", "debug", "set", "quiet"})
"""Options that the host gives every contributed command."""

_PRIVILEGED = ("read", "write", "net", "devices", "secrets", "programs")
"""Rights that begin at tier ``elevated``."""


def _refuse(message: str, *, hint: str = "", where: str = "") -> NoReturn:
    context = {"message": message, "hint": hint, "where": where}
    raise PydanticCustomError("manifest", "{message}", context)


def hook_kinds() -> dict[str, Kind]:
    """Every hook of `lockgate.hookspecs` and its kind."""
    kinds: dict[str, Kind] = {}
    for protocol in vars(hookspecs).values():
        if isinstance(protocol, type):
            for name, function in vars(protocol).items():
                options = getattr(function, SPEC_ATTRIBUTE, None)
                if isinstance(options, HookOptions):
                    kinds[name] = options.kind
    return kinds


def supports(hook_api: str) -> bool:
    """Whether this lockgate's hook API lies in the range `hook_api`."""
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(hook_api).contains(HOOK_API_VERSION)


def _one_line(value: str) -> str:
    if any(ord(c) < 32 or ord(c) == 127 for c in value):
        _refuse("must be one line without control characters")
    return value


def _range(value: str) -> str:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        SpecifierSet(value)
    except InvalidSpecifier:
        _refuse(
            f"{value!r} is not a version range",
            hint='For example: hook-api = ">=1,<2"',
        )
    return value


def _inside(value: str) -> str:
    try:
        return check_path(value)
    except ValueError as error:
        _refuse(f"must be a file beside the manifest: {error}")


def _absolute(value: str) -> str:
    if not value.startswith(("/", "~/")) or ".." in value.split("/") or "\0" in value:
        _refuse(
            f"{value[:80]!r} is not an absolute path without '..'",
            hint="Write it from / or ~/.",
        )
    return value


def _size(value: object) -> object:
    """A number, or text like ``128 MiB``."""
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if match is None:
            _refuse(
                f"{value[:40]!r} is not a size", hint="For example 65536 or '128 MiB'."
            )
        return float(match.group(1)) * _UNITS[match.group(2) or "B"]
    return value


def _impl_table(value: object) -> object:
    return {"impl": value} if isinstance(value, str) else value


Line = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(_one_line)
]
Name = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)
]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64)]
Text = Annotated[str, StringConstraints(max_length=2000)]
Inside = Annotated[str, AfterValidator(_inside)]
Absolute = Annotated[str, AfterValidator(_absolute)]
Amount = Annotated[float, BeforeValidator(_size), Field(ge=0, le=_LIMIT_MAXIMUM)]
Target = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$", max_length=256
    ),
]


class _Form(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=lambda name: name.replace("_", "-"),
    )


class HookForm(_Form):
    """``[hooks]``: a hook's impl."""

    impl: Target
    order: Literal["first", "last", ""] = ""


class ProgramForm(_Form):
    """``[[rights.programs]]``."""

    name: Word
    distribution: Line
    file: Inside


class ToolForm(_Form):
    """``[[rights.tools]]``."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.+-]*$")]
    read: list[Absolute] = []
    reason: Text = ""


class RightsForm(_Form):
    """``[rights]``."""

    read: list[Absolute] = []
    write: list[Absolute] = []
    env: list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$")]] = []
    net: list[Line] = []
    devices: list[Line] = []
    secrets: list[Word] = []
    workers: bool = False
    programs: list[ProgramForm] = []
    tools: list[ToolForm] = []


class RelationsForm(_Form):
    """``[relations]``."""

    requires: list[Name] = []
    conflicts: list[Name] = []


class DemoForm(_Form):
    """``[demo]``."""

    pipeline: Inside


class ArgumentForm(_Form):
    """``[[commands.arguments]]``."""

    name: Word
    type: ArgumentType
    format: DocumentFormat | None = None
    positional: bool = False
    repeat: bool = False
    required: bool | None = None
    default: str | int | bool | list[str] | list[int] | None = None
    choices: list[Line] = []
    help: Text = ""

    @model_validator(mode="after")
    def _agree(self) -> ArgumentForm:
        if self.name in _ARGUMENT_WORDS:
            _refuse(
                f"every command has a --{self.name} of lockgate's own", where="name"
            )
        if (self.type == "choice") != bool(self.choices):
            _refuse("`choices` and type 'choice' need each other", where="choices")
        if self.format is not None and self.type != "path":
            _refuse("only a 'path' argument has a format", where="format")
        if self.type == "boolean" and (self.positional or self.repeat):
            _refuse("a 'boolean' argument is a plain option", where="type")
        if self.default is not None and not self._fits(self.default):
            _refuse(f"the default does not fit type {self.type!r}", where="default")
        return self

    def _fits(self, default: object) -> bool:
        if self.type == "path":
            return False  # a default path would be read without anybody asking
        if self.repeat != isinstance(default, list):
            return False
        items = cast("list[object]", default) if self.repeat else [default]
        kind = {"integer": int, "boolean": bool}.get(self.type, str)
        if self.type == "choice" and any(item not in self.choices for item in items):
            return False
        return all(type(item) is kind for item in items)


class CommandForm(_Form):
    """``[[commands]]``."""

    noun: Word
    verb: Word
    help: Line
    pipeline: Inside
    arguments: list[ArgumentForm] = []

    @field_validator("noun")
    @classmethod
    def _free(cls, noun: str) -> str:
        if noun in RESERVED_NOUNS:
            _refuse(f"{noun!r} is a command of lockgate's own", hint="Name another.")
        return noun

    @model_validator(mode="after")
    def _agree(self) -> CommandForm:
        names = [argument.name for argument in self.arguments]
        for position, argument in enumerate(self.arguments):
            if argument.name in names[:position]:
                _refuse(
                    f"the argument {argument.name!r} is named twice",
                    where=f"arguments.{position}.name",
                )
        positional = [a for a in self.arguments if a.positional]
        if any(argument.repeat for argument in positional[:-1]):
            _refuse("only the last positional argument can repeat", where="arguments")
        return self


class ManifestForm(_Form):
    """The whole file."""

    schema_: Literal[1] = Field(alias="schema")
    name: Name
    summary: Line
    kinds: list[Kind] = Field(min_length=1)
    hook_api: Annotated[Line, AfterValidator(_range)]
    tier: TierName
    essential: bool = False
    hooks: dict[str, Annotated[HookForm, BeforeValidator(_impl_table)]] = {}
    capabilities: dict[
        Literal["specs", "files", "targets", "boards", "tasks", "tags"], list[Line]
    ] = {}
    rights: RightsForm = RightsForm()
    limits: dict[str, Amount] = {}
    config_schema: dict[str, Any] = {}
    relations: RelationsForm = RelationsForm()
    commands: list[CommandForm] = []
    demo: DemoForm | None = None

    @field_validator("limits", mode="after")
    @classmethod
    def _known_limits(cls, limits: dict[str, float]) -> dict[str, float]:
        for name in limits:
            if name not in LIMIT_NAMES:
                _refuse(
                    f"unknown limit {name!r}",
                    hint=did_you_mean(name, LIMIT_NAMES)
                    or f"Known: {', '.join(LIMIT_NAMES)}.",
                    where=name,
                )
        return {name.replace("-", "_"): amount for name, amount in limits.items()}

    @field_validator("config_schema", mode="after")
    @classmethod
    def _is_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        if schema:
            _check_schema(schema)
        return schema

    @model_validator(mode="after")
    def _agree(self) -> ManifestForm:
        if supports(self.hook_api):  # an older API's hooks are not ours to judge
            _check_hooks(self.hooks, self.kinds)
        _check_tier(self.tier, self.rights)
        _check_commands(self.commands)
        if self.name in (*self.relations.requires, *self.relations.conflicts):
            _refuse("a plugin has no relation to itself", where="relations")
        return self


LIMIT_NAMES = (
    "cpu-seconds", "wall-seconds", "memory-bytes", "processes", "open-files",
    "file-bytes", "disk-bytes", "inodes", "output-bytes", "message-bytes",
)  # fmt: skip


def _check_schema(schema: Mapping[str, Any]) -> None:
    import json

    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError) as error:
        _refuse(f"a JSON Schema holds JSON values only: {error}")
    if any(not ref.startswith("#") for ref in _references(schema)):
        _refuse("a reference may only point into the schema itself ('#/$defs/...')")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        path = ".".join(str(part) for part in error.absolute_path)
        _refuse(f"not a JSON Schema (2020-12): {error.message[:200]}", where=path)


def _references(schema: Mapping[str, Any]) -> Iterator[str]:
    """Each ``$ref`` and ``$dynamicRef`` in a schema."""
    waiting: list[object] = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            table = cast("dict[str, object]", item)
            for key in ("$ref", "$dynamicRef"):
                if isinstance(reference := table.get(key), str):
                    yield reference
            waiting.extend(table.values())
        elif isinstance(item, list):
            waiting.extend(cast("list[object]", item))


def _check_hooks(hooks: Mapping[str, HookForm], kinds: Sequence[str]) -> None:
    known = hook_kinds()
    for name in hooks:
        if name not in known:
            _refuse(
                f"there is no hook named {name!r}",
                hint=did_you_mean(name, known) or "`lockgate hooks` lists them.",
                where=f"hooks.{name}",
            )
        # `diagnose` is how any plugin takes part in `lockgate doctor`.
        if known[name] not in kinds and name != "diagnose":
            _refuse(
                f"{name!r} is a hook of kind {known[name]!r}, which `kinds` leaves out",
                hint=f'Add "{known[name]}" to kinds.',
                where=f"hooks.{name}",
            )
    if not hooks:
        _refuse("a plugin answers at least one hook", where="hooks")


def _check_tier(tier: str, rights: RightsForm) -> None:
    low = tier in ("read-only", "basic")
    for name in _PRIVILEGED:
        if low and getattr(rights, name):
            _refuse(
                f"tier {tier!r} cannot hold the right {name!r}",
                hint='Set tier = "elevated" or leave the right out.',
                where=f"rights.{name}",
            )
    if rights.tools and tier not in ("admin", "system"):
        _refuse(
            f"tier {tier!r} cannot run programs of the machine",
            hint='Set tier = "admin" or leave [[rights.tools]] out.',
            where="rights.tools",
        )
    names = [p.name for p in rights.programs] + [t.name for t in rights.tools]
    if len(set(names)) != len(names):
        _refuse("two programs have one name", where="rights")


def _check_commands(commands: Sequence[CommandForm]) -> None:
    for position, command in enumerate(commands):
        if command.noun != commands[0].noun:
            _refuse(
                f"a plugin has one noun, and it is {commands[0].noun!r} already",
                where=f"commands.{position}.noun",
            )
        if any(command.verb == other.verb for other in commands[:position]):
            _refuse(
                f"the command {command.noun} {command.verb} is there twice",
                where=f"commands.{position}.verb",
            )


_FORMS: Mapping[tuple[str, ...], type[_Form]] = {
    (): ManifestForm,
    ("hooks", "*"): HookForm,
    ("rights",): RightsForm,
    ("rights", "programs", "#"): ProgramForm,
    ("rights", "tools", "#"): ToolForm,
    ("relations",): RelationsForm,
    ("demo",): DemoForm,
    ("commands", "#"): CommandForm,
    ("commands", "#", "arguments", "#"): ArgumentForm,
}


def known_keys(path: Sequence[str | int]) -> list[str]:
    """The keys that the table at `path` may hold."""
    shape = tuple("#" if isinstance(part, int) else part for part in path)
    if shape[:1] == ("hooks",) and len(shape) == 2:
        shape = ("hooks", "*")
    form = _FORMS.get(shape)
    if form is None:
        return []
    return sorted(
        field.alias or name.replace("_", "-")
        for name, field in form.model_fields.items()
    )
