"""From what a plugin asks and has been granted to what the kernel is told.

The only module that turns rights into a `lockgate_sandbox.Policy`. A right that
was granted but can't be given (a program that is not installed, a path that is
not there) is no error: it is named in `Plan.absent`, with the reason.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
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
from lockgate.manifest import Manifest, ProgramRight, Rights, ToolRight
from lockgate_sandbox import Limits, Policy, Program, Tier

__all__ = ["Plan", "Tool", "build_plan", "read_only_plan", "tool_policy"]

Asked = TypeVar("Asked")
T = TypeVar("T")

_NO_RIGHTS = Rights()

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


@dataclass(frozen=True, slots=True)
class _Given:
    """Of what a plugin asks for, what it was granted and can be given here.

    `environ` has the values of variables and secrets. `absent` fills up: what was
    granted, and why it can't be given all the same.
    """

    consent: Consent
    environ: Mapping[str, str]
    absent: dict[str, str] = field(default_factory=dict[str, str])

    def of(
        self,
        kind: str,
        asked: Iterable[Asked],
        check: Callable[[Asked], T],
        name: Callable[[Asked], str] = str,
    ) -> list[T]:
        """What `check` makes of each that is granted; its ValueError says why not."""
        found: list[T] = []
        for one in asked:
            key = f"{kind}:{name(one)}"
            if not self.consent.has(key):
                continue
            try:
                found.append(check(one))
            except ValueError as error:
                self.absent[key] = str(error)
        return found


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
    folders = own_folders(path) if alone else import_folders(path)
    prefixes = environment_prefixes(folders) if alone else (sys.prefix,)
    tier, given = Tier(consent.tier), _Given(consent, environ)

    def place(value: str) -> str:
        return openable(value, secret, writable)

    def program(asked: ProgramRight) -> Program:
        return _program(asked, folders, prefixes)

    within = Limits.for_tier(tier).tightened(manifest.limits).tightened(limits)
    tools = manifest.rights.tools if tier >= Tier.ADMIN else ()
    return Plan(
        _policy(tier, within, manifest.rights, given, place, program),
        folders,
        {tool.name: tool for tool in _tools(tools, given, place)},
        consent.has("workers"),
        given.absent,
        limits,
        runtime_package() if alone else {},
    )


def _policy(
    tier: Tier,
    limits: Limits,
    rights: Rights,
    given: _Given,
    place: Callable[[str], str],
    program: Callable[[ProgramRight], Program],
) -> Policy:
    """The policy of `tier` with what is `given` of `rights`."""
    # What leaves the worker, or stays when it is gone: nothing below elevated.
    more = rights if tier.may_grant else _NO_RIGHTS
    write = given.of("write", more.write, place)
    write = [one for one in write if not below(one, write)]
    # What it may write it may read; opened by its own name it could be swapped.
    read = given.of("read", rights.read, place)
    read = [one for one in read if not below(one, write)]
    environ = given.environ
    env = given.of("env", rights.env, lambda name: _variable(name, environ))
    return Policy.for_tier(
        tier,
        limits=limits,
        read=read,
        write=write,
        programs=given.of("program", more.programs, program, name=attrgetter("name")),
        env=[(name, environ[name]) for name in env],
        hosts=given.of("net", more.net, lambda value: checked_host(value, environ)),
        devices=given.of(
            "device",
            more.devices,
            lambda device: checked_device(device, rights.shares(device)),
        ),
        secrets=_granted_secrets(more.secrets, given),
    )


def _granted_secrets(asked: Sequence[str], given: _Given) -> list[str]:
    """The secrets that are granted; one without a value says so when it is used."""
    given.of("secret", asked, lambda name: checked_secret(name, given.environ))
    return [name for name in asked if given.consent.has(f"secret:{name}")]


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


def _program(
    asked: ProgramRight, folders: Sequence[str], prefixes: Sequence[str]
) -> Program:
    try:
        path = find_program(
            asked.distribution, asked.file, folders=folders, prefixes=prefixes
        )
    except ProgramMissingError as error:
        raise ValueError(str(error)) from error
    return Program(asked.name, path)


def _tools(
    asked: Sequence[ToolRight], given: _Given, place: Callable[[str], str]
) -> list[Tool]:
    """The granted programs of the machine; of what they read, what is there."""

    def found(tool: ToolRight) -> Tool:
        path = shutil.which(tool.name, path=TOOL_PATH)
        if path is None:
            message = f"{tool.name} is not installed (looked in {TOOL_PATH})"
            raise ValueError(message)
        there = (folder for folder in tool.read if Path(folder).exists())
        return Tool(tool.name, path, tuple(place(folder) for folder in there))

    return given.of("tool", asked, found, name=attrgetter("name"))


def _variable(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        message = f"the variable {name} is not set"
        raise ValueError(message)
    # The sandbox knows the names that would take a process over before it starts.
    Policy.for_tier(Tier.READ_ONLY, env=[(name, environ[name])])
    return name
