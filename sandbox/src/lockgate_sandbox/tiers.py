"""The permission levels and what each may use up.

A tier is a ceiling: it says which rights a policy may carry at all and which
limits hold when nobody asked for tighter ones. ``system`` stands at the end of
the order because it is the most trusted, but it has no limits and no policy:
such code runs in the host's own process.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, NoReturn

from lockgate_sandbox.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Limits", "Tier", "check_limit_names"]

_MIB = 1024 * 1024


class Tier(StrEnum):
    """The permission level, ordered from the least to the most trusted."""

    READ_ONLY = "read-only"
    BASIC = "basic"
    ELEVATED = "elevated"
    ADMIN = "admin"
    SYSTEM = "system"

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        known = ", ".join(tier.value for tier in cls)
        raise PolicyError(f"no such tier: {value!r}", hint=f"known: {known}")

    @property
    def rank(self) -> int:
        """The place in the order, from 0."""
        return _ORDER.index(self)

    @property
    def may_write(self) -> bool:
        """Whether the tier has a scratch folder at all."""
        return self is not Tier.READ_ONLY

    @property
    def may_grant(self) -> bool:
        """Whether paths, programs and the like may be granted at this tier."""
        return self.rank >= Tier.ELEVATED.rank

    # StrEnum compares as text; the order of trust is another one.
    def __lt__(self, other: str) -> bool:
        return self.rank < Tier(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Tier(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Tier(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Tier(other).rank


_ORDER = (Tier.READ_ONLY, Tier.BASIC, Tier.ELEVATED, Tier.ADMIN, Tier.SYSTEM)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker may use up before it is stopped.

    `cpu_seconds` and `memory_bytes` count over the worker's life,
    `wall_seconds` over one call. `processes` counts threads too, as the kernel
    does. `file_bytes` bounds one file, `disk_bytes` and `inodes` the whole
    scratch folder. `message_bytes` bounds one frame on the wire,
    `output_bytes` what is kept of standard output and error per call.

    `cpu_share` is how many cores the tree may keep busy (0.5 is half of one) and
    `gpu_memory_bytes` what it may hold of a granted GPU's memory; both are None
    where nobody asks for such a limit. They hold where control groups can be had;
    the posture says where not.

    Raises:
        PolicyError: If a limit is negative, or one that a worker cannot start
            without is zero.
    """

    cpu_seconds: float
    wall_seconds: float
    memory_bytes: int
    processes: int
    open_files: int
    file_bytes: int
    disk_bytes: int
    inodes: int
    output_bytes: int
    message_bytes: int
    cpu_share: float | None = None
    gpu_memory_bytes: int | None = None

    def __post_init__(self) -> None:
        values: dict[str, float | None] = asdict(self)
        for name, value in values.items():
            if value is None:
                if name in OPTIONAL:
                    continue
                msg = f"limit {name} must be a number"
                raise PolicyError(msg)
            if name == "cpu_share" and value < _LEAST_SHARE:
                msg = f"limit cpu_share must be at least {_LEAST_SHARE}, not {value!r}"
                raise PolicyError(msg)
            least = 0 if name in _MAY_BE_ZERO else 1
            if not least <= value < float("inf"):
                # Seconds may be fractions: anything above zero will do.
                if name.endswith(("_seconds", "_share")) and 0 < value < float("inf"):
                    continue
                msg = f"limit {name} must be at least {least}, not {value!r}"
                raise PolicyError(msg)

    @classmethod
    def for_tier(cls, tier: Tier | str) -> Limits:
        """The limits that hold at `tier` when nothing tighter is asked.

        Raises:
            PolicyError: If `tier` is ``system``, which has none.
        """
        wanted = Tier(tier)
        if wanted is Tier.SYSTEM:
            msg = "tier system has no limits: its code runs in the host process"
            raise PolicyError(msg)
        return _DEFAULTS[wanted]

    def tightened(self, other: Limits | Mapping[str, float]) -> Limits:
        """The smaller of each limit: `other` can take away, never add.

        A limit that is None here is taken from `other`.

        Raises:
            PolicyError: If `other` is a mapping with a name that is no limit.
        """
        asked: dict[str, float | None]
        asked = asdict(other) if isinstance(other, Limits) else dict(other)
        check_limit_names(asked)
        values = asdict(self)
        for name, value in asked.items():
            if value is None:
                continue
            own: float | None = values[name]
            least = value if own is None else min(own, value)
            kind = float if name.endswith(("_seconds", "_share")) else int
            values[name] = kind(least)
        return Limits(**values)

    def changed(self, asked: Mapping[str, float]) -> Limits:
        """These limits with those of `asked` in their place, larger or smaller.

        Raises:
            PolicyError: If a name is no limit, or a value is none that one may have.
        """
        check_limit_names(asked)
        values = asdict(self)
        for name, value in asked.items():
            if type(value) not in (int, float):
                raise PolicyError(
                    f"limit {name} must be a number, not {value!r}", hint=_unit(name)
                )
            counts = not name.endswith(("_seconds", "_share")) and isfinite(value)
            values[name] = int(value) if counts else value
        return Limits(**values)


def check_limit_names(asked: Iterable[str]) -> None:
    """Refuse what is no limit.

    Raises:
        PolicyError: If one of `asked` is no field of `Limits`.
    """
    names = [field.name for field in fields(Limits)]
    unknown = sorted(set(asked) - set(names))
    if unknown:
        msg = f"no such limit: {', '.join(unknown)} (known: {', '.join(names)})"
        raise PolicyError(msg)


def _unit(name: str) -> str:
    """What a limit counts, for whoever wrote it with a unit."""
    if name.endswith("_bytes"):
        return f"bytes: {{{name!r}: 64 << 20}} is 64 MiB"
    return "seconds" if name.endswith("_seconds") else ""


OPTIONAL = frozenset({"cpu_share", "gpu_memory_bytes"})
"""Limits that need not be there: None is no limit."""

_LEAST_SHARE = 0.01
_MAY_BE_ZERO = frozenset({"file_bytes", "disk_bytes", "inodes", "output_bytes"})

_DEFAULTS = {
    Tier.READ_ONLY: Limits(
        cpu_seconds=30,
        wall_seconds=60,
        memory_bytes=256 * _MIB,
        processes=32,
        open_files=128,
        file_bytes=0,
        disk_bytes=0,
        inodes=0,
        output_bytes=_MIB,
        message_bytes=64 * _MIB,
    ),
    Tier.BASIC: Limits(
        cpu_seconds=30,
        wall_seconds=60,
        memory_bytes=256 * _MIB,
        processes=32,
        open_files=128,
        file_bytes=64 * _MIB,
        disk_bytes=64 * _MIB,
        inodes=4_096,
        output_bytes=_MIB,
        message_bytes=64 * _MIB,
    ),
    Tier.ELEVATED: Limits(
        cpu_seconds=300,
        wall_seconds=600,
        memory_bytes=512 * _MIB,
        processes=64,
        open_files=256,
        file_bytes=256 * _MIB,
        disk_bytes=256 * _MIB,
        inodes=16_384,
        output_bytes=4 * _MIB,
        message_bytes=64 * _MIB,
    ),
    Tier.ADMIN: Limits(
        cpu_seconds=600,
        wall_seconds=1_200,
        memory_bytes=2_048 * _MIB,
        processes=128,
        open_files=512,
        file_bytes=1_024 * _MIB,
        disk_bytes=1_024 * _MIB,
        inodes=65_536,
        output_bytes=4 * _MIB,
        message_bytes=64 * _MIB,
    ),
}
