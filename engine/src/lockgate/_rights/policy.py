"""From what a plugin asks and has been granted to what the kernel is told.

The only module that turns rights into a `lockgate_sandbox.Policy`. A right that
was granted but can't be given (a program that is not installed, a path that is
not there) is no error: it is named in `Plan.absent`, with the reason.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from lockgate._rights.environment import (
    environment_prefixes,
    import_folders,
    own_folders,
    runtime_package,
)
from lockgate._rights.places import below, openable
from lockgate._rights.records import ProgramMissingError, find_program
from lockgate._rights.services import checked_device, checked_host, checked_secret
from lockgate.discovery import PluginState
from lockgate.grants import Consent
from lockgate.manifest import Manifest, ToolRight
from lockgate_sandbox import Limits, Policy, Program, Tier

__all__ = ["Plan", "Tool", "build_plan", "read_only_plan", "tool_policy"]

T = TypeVar("T")

TOOL_PATH = "/usr/local/bin:/usr/bin:/bin"
"""Where tools of the machine are looked for: never the caller's PATH."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A granted program of the machine: where it is and what it may read."""

    name: str
    path: str
    read: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that starting a plugin's worker needs.

    `absent` maps a granted right's key to why it can't be given all the same.
    `owner_limits` are the configuration's: they also tighten what the plugin has
    the host start for it.
    """

    policy: Policy
    path: tuple[str, ...]
    tools: Mapping[str, Tool]
    workers: bool
    absent: Mapping[str, str]
    owner_limits: Mapping[str, float]
    packages: Mapping[str, str] = field(default_factory=dict[str, str])
    """What a worker with an environment of its own gets besides: lockgate."""


def build_plan(
    manifest: Manifest,
    consent: Consent,
    *,
    path: Sequence[str],
    limits: Mapping[str, float],
    secret: Sequence[str],
    writable: Sequence[str] = (),
    alone: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Plan:
    """What the worker of a plugin may do.

    `path` are the plugin's own import folders, `limits` the configuration's
    (which can only tighten); `alone` says that these folders are an environment of
    its own, and nothing of the host's is seen; `secret` are the folders of
    lockgate's own state, which no grant ever opens; `writable` those that some plugin
    may write to, where a link may be any plugin's.
    """
    absent: dict[str, str] = {}
    folders = own_folders(path) if alone else import_folders(path)
    rights = manifest.rights
    tier = Tier(consent.tier)

    def kept(kind: str, values: Sequence[str], check: Callable[[str], T]) -> list[T]:
        granted = [value for value in values if consent.has(f"{kind}:{value}")]
        return _kept(kind, granted, check, absent)

    def place(value: str) -> str:
        return openable(value, secret, writable)

    write = kept("write", rights.write, place) if tier.may_grant else []
    write = [one for one in write if not below(one, write)]
    # What it may write it may read; opened by its own name it could be swapped.
    read = [one for one in kept("read", rights.read, place) if not below(one, write)]
    env = kept("env", rights.env, lambda name: _variable(name, environ))
    programs: list[Program] = []
    if tier.may_grant:
        programs = _programs(manifest, consent, folders, absent, alone=alone)
    # What leaves the worker: nothing below elevated.
    asked = (rights.net, rights.devices, rights.secrets)
    net, devices, secrets = asked if tier.may_grant else ((), (), ())
    tools = {}
    if tier >= Tier.ADMIN:
        tools = _tools(rights.tools, consent, absent, place)
    policy = Policy.for_tier(
        tier,
        limits=Limits.for_tier(tier).tightened(manifest.limits).tightened(limits),
        read=read,
        write=write,
        programs=programs,
        env=[(name, environ[name]) for name in env],
        hosts=kept("net", net, lambda value: checked_host(value, environ)),
        devices=kept(
            "device", devices, lambda path: checked_device(path, rights.shares(path))
        ),
        secrets=_granted_secrets(secrets, consent, absent, environ),
    )
    packages = runtime_package() if alone else {}
    workers = consent.has("workers")
    return Plan(policy, folders, tools, workers, absent, limits, packages)


def _kept(
    kind: str,
    granted: Sequence[str],
    check: Callable[[str], T],
    absent: dict[str, str],
) -> list[T]:
    """What `check` makes of each value; its ValueError says why one is absent."""
    found: list[T] = []
    for value in granted:
        try:
            found.append(check(value))
        except ValueError as error:
            absent[f"{kind}:{value}"] = str(error)
    return found


def _granted_secrets(
    asked: Sequence[str],
    consent: Consent,
    absent: dict[str, str],
    environ: Mapping[str, str],
) -> list[str]:
    """The secrets that are granted; one without a value says so when it is used."""
    granted = [name for name in asked if consent.has(f"secret:{name}")]
    _kept("secret", granted, lambda name: checked_secret(name, environ), absent)
    return granted


def read_only_plan(state: PluginState, limits: Mapping[str, float]) -> Plan:
    """The plan of a plugin without a manifest: it asked for nothing.

    Of a single file the worker may read that file, not the folder around it.
    """
    tier = Tier.READ_ONLY
    single = [value for group, value in state.entries if group == "file"]
    policy = Policy.for_tier(
        tier,
        limits=Limits.for_tier(tier).tightened(limits),
        read=[os.path.realpath(path) for path in single],
    )
    folders = import_folders(() if single else state.path)
    return Plan(policy, folders, {}, workers=False, absent={}, owner_limits=limits)


def tool_policy(
    tool: Tool, wall_seconds: float, owner_limits: Mapping[str, float]
) -> Policy:
    """The policy of one run of a machine's program: its own files, a scratch."""
    tier = Tier.ADMIN
    limits = Limits.for_tier(tier).tightened(owner_limits)
    limits = limits.tightened({"wall_seconds": max(wall_seconds, 0.1)})
    program = Program(tool.name, tool.path, read=tool.read)
    return Policy.for_tier(tier, limits=limits, programs=[program])


def _programs(
    manifest: Manifest,
    consent: Consent,
    folders: Sequence[str],
    absent: dict[str, str],
    *,
    alone: bool,
) -> list[Program]:
    found: list[Program] = []
    for asked in manifest.rights.programs:
        key = f"program:{asked.name}"
        if not consent.has(key):
            continue
        try:
            path = find_program(
                asked.distribution,
                asked.file,
                folders=folders,
                prefixes=environment_prefixes(folders) if alone else (sys.prefix,),
            )
        except ProgramMissingError as error:
            absent[key] = str(error)
        else:
            found.append(Program(asked.name, path))
    return found


def _tools(
    asked: Sequence[ToolRight],
    consent: Consent,
    absent: dict[str, str],
    place: Callable[[str], str],
) -> dict[str, Tool]:
    found: dict[str, Tool] = {}
    for tool in asked:
        key = f"tool:{tool.name}"
        if not consent.has(key):
            continue
        path = shutil.which(tool.name, path=TOOL_PATH)
        if path is None:
            absent[key] = f"{tool.name} is not installed (looked in {TOOL_PATH})"
            continue
        there = [folder for folder in tool.read if Path(folder).exists()]
        try:
            read = tuple(place(folder) for folder in there)
        except ValueError as error:
            absent[key] = str(error)
            continue
        found[tool.name] = Tool(tool.name, path, read)
    return found


def _variable(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        message = f"the variable {name} is not set"
        raise ValueError(message)
    # The sandbox knows the names that would take a process over before it starts.
    Policy.for_tier(Tier.READ_ONLY, env=[(name, environ[name])])
    return name
