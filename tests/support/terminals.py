"""What a program shows on a terminal, and what somebody answers there."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from select import select

__all__ = ["all_shown", "conversation"]

_HANGS_SECONDS = 60


def all_shown(screen: int) -> bytes:
    """What came to `screen`, a pty's own end, until nobody has the other; closes it.

    The kernel hands it over a little after it was written: who reads once may miss it.
    """
    shown = b""
    try:
        with suppress(OSError):  # how a terminal tells its end
            while piece := os.read(screen, 65536):
                shown += piece
    finally:
        os.close(screen)
    return shown


def conversation(
    command: Sequence[str],
    answers: Sequence[str],
    *,
    prompt: str,
    cwd: Path,
    ahead: str = "",
    env: Mapping[str, str] | None = None,
) -> tuple[int, str, str]:
    """Run `command` at a terminal; gives its status, what was shown, and its output.

    Each of `answers` is typed when `prompt` is shown once more, `ahead` before all.
    Standard output is no terminal, so that the two can be told apart.
    """
    screen, side = pty.openpty()
    if ahead:
        os.write(screen, ahead.encode())
    running = subprocess.Popen(
        command,
        stdin=side,
        stdout=subprocess.PIPE,
        stderr=side,
        cwd=cwd,
        env={**os.environ, **(env or {})},
    )
    os.close(side)
    shown, left = b"", list(answers)
    try:
        with suppress(OSError):
            while piece := _read(screen):
                shown += piece
                asked = shown.count(prompt.encode())
                while left and asked > len(answers) - len(left):
                    os.write(screen, left.pop(0).encode())
        output, _ = running.communicate(timeout=_HANGS_SECONDS)
    finally:
        running.kill()
        running.wait()
        os.close(screen)
    return running.returncode, shown.decode("utf-8", "replace"), output.decode()


def _read(screen: int) -> bytes:
    deadline = time.monotonic() + _HANGS_SECONDS
    while not select([screen], [], [], 1)[0]:
        assert time.monotonic() < deadline, "nothing is shown, and nothing ends"
    return os.read(screen, 65536)
