"""``python -m tests [-j N] [PYTEST OPTION …]``: all tests, some files at a time.

A good part of a run is waiting for limits of time, so one process more than there are
cores keeps all of them busy. Each folder's files are a piece of their own (a large
folder's are several); a process takes the next piece when it has done its last.
``-j 1 --last-failed --last-failed-no-failures none`` runs what failed again, alone:
some tests kill processes at limits of time, and the machine may be busy.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

__all__ = ["BESIDE", "Piece", "main", "pieces"]

ROOT = Path(__file__).parents[1]
BESIDE = "TESTS_RUN_BESIDE"
"""The environment variable that tells a piece that others run beside it."""
FILES_OF_A_PIECE = 6
TESTS_FAILED, NOTHING_COLLECTED = 1, 5
"""pytest's exit statuses if tests failed, which it remembers for ``--last-failed``, and
if no test is left, as when options deselect a piece's."""
AGAIN = ("--last-failed", "--last-failed-no-failures", "none")

LONGEST_FIRST = (
    "tests/sandbox/attacks",
    "tests/integration",
    "tests/engine/cli",
    "tests/sandbox",
    "tests/marketplace/store",
    "tests/marketplace/install",
    "tests/marketplace/lock",
    "tests/marketplace",
    "tests/sandbox/cli",
    "tests/sandbox/broker",
    "tests/plugins/devices",
    "tests/plugins/firmware",
    "tests/engine",
    "tests/engine/sealed",
    "tests/meta",
)
"""What would end last if it began last."""

_COUNTED = re.compile(r"(\d+) (passed|failed|skipped|deselected|errors?|xfailed)")


@dataclass(frozen=True, slots=True)
class Piece:
    """Files that one process runs, and where it notes what failed."""

    name: str
    files: tuple[str, ...]

    @property
    def cache(self) -> Path:
        """Where it is noted what failed."""
        return ROOT / ".pytest_cache" / self.name.replace("/", ".")

    @property
    def broken_off(self) -> Path:
        """Is there if it was killed, or pytest itself failed: nobody noted a test."""
        return self.cache / "broken-off"

    def command(self, options: Sequence[str]) -> list[str]:
        """The command line that runs it: whole, if it was broken off before."""
        if self.broken_off.exists():
            options = [option for option in options if option not in AGAIN]
        start = [sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir={self.cache}"]
        return [*start, *options, *self.files]


def pieces() -> list[Piece]:
    """Every test file, in exactly one piece; the longest pieces first."""
    folders: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        where = path.relative_to(ROOT)
        folders.setdefault(where.parent.as_posix(), []).append(where.as_posix())
    found: list[Piece] = []
    for folder in sorted(folders, key=_place):
        files = folders[folder]
        for start in range(0, len(files), FILES_OF_A_PIECE):
            part = start // FILES_OF_A_PIECE
            name = f"{folder}/{part}" if len(files) > FILES_OF_A_PIECE else folder
            found.append(Piece(name, tuple(files[start : start + FILES_OF_A_PIECE])))
    return found


def _place(folder: str) -> tuple[int, str]:
    if folder in LONGEST_FIRST:
        return (LONGEST_FIRST.index(folder), folder)
    return (len(LONGEST_FIRST), folder)


class Run:
    """Pieces on their way: what was counted, and which of them failed."""

    def __init__(self, options: Sequence[str]) -> None:
        self.counts: Counter[str] = Counter()
        self.failed: list[Piece] = []
        self._options = options
        self._lock = threading.Lock()
        self._env = dict(os.environ)

    def all(self, todo: Sequence[Piece], processes: int) -> None:
        """Run every piece, `processes` of them at a time."""
        waiting: SimpleQueue[Piece] = SimpleQueue()
        for piece in todo:
            waiting.put(piece)

        def work() -> None:
            while True:
                try:
                    piece = waiting.get_nowait()
                except Empty:
                    return
                self.one(piece)

        if processes > 1:
            self._env[BESIDE] = "1"
        threads = [threading.Thread(target=work) for _ in range(processes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def one(self, piece: Piece) -> None:
        """Run one piece and print what its process printed."""
        done = subprocess.run(
            piece.command(self._options),
            cwd=ROOT,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        last = done.stdout.rstrip().rpartition("\n")[2]
        with self._lock:
            for count, what in _COUNTED.findall(last):
                self.counts[what.removesuffix("s")] += int(count)
            if done.returncode not in (0, NOTHING_COLLECTED):
                self.failed.append(piece)
            if done.returncode in (0, TESTS_FAILED, NOTHING_COLLECTED):
                piece.broken_off.unlink(missing_ok=True)
            else:
                piece.cache.mkdir(parents=True, exist_ok=True)
                piece.broken_off.touch()
            print(f"-- {piece.name}\n{done.stdout}", end="", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Run everything, print the sum as pytest does, and return the exit status."""
    parser = ArgumentParser(prog="python -m tests", allow_abbrev=False)
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("-j", type=int, default=cores + 1, metavar="PROCESSES")
    chosen, options = parser.parse_known_args(arguments)
    started = time.monotonic()
    run = Run(options)
    run.all(pieces(), chosen.j)
    counted = ", ".join(f"{count} {what}" for what, count in run.counts.items())
    print(f"{counted or 'no tests'} in {time.monotonic() - started:.0f} s")
    for piece in run.failed:
        print(f"failed: {piece.name}")
    return 1 if run.failed or not run.counts["passed"] else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
