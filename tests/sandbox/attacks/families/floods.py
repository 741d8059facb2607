"""What a worker prints and answers without end, or too large for its host.

Without the limits it all arrives. A plain pipe that nobody reads from holds up a
program that only wants to print something.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time

from lockgate_sandbox import MessageLimitError, OutputLimitError, WallLimitError
from tests.sandbox.attacks.families.field import Attack, Field, stopped
from tests.support.sandbox import run

__all__ = ["ATTACKS", "CHATTER", "TOGETHER"]

TOGETHER = 12

_MIB = 1 << 20
_FLOOD_BYTES = 8 * _MIB
_WALL = 1.0

_FLOOD = f"""
import os
for _ in range({_FLOOD_BYTES // 65536}):
    os.write(1, b"x" * 65536)
"""

CHATTER = "print('x' * 500_000)\n"

_TRICKLE = """
import time
def items():
    while True:
        time.sleep(0.01)
        yield 1
result = items()
"""


def _prints_without_end(field: Field) -> bool:
    if field.held:
        code = "while True:\n" + textwrap.indent(_FLOOD, "    ")
        return not stopped(field.worker(output_bytes=1000), code, OutputLimitError)
    with field.worker(output_bytes=2 * _FLOOD_BYTES) as worker:
        return worker.call(_FLOOD).usage.output_bytes == _FLOOD_BYTES


def _prints_more_than_a_pipe_holds(field: Field) -> bool:
    if field.held:
        with field.worker(output_bytes=1000) as worker:
            reply = worker.call(CHATTER + "result = 1")
        return reply.value != 1 or len(reply.output) > 1100
    command = [sys.executable, "-I", "-S", "-c", CHATTER]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            return True
        finally:
            process.kill()
    return False


def _answers_too_much(field: Field) -> bool:
    limit = 100_000 if field.held else _MIB
    with field.worker(message_bytes=limit) as worker:
        try:
            return run(worker, "result = bytes(200_000)") == bytes(200_000)
        except MessageLimitError:
            return False


def _streams_without_end(field: Field) -> bool:
    wall = _WALL if field.held else 600
    with field.worker(wall_seconds=wall) as worker:
        end = time.monotonic() + 1.5 * _WALL
        if field.held:
            end += 30
        try:
            for _ in worker.stream(_TRICKLE):
                if time.monotonic() > end:
                    return True
        except WallLimitError:
            assert not worker.alive
    return False


ATTACKS: dict[str, Attack] = {
    "print without end": _prints_without_end,
    "print more than a pipe holds": _prints_more_than_a_pipe_holds,
    "answer more than a message holds": _answers_too_much,
    "answer in pieces without end": _streams_without_end,
}
