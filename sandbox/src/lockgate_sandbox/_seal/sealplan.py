"""What a sealed child has to do, as plain data.

Made by the host (`_seal.plan`), carried out by the child (`_seal.steps`), and so
without an import of either.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SealPlan"]


class SealPlan:
    """What a child has to do, as data; made by `prepare`, used once or often.

    Attributes:
        tier: The tier's name.
        modes: Mode of each layer.
        abi: The Landlock ABI to use, 0 without.
        rules: (path, Landlock rights) pairs; the paths hold no link.
        identities: Which file a granted path was, (device, inode); where it is another
            one by now, nothing is granted.
        path: The worker's import folders.
        reach: (path, access) pairs that a uid of the worker's own must be able
            to use; without symbolic links.
        filters: Seccomp program and process-id slots, for a worker with a uid
            of its own and for one that shares its uid with others; the programs by
            which a warden counts, by the names of their files; as ``worker`` what
            the workers of a zygote with this plan add.
        limits: (resource, soft, hard) triples.
        processes: The process limit.
        may_fork: Whether it may start processes.
        programs: Whether the policy has programs.
        tree_bytes: What all processes below a warden may hold, if that is more
            than one of them may; else 0.
        uids: (first, count) of the ids to take one from, or None.
        hides: Whether /proc would hide a worker that can't be traced from its host.
        user_namespace: Whether user namespaces are permitted here.
        scratch: (folder, bytes, inodes) or None.
        cgroup: Folders of the control group to join.
        cgroup_controllers: What that group limits.
        cpu_share: Cores that the tree may keep busy, or None.
        gpu_memory: Bytes of a GPU's memory, or None: then no limit is asked for, or
            no GPU can be reached.
    """

    __slots__ = (
        "abi",
        "cgroup",
        "cgroup_controllers",
        "cpu_share",
        "filters",
        "gpu_memory",
        "hides",
        "identities",
        "limits",
        "may_fork",
        "modes",
        "path",
        "processes",
        "programs",
        "reach",
        "reasons",
        "rules",
        "scratch",
        "tier",
        "tree_bytes",
        "uids",
        "user_namespace",
    )

    tier: str
    modes: dict[str, str]
    abi: int
    path: list[str]
    rules: list[tuple[str, int]]
    identities: dict[str, tuple[int, int]]
    reach: list[tuple[str, int]]
    filters: dict[str, tuple[bytes, list[int]]]
    limits: list[tuple[int, int, int]]
    processes: int
    may_fork: bool
    programs: bool
    tree_bytes: int
    uids: tuple[int, int] | None
    user_namespace: bool
    scratch: tuple[str, int, int] | None
    cgroup: list[str]
    cgroup_controllers: list[str]
    cpu_share: float | None
    gpu_memory: int | None
    hides: bool
    reasons: dict[str, str]

    def __init__(self, **fields: object) -> None:
        for name in self.__slots__:
            setattr(self, name, fields[name])

    @property
    def counted(self) -> bool:
        """Whether a warden counts for it what the kernel does not bound."""
        return any(name.startswith("count-") for name in self.filters)

    def to_data(self) -> dict[str, object]:
        """The plan as plain data: lists, dicts, text, numbers and bytes."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> SealPlan:
        """The inverse of `to_data`; tuples may have become lists on the way.

        Raises:
            KeyError: If a field is missing. The data comes from our own host.
        """
        return cls(**data)
