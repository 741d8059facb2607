"""The paths of one policy, each looked up once: what is told to the kernel is that."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lockgate_sandbox._spelling.written import WRITTEN, owners_place

if TYPE_CHECKING:
    from lockgate_sandbox.policy import Policy

__all__ = ["Places"]


class Places:
    """Where the paths of `policy` and the import folders `path` lead.

    Without `follow`, what the policy may read and write was looked up before, by
    whoever granted it: a link in it now is a stranger's.

    Raises:
        PolicyError: If a path leads through a link that a worker may have made.
    """

    def __init__(self, policy: Policy, path: Sequence[str], *, follow: bool) -> None:
        self._follow = follow
        self._real: dict[str, str] = {}
        self.identities: dict[str, tuple[int, int]] = {}
        """Which file each was: (device, inode), by its path without links."""
        self.write = self._granted("write", policy.write)
        WRITTEN.note(self.write)
        self.read = self._granted("read", policy.read)
        self.path = [self._place("import folder", item) for item in path]
        self.programs = [self._place("program", item.path) for item in policy.programs]
        self.program_files = [
            real
            for item in policy.programs
            for real in self._granted("program read", item.read)
        ]

    def _granted(self, what: str, paths: Sequence[str]) -> list[str]:
        if self._follow:
            return [self._place(what, item) for item in paths]
        return [self._identified(item) for item in paths]

    def _place(self, what: str, path: str) -> str:
        real = self._real.get(path)
        if real is None:
            real = self._real[path] = self._identified(owners_place(what, path))
        return real

    def _identified(self, real: str) -> str:
        # A worker's /proc may be another one; nobody puts a link there.
        if real in self.identities or real == "/proc" or real.startswith("/proc/"):
            return real
        try:
            # Were the way there swapped at this moment, the file that is opened by it
            # without following links would be another one.
            found = os.lstat(real)
        except OSError:
            self.identities[real] = 0, 0  # nothing is: what comes later is not meant
        else:
            self.identities[real] = found.st_dev, found.st_ino
        return real
