"""What a child needs before its job, as the host writes it in a memory file.

``plan`` is what it is sealed by, ``env`` its whole environment, ``cwd`` the folder
to be in, ``scratch`` the one to write to or None, ``limit`` that of a frame.

What many workers share has a number, under which the zygote keeps it: decoded
once, with its Landlock ruleset built once, which is two fifths of a seal. A ruleset
names files as they were, so every use looks whether the paths lead to the same ones.
"""

# Looked at for each worker: no pathlib.

from __future__ import annotations

import os

from msgspec import msgpack

from lockgate_sandbox._enforce import SealPlan, open_ruleset
from lockgate_sandbox.linux import namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Prepared", "Shelf", "read"]

_PLANS_LIMIT = 64

_decode = msgpack.Decoder().decode


def read(fd: int) -> tuple[SealPlan, dict[str, Any]]:
    """Plan and settings in the memory file `fd`."""
    settings = _decode(os.pread(fd, os.fstat(fd).st_size, 0))
    return SealPlan.from_data(settings["plan"]), settings


class Prepared:
    """What many children share; `ruleset` is -1 where each builds its own."""

    __slots__ = ("_files", "_paths", "plan", "ruleset", "settings")

    def __init__(self, plan: SealPlan, settings: dict[str, Any]) -> None:
        self.plan = plan
        self.settings = settings
        self._paths = [path for path, _ in plan.rules]
        self._files = _identities(self._paths)
        self.ruleset = -1
        # A child that mounts something must find it before it makes rules.
        if not (plan.scratch or namespaces.hides(self._paths) or not plan.abi):
            try:
                self.ruleset = open_ruleset(plan)
            except OSError:  # then the child tries, and tells what is wrong
                self.ruleset = -1

    def is_current(self) -> bool:
        """Whether the paths of the plan still are what its ruleset was made of."""
        return _identities(self._paths) == self._files

    def close(self) -> None:
        """Close the ruleset; children have copies."""
        if self.ruleset >= 0:
            os.close(self.ruleset)
            self.ruleset = -1


def _identities(paths: Sequence[str]) -> list[tuple[int, int, int, int] | None]:
    found: list[tuple[int, int, int, int] | None] = []
    for path in paths:
        try:
            info = namespaces.stat_hidden(path)
        except OSError:
            found.append(None)
        else:
            found.append((info.st_dev, info.st_ino, info.st_mode, info.st_uid))
    return found


class Shelf:
    """What one host's children share, by its numbers."""

    def __init__(self) -> None:
        self._plans: dict[int, Prepared] = {}

    def get(self, number: int, fd: int) -> Prepared:
        """What has that number, read from `fd` where it is not known or stale."""
        found = self._plans.get(number)
        if found is not None and found.is_current():
            return found
        if found is not None:
            self._plans.pop(number).close()
        while len(self._plans) >= _PLANS_LIMIT:
            self._plans.pop(next(iter(self._plans))).close()
        made = self._plans[number] = Prepared(*read(fd))
        return made
