"""The form of ``lockgate.toml`` as one pydantic model.

Its tables are in `lockgate._manifest.tables`, what they mean for each other in
`lockgate._manifest.rules`; `lockgate._manifest.read` turns what all of them say
into errors with a file and a line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from lockgate._manifest import rules
from lockgate._manifest.fields import (
    LIMIT_NAMES,
    Amount,
    Line,
    Name,
    admits_newer,
    check_range,
    impl_tables,
    refuse,
    supports,
)
from lockgate._manifest.tables import (
    AdapterForm,
    AddedHookForm,
    AddedKindForm,
    ArgumentForm,
    ClaimForm,
    CommandForm,
    DemoForm,
    Form,
    HookForm,
    ProgramForm,
    RelationsForm,
    RightsForm,
    ToolForm,
    VerbForm,
)
from lockgate._manifest.value import TierName
from lockgate.errors import did_you_mean

__all__ = ["ManifestForm", "known_keys"]

Capability: TypeAlias = Literal["specs", "files", "targets", "boards", "tasks", "tags"]
"""What a plugin can be searched by."""


class ManifestForm(Form):
    """The whole file."""

    schema_: Literal[1] = Field(alias="schema")
    name: Name
    summary: Line
    kinds: list[Name] = Field(min_length=1)
    hook_api: Annotated[Line, AfterValidator(check_range)]
    tier: TierName
    essential: bool = False
    hooks: dict[str, Annotated[list[HookForm], BeforeValidator(impl_tables)]] = Field(
        default_factory=dict
    )
    capabilities: dict[Capability, list[Line]] = Field(
        default_factory=dict[Capability, list[Line]]
    )
    rights: RightsForm = RightsForm()
    limits: dict[str, Amount] = Field(default_factory=dict)
    config_schema: dict[str, Any] = Field(default_factory=dict)
    relations: RelationsForm = RelationsForm()
    commands: list[CommandForm] = Field(default_factory=list[CommandForm])
    demo: DemoForm | None = None
    added_kinds: list[AddedKindForm] = Field(default_factory=list[AddedKindForm])
    verbs: list[VerbForm] = Field(default_factory=list[VerbForm])
    kind_api: dict[Name, Annotated[Line, AfterValidator(check_range)]] = Field(
        default_factory=dict[str, str]
    )
    adapters: list[AdapterForm] = Field(default_factory=list[AdapterForm])

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
            added = rules.check_added_kinds(self.added_kinds, self.kinds)
            rules.check_adapters(self.adapters, self.kinds)
            if self.hooks or not self.adapters:
                newer = admits_newer(self.hook_api)
                rules.check_hooks(self.hooks, self.kinds, added, newer=newer)
            rules.check_kind_api(self.kind_api, self.kinds)
        rules.check_order(self.hooks, self.name, self.added_kinds)
        rules.check_tier(self.tier, self.rights)
        rules.check_claims(self.rights)
        rules.check_commands(self.commands)
        rules.check_verbs(self.verbs)
        if self.name in (*self.relations.requires, *self.relations.conflicts):
            refuse("a plugin has no relation to itself", where="relations")
        return self


_FORMS: Mapping[tuple[str, ...], type[Form]] = {
    (): ManifestForm,
    ("hooks", "*"): HookForm,
    ("rights",): RightsForm,
    ("rights", "programs", "#"): ProgramForm,
    ("rights", "claims", "#"): ClaimForm,
    ("rights", "tools", "#"): ToolForm,
    ("relations",): RelationsForm,
    ("demo",): DemoForm,
    ("added-kinds", "#"): AddedKindForm,
    ("added-kinds", "#", "hooks", "#"): AddedHookForm,
    ("adapters", "#"): AdapterForm,
    ("verbs", "#"): VerbForm,
    ("commands", "#"): CommandForm,
    ("commands", "#", "arguments", "#"): ArgumentForm,
}


def known_keys(path: Sequence[str | int]) -> list[str]:
    """The keys that the table at `path` may hold."""
    shape = tuple("#" if isinstance(part, int) else part for part in path)
    if shape[:1] == ("hooks",) and len(shape) in (2, 3):
        shape = ("hooks", "*")
    form = _FORMS.get(shape)
    if form is None:
        return []
    return sorted(
        field.alias or name.replace("_", "-")
        for name, field in form.model_fields.items()
    )
