"""Where control groups can be made: by trying, and after a killed host by sweeping."""

# pathlib would cost more than all of this module.
# ruff: noqa: PTH106, PTH110, PTH116, PTH118, PTH208

from __future__ import annotations

import os
import time

from lockgate_sandbox.linux._libc import reason
from lockgate_sandbox.linux.cgroup import (
    CONTROLLERS,
    Bounds,
    lines_of,
    open_group,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockgate_sandbox.linux.cgroup import Parent

__all__ = ["find_parents"]

_STALE_SECONDS = 60.0

_TRIAL = Bounds(
    processes=4, memory_bytes=1 << 24, cpu_share=0.5, gpu_memory_bytes=1 << 24
)


def find_parents(
    controllers: Sequence[str] = CONTROLLERS,
) -> tuple[list[Parent], str]:
    """(controller, folder) pairs under which groups can be made, and why not all.

    Each folder was tried: a group was made in it, limited and removed.
    """
    found: list[Parent] = []
    reasons: list[str] = []
    for controller in controllers:
        why = f"no {controller} controller is mounted"
        for folder in _candidates(controller):
            _sweep(folder)
            why = _try_parent(controller, folder)
            if not why:
                found.append((controller, folder))
                break
        if why:
            reasons.append(f"{controller}: {why}")
    return found, "; ".join(reasons)


def _candidates(controller: str) -> list[str]:
    """The caller's own group for `controller`, then its parents, nearest first."""
    own: dict[str, str] = {}
    for line in lines_of("/proc/self/cgroup"):
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            own[name] = path
    for line in lines_of("/proc/self/mountinfo"):
        fields = line.split(" ")
        after = fields[fields.index("-") + 1 :]
        root, point, kind = fields[3], fields[4], after[0]
        if kind == "cgroup" and controller in after[2].split(","):
            return _chain(point, root, own.get(controller, ""), controller, 1)
    for line in lines_of("/proc/self/mountinfo"):
        fields = line.split(" ")
        if fields[fields.index("-") + 1] == "cgroup2":
            return _chain(fields[4], fields[3], own.get("", ""), controller, 2)
    return []


def _chain(
    point: str, root: str, path: str, controller: str, version: int
) -> list[str]:
    """The folders from `path` (as /proc shows it) up to the mount point."""
    relative = path.removeprefix(root.rstrip("/")).strip("/")
    parts = relative.split("/") if relative and ".." not in relative else []
    found = [os.path.join(point, *parts[:end]) for end in range(len(parts), -1, -1)]
    if version == 1:
        # Above its own group a version 1 process would leave its own limits.
        return found[:1]
    return [
        folder
        for folder in found
        if controller in " ".join(lines_of(f"{folder}/cgroup.subtree_control")).split()
    ]


def _sweep(folder: str) -> None:
    """Remove the groups that a killed host has left in `folder`.

    Not the young ones: a host of another process-id namespace may have made one
    and looks as dead as a killed one.
    """
    since = time.time() - _STALE_SECONDS
    for name in _names(folder):
        parts = name.split("-")
        if parts[0] != "lockgate" or len(parts) != 3 or not parts[1].isdigit():
            continue
        path = os.path.join(folder, name)
        try:
            if os.stat(path).st_mtime < since and not os.path.exists(
                f"/proc/{parts[1]}"
            ):
                os.rmdir(path)
        except OSError:  # in use after all, or gone
            continue


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _try_parent(controller: str, folder: str) -> str:
    """An empty text if a limited group can be made in `folder`, else why not."""
    try:
        group = open_group([(controller, folder)], _TRIAL)
    except OSError as error:
        return reason(error)
    group.close()
    return ""
