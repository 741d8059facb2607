"""What holds on this machine: each layer tried, each tier really started.

Nothing is taken from version numbers. The kernel's features are used in children
of a fresh process, and a worker of each tier is started for the posture that it
reports.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lockgate_sandbox._seal.fresh import ask_kernel
from lockgate_sandbox._seal.plan import Capabilities, probe
from lockgate_sandbox.errors import SandboxError
from lockgate_sandbox.interpreter import Interpreter
from lockgate_sandbox.linux.landlock import NEWEST_ABI
from lockgate_sandbox.policy import Policy, Program
from lockgate_sandbox.posture import Posture
from lockgate_sandbox.sandbox import Sandbox
from lockgate_sandbox.security import ABIS, PROMISES, Hold, Promise, hold
from lockgate_sandbox.tiers import Tier

if TYPE_CHECKING:
    from lockgate_sandbox.layers import Layers, Mode

__all__ = ["FEATURES", "Examination", "TierState", "examine", "examine_tiers"]

FEATURES = {
    "close_range": ("5.9", "closes what the host had open, in one call"),
    "pidfd": ("5.3", "tells and kills a process that can't be mistaken for another"),
    "openat2": ("5.6", "opens what was granted, in one call, without a way around"),
    "sealed_memory": ("5.1", "hands large data over without a copy"),
    "seccomp_notify": ("5.5", "counts processes and files where no limit does"),
    "network_namespace": ("3.8", "a second lock on network and System V IPC"),
    "pid_namespace": (
        "3.8",
        "hides processes outside, ends all inside at once",
    ),
}
"""What `features` are for, and the kernel that brought each."""


@dataclass(frozen=True, slots=True)
class TierState:
    """One tier here: the posture of its worker, or the error that refused it.

    `programs`: the policy had a program, so that its processes had to be bounded.
    `modes` say how firmly each layer is held at that tier, here.
    """

    tier: Tier
    programs: bool
    posture: Posture | None
    error: SandboxError | None
    modes: Mapping[str, Mode]

    @property
    def name(self) -> str:
        """The tier's name, marked where the policy has programs."""
        return f"{self.tier} +programs" if self.programs else str(self.tier)

    def to_dict(self) -> dict[str, object]:
        """Plain data, with how each promise stands."""
        error, posture = self.error, self.posture
        return {
            "tier": str(self.tier),
            "programs": self.programs,
            "modes": dict(self.modes),
            "posture": posture.to_dict() if posture else None,
            "promises": {
                promise.name: {"state": how, "by": layers}
                for promise, how, layers in self.promises()
            },
            "error": None
            if error is None
            else {"code": error.code, "message": str(error), "hint": error.hint},
        }

    def promises(self) -> Iterator[tuple[Promise, Hold, list[str]]]:
        """How each promise stands here; nothing where the tier is refused."""
        if self.posture is None:
            return
        root = os.geteuid() == 0
        for promise in PROMISES:
            how, layers = hold(promise, self.posture, root=root, programs=self.programs)
            yield promise, how, layers


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was found. `features` gives an empty text, or why there is none."""

    capabilities: Capabilities
    features: dict[str, str]
    tiers: tuple[TierState, ...]

    @property
    def refused(self) -> tuple[TierState, ...]:
        """The tiers that can't be had: a strict layer is missing."""
        return tuple(state for state in self.tiers if state.error is not None)

    @property
    def degraded(self) -> bool:
        """Whether any tier has a layer that holds partly or not at all."""
        return any(state.posture and state.posture.weak for state in self.tiers)

    def to_dict(self) -> dict[str, object]:
        """Plain data, for JSON."""
        here = self.capabilities.landlock_abi
        return {
            "schema": 1,
            "ok": not self.refused,
            "degraded": self.degraded,
            "capabilities": self.capabilities.to_dict(),
            "features": dict(self.features),
            "landlock": [
                {
                    "abi": abi.number,
                    "kernel": abi.kernel,
                    "adds": abi.adds,
                    "here": abi.number <= here,
                    "used": abi.number <= min(here, NEWEST_ABI),
                }
                for abi in ABIS
            ],
            "tiers": [state.to_dict() for state in self.tiers],
        }


def examine(layers: Layers | None = None) -> Examination:
    """Try everything; takes about half a second.

    `layers` are the modes to try, as `Sandbox.open` takes them.

    Raises:
        SandboxError: If not even the trial can be made.
    """
    features = cast("dict[str, str]", ask_kernel("features", "find_features"))
    with Sandbox.open(layers=layers) as sandbox:
        tiers = tuple(examine_tiers(sandbox, programs=True))
    return Examination(probe(), features, tiers)


def examine_tiers(sandbox: Sandbox, *, programs: bool) -> Iterator[TierState]:
    """Start a worker of each tier; with `programs` also of those that may have any."""
    shell = Program("sh", str(Path("/bin/sh").resolve()))
    for tier in Tier:
        if tier is Tier.SYSTEM:
            continue  # trusted code in the host: there is nothing to seal
        yield _started(sandbox, Policy.for_tier(tier))
        if programs and tier.may_grant:
            yield _started(sandbox, Policy.for_tier(tier, programs=[shell]))


def _started(sandbox: Sandbox, policy: Policy) -> TierState:
    modes = sandbox.modes(policy.tier)
    try:
        with Interpreter.open(policy, sandbox=sandbox) as python:
            return TierState(policy.tier, policy.may_fork, python.posture, None, modes)
    except SandboxError as error:
        return TierState(policy.tier, policy.may_fork, None, error, modes)
