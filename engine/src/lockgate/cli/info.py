"""``lockgate info NAME``: everything that is known of one plugin."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lockgate.cli._output import colored, one_line, print_json, print_lines
from lockgate.cli._session import Subparsers, present, settings
from lockgate.cli.list import life_of, tier_in_words
from lockgate.contract import judged_by
from lockgate.errors import ConfigError, UnknownPluginError
from lockgate.granting import effective_tier

if TYPE_CHECKING:
    from lockgate._plugin_settings.keys import ConfigKey
    from lockgate._record.lifecycle import Lifecycle
    from lockgate._rights.claims import Claim
    from lockgate.config import Config
    from lockgate.contract import Problem
    from lockgate.discovery import PluginState
    from lockgate.manifest import Manifest, Rights

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Show everything about one plugin. It is not imported."
    parser = subparsers.add_parser("info", description=about)
    parser.add_argument("name", metavar="NAME", help="a plugin, as `list` names it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the plugin, whatever state it is in.

    Raises:
        UnknownPluginError: If nothing of that name is installed.
    """
    name: str = args.name
    config = settings(args)
    found = present(config, safe=args.safe)
    states = [state for state in found if state.name == name]
    if not states:
        raise UnknownPluginError(name, known=[state.name for state in found])
    problems = [_problems(state, found) for state in states]
    judged = [
        judged_by(state, found) for state, found in zip(states, problems, strict=True)
    ]
    if args.json:
        data = _data(judged, problems[0], config)
        print_json({**data, "deprecated": _deprecated(judged[0], found)})
        return 0
    for state in judged:
        print_lines(_lines(state, life_of(state, config), tier_in_words(state, config)))
        print_lines(
            _row("deprecated", f"{hook}: {advice}")
            for hook, advice in _deprecated(state, found).items()
        )
        print_lines(_source(state, config))
        print_lines(_settings(state, config))
        print_lines(
            _row("has open", f"{claim.device}, {claim.mode}, in host {claim.host}")
            for claim in _claims(state, config)
        )
    return 0


def _problems(state: PluginState, found: Sequence[PluginState]) -> tuple[Problem, ...]:
    """What is wrong with the code of a plugin that seems usable."""
    manifest = state.manifest if state.usable else None
    if manifest is None:
        return ()
    from lockgate._seating.registry import kinds_added
    from lockgate.contract import check_impls

    return check_impls(
        manifest,
        distribution=state.distribution,
        roots=state.path,
        added=kinds_added(found).values(),
    )


def _deprecated(state: PluginState, found: Sequence[PluginState]) -> dict[str, str]:
    """The deprecated hooks that it answers, and what is said of each."""
    manifest = state.manifest
    if manifest is None:
        return {}
    from lockgate._seating.registry import kinds_added
    from lockgate.discovery._hook_versions import deprecations

    kinds = kinds_added(found).values()
    return {hook: life.advice for hook, life in deprecations(manifest, kinds)}


def _data(
    states: list[PluginState], problems: Sequence[Problem], config: Config
) -> dict[str, object]:
    first, *others = states
    manifest = first.manifest
    problem = _config_problem(first, config)
    return {
        **first.to_dict(),
        "effective-tier": effective_tier(first, config),
        "problems": [problem.to_dict() for problem in problems],
        "lifecycle": life_of(first, config).to_dict(),
        "details": manifest.to_data() if manifest else None,
        "origin": _origin(first, config),
        "config": [key.to_dict() for key in _config_keys(first, config)],
        "config-problem": problem.to_dict() if problem else None,
        "claims": [claim.to_dict() for claim in _claims(first, config)],
        "others": [other.to_dict() for other in others],
    }


def _origin(state: PluginState, config: Config) -> dict[str, str]:
    """What whoever installed it into the store wrote down about that."""
    if not state.stored:
        return {}
    from lockgate.installed import StoreFolder

    entry = StoreFolder(config.data_dir).read().get(state.distribution)
    return dict(entry.origin) if entry is not None else {}


def _source(state: PluginState, config: Config) -> Iterator[str]:
    origin = _origin(state, config)
    index = origin.get(f"index:{state.distribution}")
    if index:
        yield _row("came from", f"the index {index}")
    if "status" in origin:
        yield _row("", f"which said then: {origin['status']}")


def _claims(state: PluginState, config: Config) -> list[Claim]:
    """The devices that the plugin has open at this moment, in any host."""
    from lockgate._rights.claims import claims_folder, claims_held

    held = claims_held(claims_folder(config.runtime_folder))
    return [claim for claim in held if claim.plugin == state.name]


