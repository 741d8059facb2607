"""The form of ``lockgate.toml`` as pydantic models: one class per table.

What a single value may be is in `lockgate._manifest_fields`, what tables mean for
each other in `lockgate._manifest_rules`; `lockgate._manifest_model` turns what
all of them say into errors with a file and a line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

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

from lockgate import _manifest_rules as rules
from lockgate._manifest_fields import (
    LIMIT_NAMES,
    Absolute,
    Amount,
    Inside,
    Line,
    Name,
    Target,
    Text,
    Word,
    check_range,
    impl_table,
    refuse,
    supports,
)
from lockgate.errors import did_you_mean
from lockgate.hookspecs import Kind
from lockgate.manifest import RESERVED_NOUNS, ArgumentType, DocumentFormat, TierName

__all__ = ["CommandForm", "ManifestForm", "known_keys"]

_ARGUMENT_WORDS = frozenset({"out", "json", "force", "help", "debug", "set", "quiet"})
"""Options that the host gives every contributed command."""


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


class ManifestForm(_Form):
    """The whole file."""

    schema_: Literal[1] = Field(alias="schema")
    name: Name
    summary: Line
    kinds: list[Kind] = Field(min_length=1)
    hook_api: Annotated[Line, AfterValidator(check_range)]
    tier: TierName
    essential: bool = False
    hooks: dict[str, Annotated[HookForm, BeforeValidator(impl_table)]] = {}
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
                refuse(
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
            rules.check_schema(schema)
        return schema

    @model_validator(mode="after")
    def _agree(self) -> ManifestForm:
        if supports(self.hook_api):  # an older API's hooks are not ours to judge
            rules.check_hooks(self.hooks, self.kinds)
        rules.check_tier(self.tier, self.rights)
        rules.check_commands(self.commands)
        if self.name in (*self.relations.requires, *self.relations.conflicts):
            refuse("a plugin has no relation to itself", where="relations")
        return self


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
