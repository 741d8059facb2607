"""Policies of a worker whose files are few and small."""

from __future__ import annotations

from lockgate_sandbox import Policy, Program, Tier
from lockgate_sandbox.linux._libc import NUMBERS
from tests.support.sandbox import policy

__all__ = ["LIMIT", "MIB", "RAW", "START", "programs", "small"]

LIMIT = 64

MIB = 1 << 20

START = """
import os, threading, time
here = os.environ["TMPDIR"]
os.chdir(here)
"""


_CALLS = (
    *("creat", "fallocate", "link", "linkat", "mknod", "mknodat", "open", "openat2"),
    *("rename", "renameat", "renameat2", "symlinkat"),
)
RAW = f"""
import ctypes
numbers = { ({name: NUMBERS[name] for name in _CALLS if name in NUMBERS}) }
libc = ctypes.CDLL(None, use_errno=True)
def raw(name, *args):
    told = libc.syscall(numbers[name], *args)
    if told < 0:
        raise OSError(ctypes.get_errno(), name)
    return told
"""
"""System calls by their names, as no library makes them any more."""


def small(tier: Tier = Tier.BASIC, **limits: float) -> Policy:
    """A tier's policy with few files and few bytes."""
    return policy(tier, limits={"inodes": LIMIT, "disk_bytes": 4 * MIB, **limits})


def programs(**limits: float) -> Policy:
    """The same for a worker that may start a program."""
    given = small(Tier.ELEVATED, **limits).limits
    tools = [Program("true", "/bin/true")]
    return Policy.for_tier(Tier.ELEVATED, limits=given, programs=tools)
