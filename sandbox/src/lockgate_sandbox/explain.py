"""A policy in words: what it lets a worker do, what not, and when it is ended.

Made by walking the policy's own fields; a test holds that each of them has words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from lockgate_sandbox._form.words import Subject
from lockgate_sandbox._spelling.amounts import size
from lockgate_sandbox.grants import Device, HostGrant, PathGrant

__all__ = [
    "PHRASED",
    "RIGHTS",
    "WORDS",
    "Explanation",
    "amount",
    "explain",
    "limit_phrase",
    "right_key",
    "right_phrase",
]

_ALWAYS = (
    "see or signal other processes, or read their memory or environment",
    "gain a right that it did not start with",
)
_PYTHON = (
    "read the interpreter's installation, the system's libraries, what it imports",
    "learn that a path exists, its size and its times: names are not hidden",
)


class Runnable(Protocol):
    """A program of a policy."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def read(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Explanation:
    """A policy in words. Each entry continues the sentence that its name begins.

    `may` and `may_not` are rights, `ended_at` the limits that stop it, `kept_to`
    what is cut or refused at a limit without ending it.
    """

    tier: str
    may: tuple[str, ...]
    may_not: tuple[str, ...]
    ended_at: tuple[str, ...]
    kept_to: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Plain data: the fields by name, lists of text."""
        return {
            field.name: value if isinstance(value, str) else list(value)
            for field in fields(self)
            for value in [getattr(self, field.name)]
        }

    def __str__(self) -> str:
        parts = [f"Tier {self.tier}."]
        for title, lines in (
            ("It may", self.may),
            ("It may not", self.may_not),
            ("It is ended when it uses more than", self.ended_at),
            ("It is kept to", self.kept_to),
        ):
            if lines:
                parts += ["", title, *(f"  - {line}" for line in lines)]
        return "\n".join(parts)


def explain(policy: Subject) -> Explanation:
    """`policy` in words, as it stands on this machine (what a granted path is)."""
    may = [
        right_phrase(name, item) for name in RIGHTS for item in getattr(policy, name)
    ]
    names = [field.name for field in fields(policy.limits)]
    told = {name: limit_phrase(policy, name) for name in names}
    ended = [text for name, text in told.items() if text and name in _ENDING]
    kept = [text for name, text in told.items() if text and name not in _ENDING]
    return Explanation(
        tier=str(policy.tier),
        may=(*may, *_scratch(policy), *_believed(policy), *_PYTHON),
        may_not=(*_refusals(policy), *_ALWAYS),
        ended_at=tuple(ended),
        kept_to=(*kept, *_together(policy)),
    )


def _place(path: str) -> str:
    if Path(path).is_dir():
        return f"{path} and everything below"
    return path if os.path.lexists(path) else f"{path} (which is not there now)"


WORDS: dict[str, str] = {
    "read": "read {}",
    "write": "read and change {}",
    "programs": "run {}, under the same seal",
    "hosts": "reach, through the broker, {}",
    "files": "have the broker open, to {}",
    "devices": "use, through the broker, the device {}",
    "tools": "have the host run {}, in its own sandbox",
    "secrets": "know the secret {}",
    "env": "see the environment variable {}",
}
"""What each right lets code do, said of a subject: the words of all explanations."""


def _read(path: str) -> str:
    return WORDS["read"].format(_place(path))


def _write(path: str) -> str:
    return WORDS["write"].format(_place(path))


def _program(program: Runnable) -> str:
    text = WORDS["programs"].format(f"{program.name} ({program.path})")
    return text + "".join(f"; with it read {_place(path)}" for path in program.read)


def _tool(program: Runnable) -> str:
    return WORDS["tools"].format(f"{program.name} ({program.path})")


def _variable(pair: tuple[str, str]) -> str:
    return WORDS["env"].format(pair[0])


def _secret(name: str) -> str:
    return WORDS["secrets"].format(name)


def _host(host: HostGrant) -> str:
    return WORDS["hosts"].format(host.describe())


def _file(path: PathGrant) -> str:
    return WORDS["files"].format(f"{path.describe()}, and all below it")


def _device(device: Device) -> str:
    return WORDS["devices"].format(device.describe())


RIGHTS: dict[str, Callable[..., str]] = {
    "read": _read,
    "write": _write,
    "programs": _program,
    "hosts": _host,
    "files": _file,
    "devices": _device,
    "tools": _tool,
    "secrets": _secret,
    "env": _variable,
}
"""The fields of a policy that grant something, with the words for one grant."""


def right_phrase(name: str, item: object) -> str:
    """What the grant `item` in the field `name` lets a worker do."""
    return RIGHTS[name](item)


def right_key(name: str, item: Any) -> object:
    """What makes a grant the same one, whatever is granted to it."""
    if name == "hosts":
        return item.origin, item.paths, item.methods
    if name == "files":
        return item.path
    if name in ("programs", "tools", "devices"):
        return item.name
    return item[0] if name == "env" else item


def _scratch(policy: Subject) -> Iterator[str]:
    limits = policy.limits
    if policy.tier.may_write and limits.disk_bytes and limits.inodes:
        size = amount("disk_bytes", limits.disk_bytes)
        yield (
            f"fill a scratch folder of its own with {size} in {limits.inodes:,} files, "
            "which vanishes with it"
        )


def _believed(policy: Subject) -> Iterator[str]:
    if any(host.bytes_only for host in policy.hosts):
        yield "read which certificate authorities this machine believes"


def _refusals(policy: Subject) -> Iterator[str]:
    if not policy.tier.may_write and not policy.write:
        yield "write, create, rename or delete any file"
    else:
        yield "write, create, rename or delete any file elsewhere"
    yield "read any other file, or list any other folder"
    if policy.hosts:
        yield "open a socket itself: the broker connects, to what is named above"
    else:
        yield "open any socket: no network, and no service of this machine"
    if not policy.may_fork:
        yield "start a program or a process"
    elif policy.programs:
        yield "start a program that is not named above"
    if not policy.env:
        yield "see your environment variables"


def _together(policy: Subject) -> Iterator[str]:
    if policy.hosts:
        size = amount("total_bytes", policy.total.bytes)
        yield f"{size} and {policy.total.requests:,} requests to all hosts together"


def amount(name: str, value: float | None) -> str:
    """The limit `name` of `value` with its unit."""
    if value is None:
        return "no limit"
    if name == "cpu_share":
        return f"{value:g} of a core"
    if name.endswith("seconds"):
        return f"{value:,g} s"
    if not name.endswith("bytes"):
        return f"{int(value):,}" if value == int(value) else f"{value:g}"
    return size(value)


_ENDING = ("cpu_seconds", "wall_seconds", "memory_bytes")
_LIMITS = {
    "cpu_seconds": "{} of CPU time in its life",
    "wall_seconds": "{} on the clock in one call",
    "memory_bytes": "{} of memory, shared memory included",
    "open_files": "{} open files",
    "file_bytes": "{} in one file",
    "disk_bytes": "{} in its scratch folder",
    "inodes": "{} files and folders in its scratch folder",
    "cpu_share": "{} at a time",
    "gpu_memory_bytes": "{} of a granted GPU's memory",
    "output_bytes": "{} of kept output in one call",
    "message_bytes": "{} in one message to or from its host",
}


def limit_phrase(policy: Subject, name: str) -> str:
    """What the limit `name` allows; empty where there is nothing to limit."""
    value = getattr(policy.limits, name)
    if name in ("file_bytes", "disk_bytes", "inodes") and not value:
        return ""
    if value is None:
        return ""
    if name == "processes":
        noun = "processes and threads" if policy.may_fork else "threads"
        return f"{value:,} {noun}"
    phrase = _LIMITS.get(name, f"{name.replace('_', ' ')}: {{}}")
    return phrase.format(amount(name, value))


PHRASED = frozenset({*RIGHTS, *_LIMITS, "processes", "tier", "limits", "total"})
"""Fields of `Policy` and `Limits` with a phrase of their own."""
