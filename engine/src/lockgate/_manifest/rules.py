"""What the tables of a manifest mean for each other: rules that span keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, cast

from lockgate._manifest.fields import refuse
from lockgate._manifest.kind_names import BUILT_IN
from lockgate._specs.names import FREE, hook_kinds, mistaken_for, streams
from lockgate.errors import did_you_mean
from lockgate.kinds import AddedHook, AddedKind

if TYPE_CHECKING:
    from lockgate._manifest.tables import (
        AdapterForm,
        AddedKindForm,
        CommandForm,
        HookForm,
        RightsForm,
        VerbForm,
    )

__all__ = [
    "added_kind",
    "check_adapters",
    "check_added_kinds",
    "check_claims",
    "check_commands",
    "check_hooks",
    "check_kind_api",
    "check_order",
    "check_schema",
    "check_tier",
    "check_verbs",
    "misnamed_argument",
    "misnamed_hook",
]

_PRIVILEGED = ("write", "net", "devices", "secrets", "programs")
"""Rights that begin at tier ``elevated``."""


_MARK = "hookimpl"
"""What stands above an impl in its plugin's code, imported by this name."""


def check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse what is no JSON Schema, or points out of itself."""
    import json

    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError) as error:
        refuse(f"a JSON Schema holds JSON values only: {error}")
    if any(not ref.startswith("#") for ref in _references(schema)):
        refuse("a reference may only point into the schema itself ('#/$defs/...')")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        path = ".".join(str(part) for part in error.absolute_path)
        refuse(f"not a JSON Schema (2020-12): {error.message[:200]}", where=path)
    except RecursionError:
        refuse("a JSON Schema, or a pattern in it, that is nested too deeply")


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


def added_kind(form: AddedKindForm) -> AddedKind:
    """The plain value of a table ``[[added-kinds]]``."""
    hooks = tuple(AddedHook(**hook.model_dump()) for hook in form.hooks)
    return AddedKind(form.name, hooks, form.about, form.version, form.defs)


def misnamed_hook(name: str) -> tuple[str, str] | None:
    """Why no hook of an added kind can be called `name`, and the way out."""
    if iskeyword(name) or name == _MARK:
        message = f"{name!r} is taken: no impl can be a function of it"
        return message, f"Name it {name}_it, say."
    if other := mistaken_for(name):
        message = f"{name!r} is too near to lockgate's own {other!r}"
        return message, "Give it a name that nobody takes for a slip."
    return None


def check_added_kinds(
    forms: Sequence[AddedKindForm], kinds: Sequence[str]
) -> Mapping[str, str]:
    """The hooks of the kinds that a manifest adds, each with its kind.

    Refuses names that are taken, and schemas that are not of the closed set.
    """
    found: dict[str, str] = {}
    if not forms:
        return found
    from lockgate.kinds._schema import SchemaError
    from lockgate.kinds._specs import hook_specs

    if "service" not in kinds:
        hint = 'Add "service" to kinds.'
        refuse("only a plugin of kind 'service' adds kinds", hint=hint, where="kinds")
    for number, form in enumerate(forms):
        where = f"added-kinds.{number}"
        if form.name in BUILT_IN or any(form.name == f.name for f in forms[:number]):
            message = f"there is a kind named {form.name!r} already"
            refuse(message, hint="Give it another name.", where=f"{where}.name")
        for place, hook in enumerate(form.hooks):
            if hook.name in found or hook.name in hook_kinds():
                message = f"there is a hook named {hook.name!r} already"
                refuse(message, where=f"{where}.hooks.{place}.name")
            if (wrong := misnamed_hook(hook.name)) is not None:
                message, hint = wrong
                refuse(message, hint=hint, where=f"{where}.hooks.{place}.name")
            for name in hook.arguments:
                if (wrong := misnamed_argument(name)) is not None:
                    key = f"{where}.hooks.{place}.arguments.{name}"
                    refuse(wrong[0], hint=wrong[1], where=key)
            found[hook.name] = form.name
        try:
            hook_specs(added_kind(form))
        except SchemaError as error:
            head, *rest = error.where
            key = ".".join([where, head.removeprefix("$"), *rest])
            refuse(error.message, hint=error.hint, where=key)
    return found


def misnamed_argument(name: str) -> tuple[str, str] | None:
    """Why no call could give an argument called `name` to a hook, or not as meant."""
    if name == "context":
        return "every hook gets `context`: it is no argument of its own", ""
    if name == "plugin":
        message = "`plugin` says of a call whom to ask: it is no argument of a hook"
        return message, "Give it another name."
    if iskeyword(name):
        message = f"{name!r} is a word of Python: no function has an argument of it"
        return message, f"Name it {name}_name, say."
    return None


def check_hooks(
    hooks: Mapping[str, object],
    kinds: Sequence[str],
    added: Mapping[str, str],
    *,
    newer: bool = False,
) -> None:
    """Refuse hooks that are unknown, or of a kind that is not named.

    `added` are the hooks of the kinds that the plugin itself adds. Where `kinds` names
    one that is neither built in nor the plugin's own, a hook may be that one's:
    discovery knows. With `newer` it may be one of a later hook API, unless it is
    nearly a known one.
    """
    known = {**hook_kinds(), **added}
    foreign = not set(kinds) <= set(known.values())
    lacking = {known[name] for name in hooks if name in known} - set(kinds)
    for number, kind in enumerate(kinds):
        if kind not in known.values() and (hint := did_you_mean(kind, lacking)):
            message = f"there is no kind named {kind!r}"
            refuse(message, hint=hint, where=f"kinds.{number}")
    for name in hooks:
        near = "" if name in known else did_you_mean(name, known)
        if name not in known and (foreign or (newer and not near)):
            continue
        if name not in known:
            refuse(
                f"there is no hook named {name!r}",
                hint=near or "`lockgate hooks` lists them.",
                where=f"hooks.{name}",
            )
        if known[name] not in kinds and name not in FREE:
            refuse(
                f"{name!r} is a hook of kind {known[name]!r}, which `kinds` leaves out",
                hint=f'Add "{known[name]}" to kinds.',
                where=f"hooks.{name}",
            )
    if not hooks and not added:
        refuse("a plugin answers at least one hook", where="hooks")


def check_kind_api(ranges: Mapping[str, str], kinds: Sequence[str]) -> None:
    """Refuse the range of a kind that is built in, or that the plugin is not of."""
    for kind in ranges:
        if kind in hook_kinds().values():
            message = f"{kind!r} is lockgate's own: its versions are hook-api's"
            refuse(message, where=f"kind-api.{kind}")
        if kind not in kinds:
            hint = did_you_mean(kind, kinds) or f'Add "{kind}" to kinds.'
            message = f"{kind!r} is none of the plugin's kinds"
            refuse(message, hint=hint, where=f"kind-api.{kind}")


def check_order(
    hooks: Mapping[str, Sequence[HookForm]],
    plugin: str,
    added: Sequence[AddedKindForm] = (),
) -> None:
    """Refuse two impls of one hook, and a place that is named after oneself."""
    own = {hook.name for kind in added for hook in kind.hooks if hook.stream}
    for name, impls in hooks.items():
        wrappers = [impl for impl in impls if impl.wrapper]
        if not impls or len(wrappers) > 1 or len(impls) - len(wrappers) > 1:
            refuse(
                "a plugin has at most one impl and one wrapper of a hook",
                where=f"hooks.{name}",
            )
        if wrappers and (name in streams() or name in own):
            refuse(
                f"{name!r} gives a stream, and a stream can't be wrapped",
                where=f"hooks.{name}.{impls.index(wrappers[0])}.wrapper",
            )
        for number, impl in enumerate(impls):
            for key in ("before", "after", "requires", "conflicts"):
                if plugin in getattr(impl, key):
                    refuse(
                        "a plugin has no relation to itself",
                        where=f"hooks.{name}.{number}.{key}",
                    )


def check_tier(tier: str, rights: RightsForm) -> None:
    """Refuse rights that the tier cannot hold."""
    low = tier in ("read-only", "basic")
    for name in _PRIVILEGED:
        if low and getattr(rights, name):
            refuse(
                f"tier {tier!r} cannot hold the right {name!r}",
                hint='Set tier = "elevated" or leave the right out.',
                where=f"rights.{name}",
            )
    if rights.tools and tier not in ("admin", "system"):
        refuse(
            f"tier {tier!r} cannot run programs of the machine",
            hint='Set tier = "admin" or leave [[rights.tools]] out.',
            where="rights.tools",
        )
    names = [p.name for p in rights.programs] + [t.name for t in rights.tools]
    if len(set(names)) != len(names):
        refuse("two programs have one name", where="rights")


def check_claims(rights: RightsForm) -> None:
    """Refuse the claim of a device that is not asked for, and a second of one."""
    for position, claim in enumerate(rights.claims):
        where = f"rights.claims.{position}.device"
        if claim.device not in rights.devices:
            refuse(
                f"{claim.device} is claimed but not asked for",
                hint=did_you_mean(claim.device, rights.devices)
                or "Put it in `devices` under [rights].",
                where=where,
            )
        if any(claim.device == other.device for other in rights.claims[:position]):
            refuse(f"{claim.device} is claimed twice", where=where)


def check_commands(commands: Sequence[CommandForm]) -> None:
    """Refuse commands of two nouns, and one that is there twice."""
    for position, command in enumerate(commands):
        if command.noun != commands[0].noun:
            refuse(
                f"a plugin has one noun, and it is {commands[0].noun!r} already",
                where=f"commands.{position}.noun",
            )
        if any(command.verb == other.verb for other in commands[:position]):
            refuse(
                f"the command {command.noun} {command.verb} is there twice",
                where=f"commands.{position}.verb",
            )


def check_verbs(verbs: Sequence[VerbForm]) -> None:
    """Refuse a verb that is there twice."""
    names = [verb.name for verb in verbs]
    for position, name in enumerate(names):
        if name in names[:position]:
            refuse(f"the verb {name!r} is there twice", where=f"verbs.{position}.name")


def check_adapters(adapters: Sequence[AdapterForm], kinds: Sequence[str]) -> None:
    """Refuse adapters of a plugin that is none, and two for one ecosystem or group."""
    if bool(adapters) != ("adapter" in kinds):
        refuse("kind 'adapter' and [[adapters]] need each other", where="kinds")
    seen: set[str] = set()
    for position, adapter in enumerate(adapters):
        for number, kind in enumerate(adapter.kinds):
            if kind not in hook_kinds().values():
                refuse(
                    f"there is no kind named {kind!r} that is built in",
                    hint=did_you_mean(kind, hook_kinds().values()),
                    where=f"adapters.{position}.kinds.{number}",
                )
        for name in (adapter.ecosystem, *adapter.groups):
            if name in seen:
                where = f"adapters.{position}"
                refuse(f"{name!r} is adapted twice", where=where)
        seen.update((adapter.ecosystem, *adapter.groups))