def _config_keys(state: PluginState, config: Config) -> tuple[ConfigKey, ...]:
    """What its settings can say and do say; secrets by their names."""
    from lockgate._plugin_settings.keys import config_keys

    manifest = state.manifest
    return config_keys(state.name, config, manifest.config_schema if manifest else {})


def _config_problem(state: PluginState, config: Config) -> ConfigError | None:
    """What is wrong with its settings: its worker would not start."""
    from lockgate._plugin_settings.whole import check_config

    if state.manifest is None or not config.for_plugin(state.name):
        return None
    try:
        check_config(state.name, config, state.manifest.config_schema)
    except ConfigError as error:
        return error
    return None


def _settings(state: PluginState, config: Config) -> Iterator[str]:
    for key in _config_keys(state, config):
        yield _row("setting", key.describe())
    problem = _config_problem(state, config)
    if problem is not None:
        yield _row("wrong setting", str(problem))


def _lines(state: PluginState, life: Lifecycle, tier: str) -> Iterator[str]:
    yield f"{colored(one_line(state.name), 'bold')} {one_line(state.version)}"
    if state.summary:
        yield f"  {one_line(state.summary)}"
    yield _row("state", state.state)
    if state.reason:
        yield _row("reason", state.reason)
    if state.hint:
        yield _row("hint", state.hint)
    yield _row("stage", f"{life.stage} since {life.at}: {life.reason}")
    yield _row("distribution", state.distribution)
    yield _row("installed", f"{state.location}{' (editable)' * state.editable}")
    for folder in state.environment:
        yield _row("imports from", folder)
    if state.manifest_path:
        yield _row("manifest", state.manifest_path)
    for group, value in state.entries:
        yield _row("entry point", f"{group}: {value}")
    manifest = state.manifest
    if manifest is not None:
        yield from _manifest(manifest, tier)


def _manifest(manifest: Manifest, tier: str) -> Iterator[str]:
    yield _row("kinds", ", ".join(manifest.kinds))
    yield _row("tier", tier)
    yield _row("hook API", manifest.hook_api)
    for name, wanted in manifest.kind_api.items():
        yield _row("kind API", f"{name} {wanted}")
    yield _row("hooks", ", ".join(manifest.answers) or "-")
    if manifest.wrappers:
        yield _row("wraps", ", ".join(manifest.wrappers))
    for key, words in manifest.capabilities.items():
        yield _row(key, ", ".join(words))
    yield _row("asks for", "; ".join(_rights(manifest.rights)) or "no rights")
    yield _row("limits", _limits(manifest))
    if manifest.requires:
        yield _row("requires", ", ".join(manifest.requires))
    if manifest.conflicts:
        yield _row("conflicts", ", ".join(manifest.conflicts))
    for kind in manifest.added_kinds:
        names = ", ".join(hook.name for hook in kind.hooks)
        yield _row("adds kind", f"{kind.name} {kind.version}: {names}")
    for command in manifest.commands:
        yield _row("command", f"lockgate {command.noun} {command.verb}: {command.help}")


def _limits(manifest: Manifest) -> str:
    """What its tier allows, where the manifest does not ask for less."""
    if manifest.tier == "system":
        return "none: it runs in the host"
    from lockgate_sandbox import Limits, Tier

    limits = Limits.for_tier(Tier(manifest.tier)).tightened(manifest.limits)
    return (
        f"{limits.cpu_seconds:g} s CPU, {limits.wall_seconds:g} s a call, "
        f"{limits.memory_bytes >> 20} MiB memory, {limits.disk_bytes >> 20} MiB disk, "
        f"{limits.processes} processes"
    )


def _rights(rights: Rights) -> Iterator[str]:
    for name in ("read", "write", "env", "net", "devices", "secrets"):
        values: tuple[str, ...] = getattr(rights, name)
        if values:
            yield f"{name} {', '.join(values)}"
    for program in rights.programs:
        yield f"program {program.name} of {program.distribution}"
    for tool in rights.tools:
        yield f"tool {tool.name}" + (f" ({tool.reason})" if tool.reason else "")
    for claim in rights.claims:
        yield f"{claim.device} {claim.mode}"
    if rights.workers:
        yield "workers of its own"


def _row(label: str, value: str) -> str:
    return f"  {label:<13} {one_line(value)}"
