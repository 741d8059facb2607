"""What an attack is: its code, and which layers each hold it alone.

An attack's code runs in a sealed child with `host` (what there is to attack),
`scratch`, `syscall` and `raw_syscall`. It succeeds if it sets `result` to
something true. `held_by` names layers that each stop it without the others; with
all of them off it must succeed, or else end with `otherwise`, the errno that shows
that the call got past the layers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["RUNGS", "Attack", "calls", "opens"]

RUNGS = ("read-only", "basic", "elevated", "admin", "programs")
"""The tiers, and elevated with a program: the only one that may start processes."""


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
    otherwise: tuple[str, ...] = ()
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
