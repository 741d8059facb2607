"""The host's half of enforcement: what is possible here, and what to do.

Nothing of this is imported by a zygote or a worker: a `SealPlan` reaches them
as plain data.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lockgate_sandbox._seal.authorities import authorities
from lockgate_sandbox._seal.filters import filters
from lockgate_sandbox._seal.fresh import ask_kernel
from lockgate_sandbox._seal.places import Places
from lockgate_sandbox._seal.sealplan import SealPlan
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.layers import Modes, by_default
from lockgate_sandbox.linux import cgroup, credentials, gpu, landlock, rlimits

if TYPE_CHECKING:
    from lockgate_sandbox.layers import LayerModes, Layers, Mode
    from lockgate_sandbox.policy import Policy
    from lockgate_sandbox.tiers import Tier

__all__ = [
    "Capabilities",
    "interpreter_paths",
    "modes_at",
    "open_group",
    "prepare",
    "probe",
]

_WORKERS_LIMIT = 1_024
"""Processes that a zygote of an environment may have beyond those of one worker."""

_MEMORY_FACTOR = 4
"""How many times a worker's memory the workers of one environment may hold."""

_LIBRARY_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")

# Read by the loader, the C library and the standard library in passing.
_COMMON_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo")
_READ_DEVICES = ("/dev/urandom", "/dev/random")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What can be enforced here, each found by enforcing it in a child.

    `reasons` holds, for each facility, an empty text or why it can't be had:
    ``landlock``, ``seccomp``, ``user_namespace``, ``mount_namespace``,
    ``own_uid``, ``sight_of_workers``, ``cgroup``, ``cpu_share``, ``gpu_memory``.
    `cgroup_parents` are (controller, folder) pairs.
    """

    machine: str
    kernel: str
    uid: int
    landlock_abi: int
    cgroup_parents: tuple[tuple[str, str], ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict[str, str])

    def can(self, facility: str) -> bool:
        """Whether `facility` (a key of `reasons`) works here."""
        return not self.reasons.get(facility, "not tried")

    def to_dict(self) -> dict[str, object]:
        """Plain data, for ``doctor`` and its JSON."""
        return {
            "machine": self.machine,
            "kernel": self.kernel,
            "uid": self.uid,
            "landlock_abi": self.landlock_abi,
            "cgroup_parents": [list(pair) for pair in self.cgroup_parents],
            "reasons": dict(self.reasons),
        }


@functools.cache
def probe() -> Capabilities:
    """Try every facility in children of a fresh process; some 50 ms, once.

    Raises:
        StartError: If that process fails.
    """
    found = ask_kernel("probe", "find_all")
    parents = cast("list[list[str]]", found["cgroup_parents"])
    return Capabilities(
        machine=str(found["machine"]),
        kernel=str(found["kernel"]),
        uid=cast("int", found["uid"]),
        landlock_abi=cast("int", found["landlock_abi"]),
        cgroup_parents=tuple((pair[0], pair[1]) for pair in parents),
        reasons=cast("dict[str, str]", found["reasons"]),
    )


def modes_at(
    tier: Tier, asked: LayerModes, capabilities: Capabilities
) -> dict[str, Mode]:
    """The mode of each layer at `tier` on this machine, with what is `asked` for it."""
    grouped = any(name == "memory" for name, _ in capabilities.cgroup_parents)
    return {**by_default(tier, grouped=grouped), **asked}


@functools.cache
def interpreter_paths() -> tuple[str, ...]:
    """Folders and files that the running interpreter needs to go on importing."""
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    base |= {"installed_base": sys.base_prefix}
    base |= {"installed_platbase": sys.base_exec_prefix}
    found = [
        sysconfig.get_path("stdlib", vars=base),
        sysconfig.get_path("platstdlib", vars=base),
        str(Path(sys.base_exec_prefix) / "lib"),
        str(Path(sys.executable).resolve()),
    ]
    return tuple(dict.fromkeys(path for path in found if Path(path).exists()))


@functools.cache
def _library_paths() -> tuple[str, ...]:
    """The interpreter's and the system's library folders, each once.

    A rule costs the child some 10 us, so links (/lib to /usr/lib) and folders
    below another one are left out.
    """
    wanted = (*interpreter_paths(), *_LIBRARY_FOLDERS)
    real = sorted({os.path.realpath(path) for path in wanted if Path(path).exists()})
    return tuple(
        path for path in real if not any(path.startswith(f"{above}/") for above in real)
    )


@functools.cache
def _common_paths() -> tuple[str, ...]:
    """What everything reads in passing, without links."""
    return tuple(map(os.path.realpath, (*_COMMON_FILES, *_READ_DEVICES)))


@functools.cache
def _own_paths() -> tuple[str, ...]:
    """`interpreter_paths` without links."""
    return tuple(map(os.path.realpath, interpreter_paths()))


def open_group(
    policy: Policy, capabilities: Capabilities, *, preloading: bool = False
) -> cgroup.Group | None:
    """A control group with the limits of `policy`; None where none can be had.

    One process alone is bounded well enough by its rlimits, and a group takes
    longer to make than the worker: it gets one only for what it asks for.

    `preloading`: with those of all the workers of one environment.

    The caller owns it: close it when the last process is gone.

    Raises:
        OSError: If the kernel refuses although the probe succeeded.
    """
    limits, gpu_memory = policy.limits, _gpu_memory(policy)
    tree = policy.may_fork or preloading
    wanted: set[str] = {*cgroup.CONTROLLERS} if tree else set()
    if limits.cpu_share is not None:
        wanted.add("cpu")
    if gpu_memory is not None:
        wanted.add("dmem")
    parents = [pair for pair in capabilities.cgroup_parents if pair[0] in wanted]
    if not parents:
        return None
    bounds = cgroup.Bounds(
        processes=_processes(policy, preloading),
        memory_bytes=limits.memory_bytes * (_MEMORY_FACTOR if preloading else 1),
        cpu_share=limits.cpu_share,
        gpu_memory_bytes=gpu_memory,
    )
    return cgroup.open_group(parents, bounds)


def _gpu_memory(policy: Policy) -> int | None:
    """The limit that is asked for, if a GPU can be reached at all."""
    rights = [*policy.read, *policy.write, *(item.path for item in policy.devices)]
    return policy.limits.gpu_memory_bytes if gpu.reaches_gpu(rights) else None


def _processes(policy: Policy, preloading: bool) -> int:
    return policy.limits.processes + (_WORKERS_LIMIT if preloading else 0)


def prepare(
    policy: Policy,
    modes: Modes | Layers | None = None,
    *,
    path: Sequence[str] = (),
    scratch: str | None = None,
    group: cgroup.Group | None = None,
    capabilities: Capabilities | None = None,
    abi: int | None = None,
    preloading: bool = False,
    follow_links: bool = True,
) -> SealPlan:
    """The plan that `policy` means on this machine.

    `preloading`: for a zygote that workers of this policy are forked from.

    `path` are the worker's import folders, `scratch` an existing folder that it
    may fill, `group` a control group to join. `modes` changes the mode of some
    layers. `abi` pretends an older Landlock than the machine has. Without
    `follow_links` what is granted for reading and writing holds no link.

    Raises:
        PolicyError: If a mode names an unknown layer or an unknown mode, or a
            path is not absolute or leads through a link that a worker may have made.
        StartError: If the machine cannot be probed.
    """
    found = capabilities or probe()
    asked = modes if isinstance(modes, Modes) else Modes(modes)
    chosen = modes_at(policy.tier, asked.at(policy.tier), found)
    levels = [found.landlock_abi, landlock.NEWEST_ABI, *([] if abi is None else [abi])]
    level = min(levels)
    _check_absolute([*path, *([scratch] if scratch else [])])
    places = Places(policy, path, follow=follow_links)
    reach = _reach(places)
    counts_files = scratch is not None and not _has_sized_scratch(found, chosen)
    # Workers of one environment share a group, which counts none of them alone.
    counted = group is not None and "memory" in group.controllers
    return SealPlan(
        tier=str(policy.tier),
        modes=dict(chosen),
        abi=level,
        path=list(path),
        rules=_rules(places, scratch, tls=any(one.bytes_only for one in policy.hosts)),
        identities=places.identities,
        reach=reach,
        filters=filters(
            policy,
            found.machine,
            level,
            writes=scratch is not None,
            counts_files=counts_files,
            counts_threads=not _counts_apart(found, chosen, reach),
            shares=counted and not preloading,
            preloading=preloading,
        )
        if found.can("seccomp")
        else {},
        cgroup=list(group.folders) if group else [],
        cgroup_controllers=list(group.controllers) if group else [],
        **_bounds(policy, scratch, preloading),
        **_facilities(found),
    )


def _check_absolute(folders: Iterable[str]) -> None:
    for folder in folders:
        if not folder.startswith("/"):
            msg = f"an import or scratch folder is absolute: {folder!r}"
            raise PolicyError(msg)


def _bounds(policy: Policy, scratch: str | None, preloading: bool) -> dict[str, object]:
    """How much the worker may have, and whether it may start processes."""
    limits = policy.limits
    return {
        "limits": rlimits.values(asdict(limits)),
        "processes": _processes(policy, preloading),
        "tree_bytes": limits.memory_bytes * _MEMORY_FACTOR if preloading else 0,
        "may_fork": policy.may_fork or preloading,
        "programs": policy.may_fork,
        "scratch": (scratch, limits.disk_bytes, limits.inodes) if scratch else None,
        "cpu_share": limits.cpu_share,
        "gpu_memory": _gpu_memory(policy),
    }


def _facilities(found: Capabilities) -> dict[str, object]:
    """What the child may use of this machine, and why it may not use the rest."""
    return {
        "uids": credentials.own_uid_range() if found.can("own_uid") else None,
        "user_namespace": found.can("user_namespace"),
        "hides": bool(found.reasons.get("sight_of_workers")),
        "reasons": dict(found.reasons),
    }


def _has_sized_scratch(found: Capabilities, modes: Mapping[str, str]) -> bool:
    """Whether a scratch folder can be a tmpfs of its own here, or need not be."""
    if modes.get("scratch") == "off":
        return True
    return found.can("mount_namespace") and modes.get("mount-namespace") != "off"


def _counts_apart(
    found: Capabilities, modes: Mapping[str, str], reach: Sequence[tuple[str, int]]
) -> bool:
    """Whether the kernel can count a worker's threads apart, or nobody need to."""
    if modes.get("process-limit") == "off":
        return True
    if found.uid != 0:
        return found.can("user_namespace") and modes.get("user-namespace") != "off"
    # What other users may not use keeps it at uid 0, which no limit counts.
    own_uid = found.can("own_uid") and modes.get("uid") != "off"
    return own_uid and all(_is_open(path, access) for path, access in reach)


