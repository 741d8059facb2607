"""Closing what was inherited, in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LOOK = """
import os
from lockgate_sandbox.linux import descriptors

for wanted in (10, 20, 21, 40):
    os.dup2(2, wanted)
descriptors.{close}
found = []
for fd in range(64):
    try:
        os.fstat(fd)
    except OSError:
        continue
    found.append(fd)
print(found)
"""


@pytest.mark.parametrize(
    ("close", "left"),
    [
        ("close_others([40, 1, 20, 20])", [0, 1, 2, 20, 40]),
        ("close_others([])", [0, 1, 2]),
        ("close_all_but(20, 21)", [0, 1, 2, 20, 21]),
        ("close_all_but()", [0, 1, 2]),
    ],
)
def test_only_what_is_kept_stays_open(close: str, left: list[int]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOOK.format(close=close)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.stdout.strip() == str(left), done.stderr
