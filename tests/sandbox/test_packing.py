"""What a zygote does to its memory before it forks, in Pythons of its own."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from lockgate_sandbox._zygote import packing

_LOAD = """
import importlib, os, sys, types

package = types.ModuleType("packed")
package.__path__ = [os.path.dirname(sys.argv[1])]
sys.modules["packed"] = package
from packed import packing
"""

_SCATTERED = """
import gc

kept = [bytes(31) for _ in range(4000)]
del kept[::40]
made = []
if sys.argv[2] == "filled":
    packing.fill_holes()
made += [bytes(31) for _ in range(60)]
places = [id(item) for item in made]
print(sum(b - a == 64 for a, b in zip(places, places[1:])))
"""


def _run(code: str, *argv: str) -> str:
    program = [sys.executable, "-I", "-S", "-B", "-c", _LOAD + code]
    done = subprocess.run(
        [*program, packing.__file__, *argv], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="of CPython's allocator as it was measured"
)
def test_what_is_made_after_the_holes_are_filled_lies_together() -> None:
    assert int(_run(_SCATTERED, "filled")) > 50
    assert int(_run(_SCATTERED, "as it is")) < 30


_HOLLOW = """
import ctypes

libc = ctypes.CDLL(None)
libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
wall = []
for _ in range(40):
    wall += [libc.malloc(100_000), libc.malloc(30_000)]
for at in wall[::2]:
    libc.free(at)
end = libc.sbrk(0)
if sys.argv[2] == "filled":
    packing.fill_holes()
made = [libc.malloc(60_000) for _ in range(40)]
print(sum(at < end for at in made))
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"),
    reason="of the heap of glibc",
)
def test_large_holes_in_the_heap_are_filled_too() -> None:
    assert int(_run(_HOLLOW, "filled")) == 0
    assert int(_run(_HOLLOW, "as it is")) > 20


def test_where_memory_is_limited_the_holes_are_left() -> None:
    limited = """
import resource

resource.setrlimit(resource.RLIMIT_DATA, (4096, 4096))
packing.fill_holes()
some = [object() for _ in range(100)]
try:
    bytes(1 << 20)
except MemoryError:
    print("no more than that")
"""
    assert _run(limited) == "no more than that\n"
