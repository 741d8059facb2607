"""Programs and scripts in a sandbox of their own: start, wait, read back."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate_sandbox._line.process import Exit
from lockgate_sandbox._spelling.arguments import (
    check_bytes,
    check_lists,
    check_mapping,
    check_texts,
)
from lockgate_sandbox._spelling.written import WRITTEN, owners_place
from lockgate_sandbox._start.attended import Attended
from lockgate_sandbox._start.lent import Lent
from lockgate_sandbox._watch.collect import collect as read_back
from lockgate_sandbox.callbacks import Callbacks
from lockgate_sandbox.errors import (
    DiskLimitError,
    LimitError,
    MessageLimitError,
    PolicyError,
    SandboxError,
    StartError,
)
from lockgate_sandbox.policy import Policy, Program
from lockgate_sandbox.profiles import Profile, restricted_locations
from lockgate_sandbox.results import ProgramResult, RunResult, limit_status

if TYPE_CHECKING:
    from lockgate_sandbox._start.nursery import Nursery
    from lockgate_sandbox._watch.output import Output
    from lockgate_sandbox.tiers import Limits

__all__ = ["run_file", "run_program"]


def run_program(
    nursery: Nursery,
    policy: Policy,
    argv: Sequence[str],
    *,
    files: Mapping[str, bytes],
    executable: Sequence[str],
    collect: Sequence[str],
    stdin: bytes,
    env: Mapping[str, str],
    stop: threading.Event | None,
) -> ProgramResult:
    """`Sandbox.run_program`."""
    check_lists(argv=argv, executable=executable, collect=collect)
    check_texts("argv", argv)
    check_bytes("stdin", stdin)
    program = _resolve(argv)
    policy = _with_program(policy, program, executable)
    job: dict[str, Any] = {
        "kind": "exec",
        "program": program,
        "argv": list(argv),
        "files": _checked_files(files),
        "env": dict(Policy.for_tier(policy.tier, env=env).env),
    }
    with ExitStack() as undo:
        run = Attended(nursery, policy, undo)
        run.stop = stop
        out, err = _start(run, job, stdin)
        ended = run.wait()
        status = _judged(run, ended)
        found = _collected(run.folder, collect, policy.limits)
        return ProgramResult(
            status, out.take(), err.take(), found, run.posture, run.usage(ended)
        )


def _with_program(policy: Policy, program: str, executable: Sequence[str]) -> Policy:
    """`policy`, which may start `program` too, and what lies at `executable`."""
    granted = Program(_free_name(policy, program), program, tuple(executable))
    return replace(policy, programs=(*policy.programs, granted))


def _start(run: Attended, job: dict[str, Any], stdin: bytes) -> tuple[Output, Output]:
    """Start a program that reads `stdin`; gives what is read of its two outputs."""
    reader = run.pipe_in(stdin)
    (writer, out), (complaints, err) = run.pipe_out(), run.pipe_out()
    try:
        run.start(job, (), [reader, writer, complaints])
    finally:
        # The program has them open now: that it closed them must be seen.
        os.close(writer)
        os.close(complaints)
    return out, err


def _collected(
    folder: int, patterns: Sequence[str], limits: Limits
) -> dict[str, bytes]:
    # The host holds all of it at once, and so does the message that tells it.
    told = limits.message_bytes < limits.disk_bytes
    return read_back(
        folder,
        patterns,
        bytes_limit=min(limits.disk_bytes, limits.message_bytes),
        count_limit=limits.inodes,
        error=MessageLimitError if told else DiskLimitError,
    )


def _judged(run: Attended, ended: Exit) -> int:
    """The status of a program that has ended: its own, or minus the signal.

    Raises:
        LimitError: If a limit is what ended it, or it failed for one.
        WorkerDiedError: If nobody knows how it ended.
    """
    run.check_memory()
    if ended.status is None:
        reason = run.cause(ended)
        if isinstance(reason, LimitError) or ended.signal is None:
            raise reason
        return -ended.signal
    if ended.status:
        run.check_refusals(ended)
    return ended.status


def _resolve(argv: Sequence[str]) -> str:
    if not argv:
        msg = "a program to run is missing: argv is empty"
        raise PolicyError(msg)
    found = shutil.which(argv[0], path="/usr/local/bin:/usr/bin:/bin")
    if found is None:
        hint = "install it, or name it by its absolute path"
        raise StartError("exec", f"no program {argv[0]!r} on this machine", hint=hint)
    return str(Path(found).absolute())


def _free_name(policy: Policy, program: str) -> str:
    names = {item.name for item in policy.programs}
    name = Path(program).name
    while name in names:
        name += "'"
    return name


def _checked_files(files: Mapping[str, bytes]) -> dict[str, bytes]:
    check_mapping("files", files, "{'path': b'content'}")
    check_texts("files", files)
    for path, content in files.items():
        check_bytes(f"the file {path!r}", content)
        parts = path.split("/")
        if path.startswith("/") or any(part in ("", ".", "..") for part in parts):
            msg = f"a file for a program has a plain relative path, not {path!r}"
            raise PolicyError(msg)
    return dict(files)


def run_file(
    nursery: Nursery,
    policy: Policy,
    script: str | os.PathLike[str],
    argv: Sequence[str],
    *,
    path: Sequence[str],
    stdio: tuple[int, int, int],
    callbacks: Callbacks | None,
    profile: Profile = Profile.PLAIN,
    source: bytes | None = None,
) -> RunResult:
    """`Sandbox.run_file`."""
    check_lists(argv=argv, path=path)
    check_texts("argv", argv)
    # A run before this one, of another host, may have left links where it could write.
    WRITTEN.note(owners_place("write", place) for place in policy.write)
    # Without links and '..': the file itself is granted, not a way to it.
    file = Path(_place("script", script) if source is None else script)
    parts = restricted_locations() if profile is Profile.RESTRICTED else ()
    own = (str(file), *parts) if source is None else parts
    policy = replace(policy, read=(*policy.read, *own))
    folders = [_place("import folder", folder) for folder in path]
    job: dict[str, Any] = {
        "kind": "file",
        "script": str(file),
        "source": source,
        "argv": list(argv),
        "path": folders,
        "restricted": list(parts) or None,
        "cwd": str(Path.cwd()),
        "programs": {item.name: item.path for item in policy.programs},
        "env": {},
        "tier": str(policy.tier),
        "name": file.name,
        "brokered": callbacks is not None,
    }
    with ExitStack() as undo:
        undo.callback(Lent(stdio).take_back)  # last of all, when it is dead
        run = Attended(nursery, policy, undo)
        run.start(job, folders, run.hand(stdio), callbacks)
        ended, error = _outcome(run)
        if error is None:
            run.check_written()
        return RunResult(
            _status(ended, error),
            run.posture,
            run.usage(ended),
            error,
            tuple(run.notes.denials if run.notes is not None else ()),
        )


def _outcome(run: Attended) -> tuple[Exit, SandboxError | None]:
    """How a file's process ended, and the fault that it ended by, if it was one."""
    try:
        ended = run.wait()
    except LimitError as reached:
        return run.process.close(), reached
    error = run.cause(ended) if ended.signal is not None else None
    return ended, error or run.claimed(ended)


def _place(what: str, path: str | os.PathLike[str]) -> str:
    return owners_place(what, str(Path(path).absolute()))


def _status(ended: Exit, error: SandboxError | None) -> int:
    if told := limit_status(error):
        return told
    if ended.status is not None:
        return ended.status
    return 128 + (ended.signal or 9)
