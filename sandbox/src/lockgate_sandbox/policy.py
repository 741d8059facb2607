"""What a worker may do, as one frozen value: the sandbox's only input.

A policy is pure data. It can be compared, hashed, written as JSON and read
back; turning it into kernel rules is `_enforce.prepare`'s work.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import cast

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.tiers import Limits, Tier

__all__ = ["Policy", "Program"]

_ENV_NAME_CHARS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
)

# A variable of these names (or prefixes) makes the loader, the interpreter or a
# shell run or load something before the policy's own program does.
_DANGEROUS_ENV = frozenset({"BASH_ENV", "ENV", "GCONV_PATH", "IFS", "SHELLOPTS"})
_DANGEROUS_ENV_PREFIXES = ("LD_", "PYTHON", "GLIBC_TUNABLES", "MALLOC_", "DYLD_")


@dataclass(frozen=True, slots=True)
class Program:
    """A program that may run inside the seal, and the folders it may read.

    `path` and every entry of `read` are absolute.
    """

    name: str
    path: str
    read: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            msg = f"a program's name is one word without a slash: {self.name!r}"
            raise PolicyError(msg)
        object.__setattr__(self, "path", _absolute("program", self.path))
        object.__setattr__(self, "read", _absolutes("program read", self.read))


@dataclass(frozen=True, slots=True)
class Policy:
    """The rights and limits of one worker.

    `read` and `write` are paths (folders or files) besides the interpreter and
    the worker's import folders; `programs` may be started inside the seal;
    `env` is the worker's whole extra environment.

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

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "tier", Tier(self.tier))
        if self.tier is Tier.SYSTEM:
            msg = "tier system is not sandboxed: its code runs in the host process"
            raise PolicyError(msg)
        put(self, "read", _absolutes("read", self.read))
        put(self, "write", _absolutes("write", self.write))
        put(self, "programs", tuple(self.programs))
        put(self, "env", tuple(sorted(_checked_env(self.env).items())))
        if not self.tier.may_grant:
            self._refuse_grants()
        names = [program.name for program in self.programs]
        if len(set(names)) != len(names):
            msg = f"each program of a policy has a name of its own: {names}"
            raise PolicyError(msg)

    def _refuse_grants(self) -> None:
        """Below elevated there is nothing to write to or to start."""
        for right, given in (("write", self.write), ("programs", self.programs)):
            if given:
                msg = (
                    f"tier {self.tier} cannot carry the right {right!r}; "
                    "use tier elevated or admin"
                )
                raise PolicyError(msg)

    @classmethod
    def for_tier(
        cls,
        tier: Tier | str,
        *,
        limits: Limits | None = None,
        read: Sequence[str] = (),
        write: Sequence[str] = (),
        programs: Sequence[Program] = (),
        env: Sequence[tuple[str, str]] | Mapping[str, str] = (),
    ) -> Policy:
        """The policy of `tier` with these grants; `limits` replaces its own.

        Raises:
            PolicyError: As the class does.
        """
        pairs = env.items() if isinstance(env, Mapping) else env
        wanted = Tier(tier)
        if wanted is Tier.SYSTEM:
            msg = "tier system is not sandboxed: its code runs in the host process"
            raise PolicyError(msg)
        return cls(
            tier=wanted,
            limits=limits or Limits.for_tier(wanted),
            read=tuple(read),
            write=tuple(write),
            programs=tuple(programs),
            env=tuple(pairs),
        )

    @property
    def may_fork(self) -> bool:
        """Whether the worker may start processes at all."""
        return bool(self.programs)

    def describe(self) -> str:
        """The policy in a few lines for a person."""
        limits = self.limits
        counted = "processes" if self.may_fork else "threads"
        lines = [f"tier {self.tier}"]
        lines.append(
            f"limits: {limits.cpu_seconds:g} s CPU, {limits.wall_seconds:g} s a call, "
            f"{_size(limits.memory_bytes)} memory, {limits.processes} {counted}, "
            f"{limits.open_files} open files"
        )
        if self.tier.may_write:
            lines.append(f"scratch: {_size(limits.disk_bytes)}, {limits.inodes} files")
        else:
            lines.append("scratch: none, nothing can be written")
        lines += [f"may read {path}" for path in self.read]
        lines += [f"may write {path}" for path in self.write]
        lines += [f"may run {item.name} ({item.path})" for item in self.programs]
        lines += [f"environment: {name}" for name, _ in self.env]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """Plain data that `from_dict` reads back."""
        return {
            "tier": str(self.tier),
            "limits": asdict(self.limits),
            "read": list(self.read),
            "write": list(self.write),
            "programs": [
                {"name": item.name, "path": item.path, "read": list(item.read)}
                for item in self.programs
            ],
            "env": dict(self.env),
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
        limits = _mapping("limits", data["limits"])
        env = _mapping("env", data["env"])
        numbers: dict[str, float] = {}
        for name, value in limits.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                msg = f"limit {name} is a number, not {value!r}"
                raise PolicyError(msg)
            numbers[name] = value
        try:
            given = Limits(**numbers)  # type: ignore[arg-type]
        except TypeError as error:
            msg = f"limits: {error}"
            raise PolicyError(msg) from error
        return cls(
            tier=Tier(_text("tier", data["tier"])),
            limits=given,
            read=_texts("read", data["read"]),
            write=_texts("write", data["write"]),
            programs=_programs(data["programs"]),
            env=tuple((name, _text("env", value)) for name, value in env.items()),
        )


_KEYS = frozenset({"tier", "limits", "read", "write", "programs", "env"})


def _absolute(what: str, path: str) -> str:
    """`path` without ``.`` and ``//``, refused if relative or with ``..``."""
    text = os.fspath(path)
    if not text.startswith("/") or "\0" in text:
        msg = f"{what}: {text!r} is no absolute path"
        raise PolicyError(msg)
    if ".." in text.split("/"):
        msg = f"{what}: {text!r} goes up with '..'; name the folder itself"
        raise PolicyError(msg)
    return os.path.normpath(text)


def _absolutes(what: str, paths: Sequence[str]) -> tuple[str, ...]:
    """Each path once, in order."""
    if isinstance(paths, str):
        msg = f"{what} is a list of paths, not one text"
        raise PolicyError(msg)
    return tuple(dict.fromkeys(_absolute(what, path) for path in paths))


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
        env[name] = value
    return env


def _mapping(what: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        msg = f"{what} is a mapping, not {type(value).__name__}"
        raise PolicyError(msg)
    items = cast("Mapping[object, object]", value)
    return {_text(what, key): item for key, item in items.items()}


def _text(what: str, value: object) -> str:
    if not isinstance(value, str):
        msg = f"{what} holds text, not {value!r}"
        raise PolicyError(msg)
    return value


def _texts(what: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        msg = f"{what} is a list, not {type(value).__name__}"
        raise PolicyError(msg)
    items = cast("Sequence[object]", value)
    return tuple(_text(what, item) for item in items)


def _programs(value: object) -> tuple[Program, ...]:
    if not isinstance(value, list | tuple):
        msg = f"programs is a list, not {type(value).__name__}"
        raise PolicyError(msg)
    items = cast("Sequence[object]", value)
    found: list[Program] = []
    for item in items:
        entry = _mapping("programs", item)
        if set(entry) != {"name", "path", "read"}:
            msg = f"a program has name, path and read, not {sorted(entry)}"
            raise PolicyError(msg)
        name, path = _text("name", entry["name"]), _text("path", entry["path"])
        found.append(Program(name, path, _texts("read", entry["read"])))
    return tuple(found)


def _size(count: int) -> str:
    """`count` bytes in MiB where that is exact enough for a person."""
    mib = count / (1024 * 1024)
    return f"{mib:g} MiB" if mib >= 1 else f"{count} B"
