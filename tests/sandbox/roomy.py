"""Policies of a worker whose files are few and small."""

from __future__ import annotations

from lockgate_sandbox import Policy, Program, Tier
from tests.support.sandbox import policy

__all__ = ["LIMIT", "MIB", "START", "programs", "small"]

LIMIT = 64

MIB = 1 << 20

START = """
import os, threading, time
here = os.environ["TMPDIR"]
os.chdir(here)
"""


def small(tier: Tier = Tier.BASIC, **limits: float) -> Policy:
    """A tier's policy with few files and few bytes."""
    return policy(tier, limits={"inodes": LIMIT, "disk_bytes": 4 * MIB, **limits})


def programs(**limits: float) -> Policy:
    """The same for a worker that may start a program."""
    given = small(Tier.ELEVATED, **limits).limits
    tools = [Program("true", "/bin/true")]
    return Policy.for_tier(Tier.ELEVATED, limits=given, programs=tools)
