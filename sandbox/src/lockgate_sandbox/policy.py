"""What a worker may do, as one frozen value: the sandbox's only input.

A policy is pure data. It can be compared, hashed, written as JSON and read
back; turning it into kernel rules is the work of `_seal.plan.prepare`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from lockgate_sandbox._form import policy as form
from lockgate_sandbox._form import words
from lockgate_sandbox._spelling.arguments import (
    check_kind,
    check_mapping,
    entries_of,
    pairs_of,
)
from lockgate_sandbox._spelling.paths import absolute, absolutes
from lockgate_sandbox.compare import Change, compare
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.grant_text import parse_host_grant, parse_quota
from lockgate_sandbox.grants import (
    TOTAL,
    Device,
    HostGrant,
    PathGrant,
    Quota,
    check_name,
)
from lockgate_sandbox.tiers import Limits, Tier, check_limit_names

__all__ = ["Policy", "Program"]

_ENV_NAME_CHARS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
)

# A variable of these names (or prefixes) makes the loader, the interpreter or a
# shell run or load something before the policy's own program does.
_DANGEROUS_ENV = frozenset(
    {
        *("BASH_ENV", "BASHOPTS", "ENV", "IFS", "PROMPT_COMMAND", "PS4"),
        *("SHELLOPTS", "ZDOTDIR"),
        *("GCONV_PATH", "GETCONF_DIR", "HOSTALIASES", "LOCPATH"),
        *("OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES"),
        *("PERL5DB", "PERL5LIB", "PERL5OPT", "PERLLIB", "RUBYLIB", "RUBYOPT"),
        *("NODE_OPTIONS", "NODE_PATH", "LUA_INIT", "COMPILER_PATH"),
        *("GCC_EXEC_PREFIX", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"),
        "_JAVA_OPTIONS",
    }
)
_DANGEROUS_ENV_PREFIXES = ("LD_", "PYTHON", "GLIBC_TUNABLES", "MALLOC_", "DYLD_")


_ELEVATED = ("write", "programs", "hosts", "files", "devices", "secrets", "tools")


@dataclass(frozen=True, slots=True)
class Program:
    """A program that may be started, and the folders it may read.

    `path` and every entry of `read` are absolute.
    """

    name: str
    path: str
    read: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            msg = f"a program's name is one word without a slash: {self.name!r}"
            raise PolicyError(msg)
        object.__setattr__(self, "path", absolute("program", self.path))
        object.__setattr__(self, "read", absolutes("program read", self.read))


_ENTRIES: dict[str, tuple[type[Any], str]] = {
    "programs": (Program, "Program(NAME, {!r})"),
    "hosts": (HostGrant, "parse_host_grant({!r})"),
    "files": (PathGrant, "PathGrant({!r})"),
    "devices": (Device, "Device({!r})"),
    "tools": (Program, "Program(NAME, {!r})"),
}
"""What a grant of each kind is, and how one is made of the text that people write."""

_ENV = "env={'HOME': os.environ['HOME']}"
_LIMITS = "Policy.for_tier(TIER, limits={'wall_seconds': 5})"


@dataclass(frozen=True, slots=True)
class Policy:
    """The rights and limits of one worker.

    `read` and `write` are paths (folders or files) besides the interpreter and
    the worker's import folders; `programs` may be started inside the seal;
    `env` is the worker's whole extra environment. The kernel carries these out.

    A `lockgate_sandbox.broker.Broker` carries out the others: `hosts` to reach,
    within `total`; `files` and `devices` to open; `secrets` to know, by name;
    `tools`, programs of the machine that run in a sandbox of their own.

    Raises:
        PolicyError: If a path is not absolute, an environment variable could
            take over a process before it starts, the tier does not allow a
            right, or the tier is ``system``.
    """

    tier: Tier
    limits: Limits
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    programs: tuple[Program, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    hosts: tuple[HostGrant, ...] = ()
    total: Quota = TOTAL
    files: tuple[PathGrant, ...] = ()
    devices: tuple[Device, ...] = ()
    secrets: tuple[str, ...] = ()
    tools: tuple[Program, ...] = ()

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "tier", Tier(self.tier))
        if self.tier is Tier.SYSTEM:
            msg = "tier system is not sandboxed: its code runs in the host process"
            raise PolicyError(msg)
        check_kind("limits", self.limits, Limits, _LIMITS)
        check_kind("total", self.total, Quota, "Quota(bytes=1 << 20)")
        put(self, "read", absolutes("read", self.read))
        put(self, "write", absolutes("write", self.write))
        env = pairs_of("env", self.env, _ENV)
        put(self, "env", tuple(sorted(_checked_env(env).items())))
        for name in _ENTRIES:
            put(self, name, _entries(name, getattr(self, name)))
        known = entries_of("secrets", self.secrets, str, "{!r}")
        put(self, "secrets", tuple(sorted(check_name("secret", n) for n in known)))
        self._check_tier()
        for what, given in (
            ("program", self.programs),
            ("tool", self.tools),
            ("device", self.devices),
        ):
            names = [item.name for item in given]
            if len(set(names)) != len(names):
                msg = f"each {what} of a policy has a name of its own: {names}"
                raise PolicyError(msg)

    def _check_tier(self) -> None:
        """Below elevated nothing leaves the worker; programs of the machine: admin."""
        for right in _ELEVATED if not self.tier.may_grant else ():
            if getattr(self, right):
                msg = (
                    f"tier {self.tier} cannot carry the right {right!r}; "
                    "use tier elevated or admin"
                )
                raise PolicyError(msg)
        if self.tools and self.tier < Tier.ADMIN:
            msg = f"tier {self.tier} cannot carry the right 'tools'; use tier admin"
            raise PolicyError(msg)

    @classmethod
    def for_tier(
        cls,
        tier: Tier | str,
        *,
        limits: Limits | Mapping[str, float] | None = None,
        read: Sequence[str] = (),
        write: Sequence[str] = (),
        programs: Sequence[Program] = (),
        env: Sequence[tuple[str, str]] | Mapping[str, str] = (),
        hosts: Sequence[HostGrant | str] = (),
        total: Quota | str = TOTAL,
        files: Sequence[PathGrant] = (),
        devices: Sequence[Device] = (),
        secrets: Sequence[str] = (),
        tools: Sequence[Program] = (),
    ) -> Policy:
        """The policy of `tier` with these grants.

        `limits` replaces its own; a mapping, like ``{"wall_seconds": 5}``, only those
        that it names. A host may be text as `grant_text.parse_host_grant` reads it,
        and `total` as `grant_text.parse_quota` does.

        Raises:
            PolicyError: As the class does.
        """
        wanted = Tier(tier)
        if wanted is Tier.SYSTEM:
            msg = "tier system is not sandboxed: its code runs in the host process"
            raise PolicyError(msg)
        held = limits if isinstance(limits, Limits) else Limits.for_tier(wanted)
        if limits is not None and not isinstance(limits, Limits):
            check_mapping("limits", limits, "{'wall_seconds': 5}")
            held = held.changed(limits)
        return cls(
            tier=wanted,
            limits=held,
            read=absolutes("read", read),
            write=absolutes("write", write),
            programs=_entries("programs", programs),
            env=pairs_of("env", env, _ENV),
            hosts=tuple(
                parse_host_grant(item) if isinstance(item, str) else item
                for item in entries_of("hosts", hosts, (HostGrant, str), "{!r}")
            ),
            total=parse_quota(total) if isinstance(total, str) else total,
            files=_entries("files", files),
            devices=_entries("devices", devices),
            secrets=entries_of("secrets", secrets, str, "{!r}"),
            tools=_entries("tools", tools),
        )

    @property
    def may_fork(self) -> bool:
        """Whether the worker may start processes at all."""
        return bool(self.programs)

    @property
    def brokered(self) -> bool:
        """Whether any grant is carried out by a broker."""
        return bool(
            self.hosts or self.files or self.devices or self.secrets or self.tools
        )

    def describe(self) -> str:
        """The policy in a few lines for a person. No secret is in it."""
        return words.describe(self)

    def diff(self, other: Policy) -> tuple[Change, ...]:
        """What `other` allows more or less than this one; empty if they are equal."""
        return compare(self, other)

    def to_dict(self) -> dict[str, object]:
        """Plain data that `from_dict` reads back. It names secrets, no more."""
        return {
            "tier": str(self.tier),
            "limits": asdict(self.limits),
            "read": list(self.read),
            "write": list(self.write),
            "programs": [_program_form(item) for item in self.programs],
            "env": dict(self.env),
            "hosts": [form.write_host(item) for item in self.hosts],
            "total": asdict(self.total),
            "files": [asdict(item) for item in self.files],
            "devices": [asdict(item) for item in self.devices],
            "secrets": list(self.secrets),
            "tools": [_program_form(item) for item in self.tools],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Policy:
        """The inverse of `to_dict`.

        Raises:
            PolicyError: If a key is unknown or missing, or a value is of the
                wrong type or refused by the class.
        """
        unknown = sorted(set(data) - _KEYS)
        missing = sorted(_KEYS - set(data))
        if unknown or missing:
            msg = f"a policy document has unknown keys {unknown}, lacks {missing}"
            raise PolicyError(msg)
        env = form.mapping("env", data["env"])
        program = ("name", "path", "read")
        limits = form.read_limits(data["limits"])
        check_limit_names(limits)
        try:
            given = Limits(**limits)  # type: ignore[arg-type] # pyright: ignore
        except TypeError as error:
            msg = f"limits: {error}"
            raise PolicyError(msg) from error
        return cls(
            tier=Tier(form.text("tier", data["tier"])),
            limits=given,
            read=form.texts("read", data["read"]),
            write=form.texts("write", data["write"]),
            programs=form.entries("programs", data["programs"], Program, program),
            env=tuple((name, form.text("env", value)) for name, value in env.items()),
            hosts=form.read_hosts(data["hosts"]),
            total=form.quota("total", data["total"]),
            files=form.entries("files", data["files"], PathGrant, ("path", "write")),
            devices=form.entries(
                "devices", data["devices"], Device, ("name", "path", "write", "shared")
            ),
            secrets=form.texts("secrets", data["secrets"]),
            tools=form.entries("tools", data["tools"], Program, program),
        )


def _entries(name: str, given: object) -> tuple[Any, ...]:
    """The grants of the field `name`, each of its kind and once."""
    return entries_of(name, given, *_ENTRIES[name])


_KEYS = frozenset(field.name for field in fields(Policy))


def _program_form(item: Program) -> dict[str, object]:
    return {"name": item.name, "path": item.path, "read": list(item.read)}


def _checked_env(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The variables by name; a name that hijacks a process is refused."""
    env: dict[str, str] = {}
    for name, value in pairs:
        if not name or not set(name) <= _ENV_NAME_CHARS or name[0].isdigit():
            msg = f"env: {name!r} is no variable name"
            raise PolicyError(msg)
        if name in _DANGEROUS_ENV or name.startswith(_DANGEROUS_ENV_PREFIXES):
            msg = (
                f"env: {name} makes a loader, an interpreter or a shell run other "
                "code first and cannot be set for a worker"
            )
            raise PolicyError(msg)
        if "\0" in value:
            msg = f"env: the value of {name} holds a NUL character"
            raise PolicyError(msg)
        try:
            value.encode()
        except UnicodeEncodeError:
            msg = f"env: the value of {name} is no UTF-8, and what workers are told is"
            raise PolicyError(msg) from None
        env[name] = value
    return env
