"""How a run is given more of a limit that it has reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import argparse

    from lockgate_sandbox.errors import SandboxError
    from lockgate_sandbox.policy import Policy

__all__ = ["more_of"]


class _Way(NamedTuple):
    option: str
    value: str
    limit: str


_WAYS = {
    "cpu-limit": _Way("--cpu", "SECONDS", "cpu_seconds"),
    "wall-limit": _Way("--wall", "SECONDS", "wall_seconds"),
    "memory-limit": _Way("--memory", "SIZE, like 512M", "memory_bytes"),
    "process-limit": _Way("--pids", "NUMBER", "processes"),
    "descriptor-limit": _Way("--files", "NUMBER", "open_files"),
    "file-size-limit": _Way("--file-size", "SIZE, like 64M", "file_bytes"),
    "disk-limit": _Way("--disk", "SIZE, like 256M", "disk_bytes"),
    "inode-limit": _Way("--inodes", "NUMBER", "inodes"),
}


def more_of(error: SandboxError, policy: Policy, args: argparse.Namespace) -> str:
    """What gives more of the limit that `error` tells of; empty if it is none.

    `args` are the options that `policy` was made of.
    """
    way = _WAYS.get(error.code)
    if way is None:
        return ""
    limits = policy.limits
    if way.limit == "file_bytes" and limits.disk_bytes <= limits.file_bytes:
        way = _WAYS["disk-limit"]  # a file is as large as its folder at most
    if args.policy:
        asked = getattr(args, way.option[2:].replace("-", "_"))
        # An option that asks for more than the file's was none: `_options._from_file`.
        if asked is None or asked > getattr(limits, way.limit):
            least = f"{way.option} can only give less than the file does"
            return f'raise "{way.limit}" in {args.policy}: {least}'
    return f"give it more with {way.option} {way.value}"