def _is_open(path: str, access: int) -> bool:
    """Whether its mode lets every user do that, whatever stands above it."""
    try:
        return os.stat(path).st_mode & access == access  # noqa: PTH116 - often
    except OSError:
        return True  # nothing to be used, as far as the worker will see


def _reach(places: Places) -> list[tuple[str, int]]:
    """What a uid of the worker's own must be able to use, and how."""
    wanted = dict.fromkeys((*_own_paths(), *places.path, *places.read), os.R_OK)
    wanted |= dict.fromkeys(places.write, os.R_OK | os.W_OK)
    wanted |= dict.fromkeys(places.programs, os.R_OK | os.X_OK)
    wanted |= dict.fromkeys(places.program_files, os.R_OK)
    return [
        # Not by pathlib, which raises where a neighbour has closed a folder on the way.
        (real, access | (os.X_OK if os.path.isdir(real) else 0))  # noqa: PTH112
        for real, access in wanted.items()
    ]


def _rules(places: Places, scratch: str | None, *, tls: bool) -> list[tuple[str, int]]:
    """The Landlock rules: rights of one path are joined, the order is kept.

    `tls`: it speaks to hosts by itself, and has to know whom to believe.
    """
    joined: dict[str, int] = {}

    def allow(paths: Iterable[str], rights: int) -> None:
        for item in paths:
            joined[item] = joined.get(item, 0) | rights

    libraries = landlock.READ
    if places.programs:
        # Starting a program means executing its loader, and a script's
        # interpreter; what they may do is bounded by this very seal.
        libraries |= landlock.EXECUTE
        allow(["/dev/zero"], landlock.READ)
    allow(_library_paths(), libraries)
    allow((*_common_paths(), *places.path, *places.read), landlock.READ)
    allow(authorities() if tls else (), landlock.READ)
    allow(["/dev/null"], landlock.DEVICE)
    allow(places.write, landlock.WRITE)
    allow((*places.programs, *places.program_files), landlock.READ | landlock.EXECUTE)
    if scratch:
        extra = landlock.EXECUTE if places.programs else 0
        allow([scratch], landlock.WRITE | extra)
    return list(joined.items())
