"""The tables of ``lockgate.toml`` as pydantic models: one class per table.

What a single value may be is in `lockgate._manifest.fields`; the file as a whole
is `lockgate._manifest.form`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from lockgate._hook.api import Life
from lockgate._manifest.fields import (
    Absolute,
    Doc,
    HookName,
    Host,
    Inside,
    Line,
    Module,
    Name,
    Target,
    Text,
    Version,
    Word,
    refuse,
)
from lockgate._manifest.value import (
    RESERVED_NOUNS,
    ArgumentType,
    PathFormat,
)

__all__ = [
    "AdapterForm",
    "AddedHookForm",
    "AddedKindForm",
    "ArgumentForm",
    "ClaimForm",
    "CommandForm",
    "DemoForm",
    "Form",
    "HookForm",
    "ProgramForm",
    "RelationsForm",
    "RightsForm",
    "ToolForm",
    "VerbForm",
]

_ARGUMENT_WORDS = frozenset({"out", "json", "force", "help", "debug", "set", "quiet"})
"""Options that the host gives every contributed command."""


class Form(BaseModel):
    """What all tables share: no unknown key, no conversion, dashes in names."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=lambda name: name.replace("_", "-"),
    )


class HookForm(Form):
    """``[hooks]``: a hook's impl."""

    impl: Target
    order: Literal["first", "last", ""] = ""
    wrapper: bool = False
    before: list[Name] = []
    after: list[Name] = []
    requires: list[Name] = []
    conflicts: list[Name] = []


class ProgramForm(Form):
    """``[[rights.programs]]``."""

    name: Word
    distribution: Line
    file: Inside


class ToolForm(Form):
    """``[[rights.tools]]``."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.+-]*$")]
    read: list[Absolute] = []
    reason: Text = ""


class ClaimForm(Form):
    """``[[rights.claims]]``."""

    device: Line
    mode: Literal["exclusive", "shared"] = "exclusive"


class RightsForm(Form):
    """``[rights]``."""

    read: list[Absolute] = []
    write: list[Absolute] = []
    env: list[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    ] = []
    net: list[Host] = []
    devices: list[Line] = []
    secrets: list[Word] = []
    workers: bool = False
    programs: list[ProgramForm] = []
    tools: list[ToolForm] = []
    claims: list[ClaimForm] = []


class RelationsForm(Form):
    """``[relations]``."""

    requires: list[Name] = []
    conflicts: list[Name] = []


class AddedHookForm(Form):
    """``[[added-kinds.hooks]]``."""

    name: HookName
    doc: Doc = ""
    firstresult: bool = False
    stream: bool = False
    historic: bool = False
    timeout_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    failure: Literal["fail", "collect", "skip"] = "fail"
    since: Version = "1.0"
    deprecated: Version | Literal[""] = ""
    instead: Text = ""
    removed: Version | Literal[""] = ""
    arguments: dict[HookName, dict[str, Any]] = {}
    answer: dict[str, Any]

    @model_validator(mode="after")
    def _agree(self) -> AddedHookForm:
        if self.historic and (self.firstresult or self.stream):
            message = "a historic hook asks all plugins, and each for one answer"
            refuse(message, where="historic")
        try:
            Life(self.since, self.deprecated, self.instead, self.removed)
        except ValueError as error:
            refuse(str(error), where="removed" if self.removed else "deprecated")
        return self


class AddedKindForm(Form):
    """``[[added-kinds]]``: a kind of plugins, and its hooks."""

    name: Name
    about: Text = ""
    version: Version = "1.0"
    hooks: list[AddedHookForm] = Field(min_length=1, max_length=64)
    defs: dict[str, dict[str, Any]] = {}


class DemoForm(Form):
    """``[demo]``."""

    pipeline: Inside


class ArgumentForm(Form):
    """``[[commands.arguments]]``."""

    name: Word
    type: ArgumentType
    format: PathFormat | None = None
    positional: bool = False
    repeat: bool = False
    required: bool | None = None
    default: str | int | bool | list[str] | list[int] | None = None
    choices: list[Line] = []
    help: Text = ""

    @model_validator(mode="after")
    def _agree(self) -> ArgumentForm:
        if self.name in _ARGUMENT_WORDS:
            refuse(f"every command has a --{self.name} of lockgate's own", where="name")
        if (self.type == "choice") != bool(self.choices):
            refuse("`choices` and type 'choice' need each other", where="choices")
        if self.format is not None and self.type != "path":
            refuse("only a 'path' argument has a format", where="format")
        if self.type == "boolean" and (self.positional or self.repeat):
            refuse("a 'boolean' argument is a plain option", where="type")
        if self.default is not None and not self._fits(self.default):
            refuse(f"the default does not fit type {self.type!r}", where="default")
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


class AdapterForm(Form):
    """``[[adapters]]``: how a foreign ecosystem's plugins are found and driven."""

    ecosystem: Name
    groups: list[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z][\w.-]{0,62}$")]
    ] = Field(min_length=1, max_length=16)
    kinds: list[Name] = Field(min_length=1)
    driver: Target

    @field_validator("groups")
    @classmethod
    def _foreign(cls, groups: list[str]) -> list[str]:
        for position, group in enumerate(groups):
            if group == "lockgate" or group.startswith("lockgate."):
                refuse(
                    f"{group!r} is a group of lockgate's own: its plugins need no "
                    "adapter",
                    where=str(position),
                )
        return groups


class VerbForm(Form):
    """``[[verbs]]``: a verb that a plugin of the trusted base brings."""

    name: Word
    help: Line
    module: Module

    @field_validator("name")
    @classmethod
    def _reserved(cls, name: str) -> str:
        if name not in RESERVED_NOUNS:
            refuse(
                f"{name!r} is no word that lockgate keeps for itself",
                hint="Another plugin's command may begin with it: reserve it first.",
            )
        return name


class CommandForm(Form):
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
            refuse(f"{noun!r} is a command of lockgate's own", hint="Name another.")
        return noun

    @model_validator(mode="after")
    def _agree(self) -> CommandForm:
        names = [argument.name for argument in self.arguments]
        for position, argument in enumerate(self.arguments):
            if argument.name in names[:position]:
                refuse(
                    f"the argument {argument.name!r} is named twice",
                    where=f"arguments.{position}.name",
                )
        positional = [a for a in self.arguments if a.positional]
        if any(argument.repeat for argument in positional[:-1]):
            refuse("only the last positional argument can repeat", where="arguments")
        return self
