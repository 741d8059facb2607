"""Start a program of the plugin's own environment, inside the worker.

The program inherits the worker's seal and so gains nothing; what is bounded
here is bounded for the plugin's own good. It runs in a fresh folder that is
gone afterwards, in a process group that is killed as one.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from lockgate.values import File, ProgramRun, Tree

__all__ = ["collected", "matches", "run_here", "write_tree"]

OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024
"""Most that is taken of a program's standard output, and of its errors."""

COLLECT_LIMIT_BYTES = 48 * 1024 * 1024
COLLECT_LIMIT_FILES = 4096


def run_here(
    command: Sequence[str],
    *,
    folder: Path,
    stdin: bytes,
    tree: Tree,
    collect: tuple[str, ...],
    timeout: float | None,
) -> ProgramRun:
    """Run `command` in a fresh folder below `folder` that holds `tree`.

    Raises:
        FileNotFoundError: If the program is not there.
        TimeoutError: If it ran longer than `timeout` seconds.
        OSError: If it printed or left more than may be taken.
    """
    place = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    try:
        work = place / "work"
        work.mkdir()
        write_tree(work, tree)
        started = time.monotonic()
        status, stdout, stderr = _run(command, place, work, stdin, timeout)
        return ProgramRun(
            status=status,
            stdout=stdout,
            stderr=stderr,
            tree=collected(work, collect) if collect else Tree(),
            seconds=time.monotonic() - started,
            posture={"inherits": "worker"},
        )
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _run(
    command: Sequence[str],
    place: Path,
    work: Path,
    stdin: bytes,
    timeout: float | None,
) -> tuple[int, bytes, bytes]:
    """Status and output. Files, not pipes: nothing to drain, nothing to deadlock."""
    (place / "stdin").write_bytes(stdin)
    with (
        (place / "stdin").open("rb") as source,
        (place / "stdout").open("w+b") as stdout,
        (place / "stderr").open("w+b") as stderr,
    ):
        process = subprocess.Popen(
            list(command),
            cwd=work,
            stdin=source,
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, "HOME": str(place), "TMPDIR": str(place)},
            start_new_session=True,
        )
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            message = f"{Path(command[0]).name} ran longer than {timeout:g} seconds"
            raise TimeoutError(message) from None
        finally:
            _end_group(process)
        return status, _taken(stdout, "printed"), _taken(stderr, "printed as errors")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what the program left behind, and itself if it still runs."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def _taken(file: IO[bytes], what: str) -> bytes:
    size = file.seek(0, os.SEEK_END)
    if size > OUTPUT_LIMIT_BYTES:
        message = f"the program {what} {size} bytes, {OUTPUT_LIMIT_BYTES} may be taken"
        raise OSError(errno.EFBIG, message)
    file.seek(0)
    return file.read()


def write_tree(folder: Path, tree: Tree) -> None:
    """Write the files of `tree` below `folder`, which is empty."""
    for file in tree:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        if file.executable:
            path.chmod(0o755)


def collected(folder: Path, patterns: Sequence[str]) -> Tree:
    """The regular files below `folder` that match; links are not followed.

    Raises:
        OSError: If they are more, or larger, than may be taken.
    """
    files: list[File] = []
    left = COLLECT_LIMIT_BYTES
    for path in _walk(folder):
        name = path.relative_to(folder).as_posix()
        if not any(matches(name, pattern) for pattern in patterns):
            continue
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as source:
            mode = os.fstat(source.fileno()).st_mode
            content = source.read(left + 1) if stat.S_ISREG(mode) else b""
        left -= len(content)
        if left < 0 or len(files) >= COLLECT_LIMIT_FILES:
            message = (
                f"more than {COLLECT_LIMIT_FILES} files or {COLLECT_LIMIT_BYTES} bytes "
                "match what to collect"
            )
            raise OSError(errno.EFBIG, message)
        files.append(File(name, content, bool(mode & stat.S_IXUSR)))
    return Tree(tuple(files))


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):  # links to folders stay closed
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path


def matches(name: str, pattern: str) -> bool:
    """Whether a relative path matches a pattern in which ``**`` spans folders."""
    return _match(name.split("/"), pattern.split("/"))


def _match(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_match(parts[i:], pattern[1:]) for i in range(len(parts) + 1))
    return (
        bool(parts)
        and fnmatchcase(parts[0], pattern[0])
        and _match(parts[1:], pattern[1:])
    )
