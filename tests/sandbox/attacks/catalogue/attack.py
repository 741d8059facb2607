"""What an attack is: its code, and which layers each hold it alone.

An attack's code runs in a sealed child with `host` (what there is to attack),
`scratch`, `syscall` and `raw_syscall`. It succeeds if it sets `result` to
something true. `held_by` names layers that each stop it without the others.

How well that is shown differs, and the data says it:

- with all of its layers off it has its effect, as most have;
- or it would do harm that nothing takes back, so it asks for what the kernel itself
  refuses, behind every layer: `answer` says with which errno, and why that errno can
  come from nowhere else;
- or this kernel has nothing that could be attacked so, and says one of `absent`. Then
  nothing is shown but that the first of its layers refuses it with its own word,
  `refusal`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import dedent, indent
from typing import Any, Literal

__all__ = ["DEVICE", "PAST", "RUNGS", "Answer", "Attack", "calls", "knocks", "opens"]

RUNGS = ("read-only", "basic", "elevated", "admin", "programs")
"""The tiers, and elevated with a program: the only one that may start processes."""

_REFUSALS = {"seccomp": "EPERM", "landlock": "EACCES", "scratch": "ENOSPC"}
"""What a layer says to most of what it holds."""

DEVICE: dict[str, Any] = {"tier": "elevated", "job": {"devices": ["/dev/null"]}}
"""For who has a device: of all controls only those are held that are no device's."""

PAST = "past its layers"
"""The result of an attack that the kernel's own code heard, and no more."""

_KNOCK = f"""
def knock(said, name, *args):
    # Ask for what the kernel refuses with one of `said`, whoever asks: any other
    # errno is a layer's, and the attack ends with it.
    global result
    import errno
    try:
        syscall(name, *args)
    except OSError as error:
        if errno.errorcode[error.errno] not in said.split():
            raise
    result = {PAST!r}
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """The kernel's own word, one of `errnos`, and why no layer can have said it."""

    why: str
    errnos: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    `tier` and `job` (grants, limits, a scratch folder) are what the layers are
    tried with one by one. `also_off` are layers that hold it on some machines only.
    At the rungs of `reach` it is no attack but a right: there it must succeed.
    `needs` (a path), `kernel` (from which it can work at all) and `machine` say
    where there is nothing to attack.
    """

    name: str
    code: str
    held_by: tuple[str, ...]
    root_held_by: tuple[str, ...] = ()
    user_held_by: tuple[str, ...] = ()
    also_off: tuple[str, ...] = ()
    answer: Answer | None = None
    absent: tuple[str, ...] = ()
    says: str = ""
    tier: str = "read-only"
    who: Literal["all", "root", "user"] = "all"
    status: int | None = None
    job: dict[str, Any] = field(default_factory=dict[str, Any])
    reach: tuple[str, ...] = ()
    needs: str = ""
    kernel: tuple[int, int] = (0, 0)
    machine: str = ""

    def layers(self, *, root: bool) -> tuple[str, ...]:
        """The layers that each hold it, for a root or an ordinary host."""
        return self.held_by + (self.root_held_by if root else self.user_held_by)

    @property
    def refusal(self) -> str:
        """The errno with which the first of its layers refuses it."""
        return self.says or _REFUSALS.get(self.held_by[0], "")

    @property
    def certain(self) -> bool:
        """Whether it has its effect on every kernel, with its layers off."""
        return self.answer is None and not self.absent


def calls(name: str, call: str, *args: str, **fields: Any) -> Attack:
    """An attack that is one system call, given by name and Python expressions.

    If nothing else is said seccomp holds it.
    """
    code = f"syscall({', '.join([repr(call), *args])}); result = True"
    return Attack(name, code, fields.pop("held_by", ("seccomp",)), **fields)


def opens(name: str, path: str, flags: str = "os.O_RDONLY", **fields: Any) -> Attack:
    """An attack that opens `path`, an f-string's text that may name `host`.

    If nothing else is said Landlock holds it.
    """
    code = f"import os; result = os.open(f{path!r}, {flags} | os.O_NONBLOCK) >= 0"
    return Attack(name, code, fields.pop("held_by", ("landlock",)), **fields)


def knocks(code: str) -> str:
    """Code that can `knock(said, name, *args)`, each attack as its first step.

    Where the effect takes steps that the same layers hold, so that the call itself
    would never be tried with them on. Once the kernel has answered, the attack is past
    its layers, whatever becomes of the rest.
    """
    body = indent(dedent(code).strip(), "    ")
    ends = "except OSError:\n    if 'result' not in globals():\n        raise"
    return f"{_KNOCK}\ntry:\n{body}\n{ends}\n"
