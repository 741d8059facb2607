"""Who descends from whom, as a host sees that may look into none of them."""

from __future__ import annotations

import contextlib
from pathlib import Path

__all__ = ["below", "told_of"]


def below(top: int) -> list[int]:
    """All that descends from a process, which need not be readable to the host."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            for parent in told_of(int(path.name), "PPid"):
                parents.setdefault(int(parent), []).append(int(path.name))
    found = list(parents.get(top, []))
    for pid in found:
        found += parents.get(pid, [])
    return found


def told_of(pid: int, field: str) -> list[str]:
    """The words of a line of a process's status; none if it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return line.split()[1:]
    return []
