"""Which seccomp programs a sealed process may need, made by the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate_sandbox import policies

if TYPE_CHECKING:
    from lockgate_sandbox.policy import Policy

__all__ = ["filters"]


def filters(
    policy: Policy,
    machine: str,
    abi: int,
    *,
    writes: bool,
    counts_files: bool,
    counts_threads: bool,
    shares: bool,
    preloading: bool,
) -> dict[str, tuple[bytes, list[int]]]:
    """The seccomp programs of a plan, by use.

    For a worker that `writes` files, whose files or threads a warden counts, or that
    `shares` memory; `preloading`: for a zygote that workers of it are forked from.
    """
    programs: dict[str, tuple[bytes, list[int]]] = {}
    # Modes and times may change only where the worker's files are the only
    # files of its uid.
    for name, metadata in (("own-uid", writes), ("shared-uid", False)):
        names = policies.select(
            may_fork=policy.may_fork,
            metadata=metadata,
            abi=abi,
            writes=writes,
            devices=bool(policy.devices),
            preloading=preloading,
            shared_memory=shares,
        )
        built = policies.build(names, machine)
        programs[name] = (built.code, list(built.pid_slots))
    if preloading:
        names = ("no-sealing", *(() if policy.may_fork else ("no-programs",)))
        own = policies.build(names, machine)
        programs["worker"] = (own.code, list(own.pid_slots))
    return programs | _counting(
        machine,
        starts=policy.may_fork or preloading or counts_threads,
        files=counts_files,
    )


def _counting(
    machine: str, *, starts: bool, files: bool
) -> dict[str, tuple[bytes, list[int]]]:
    """The programs by which a warden counts, by what they count.

    Who counts files may count threads as well, where nothing else does.
    """
    starting, making = policies.COUNTING
    programs: dict[str, tuple[bytes, list[int]]] = {}
    for names, wanted in (
        ((starting,), starts),
        ((making,), files),
        ((starting, making), files),
    ):
        if wanted:
            counting = policies.build(names, machine)
            programs["+".join(names)] = (counting.code, [])
    return programs
