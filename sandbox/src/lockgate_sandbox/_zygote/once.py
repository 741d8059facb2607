"""What a child runs once and ends with: a program, or a Python file."""

# pathlib would cost the zygote more than all of this module.
# ruff: noqa: PTH103, PTH120, PTH123, S606

from __future__ import annotations

import _socket
import os
import signal
import struct
import sys
from types import ModuleType

from lockgate_sandbox._inside import observe, reach, script, shim
from lockgate_sandbox._inside.session import Session
from lockgate_sandbox._inside.stage import STDLIB
from lockgate_sandbox._watch.claims import CLAIM, Claims
from lockgate_sandbox._wire.frame import FOLDER, Kind
from lockgate_sandbox._wire.wire import Channel
from lockgate_sandbox._zygote.failing import fail_with
from lockgate_sandbox.linux.rlimits import apply as set_limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from lockgate_sandbox._wire.guest_end import GuestChannel
    from lockgate_sandbox.posture import Posture

__all__ = ["run_exec", "run_file"]

_NOTE = int(Kind.NOTE)


def _hand_over(channel: GuestChannel) -> None:
    """Give the host the open working folder, then be silent.

    The folder may be a tmpfs that only this process sees: with the descriptor
    the host can still read it when the program has ended.
    """
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    packed = struct.pack("i", here)
    ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)]
    channel.socket.sendmsg([FOLDER], ancillary)
    os.close(here)


def _write_files(files: dict[str, bytes]) -> None:
    # By the sealed child, so that its owner and its limits are the program's.
    for path, data in files.items():
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(path, "xb") as file:
            file.write(data)


def run_exec(
    channel: GuestChannel, call: bytes, job: dict[str, Any], _: Posture
) -> NoReturn:
    """Become a program, in a folder with its files; its host has that open then."""
    try:
        _write_files(job["files"])
        _hand_over(channel)
    except (OSError, ValueError) as error:  # a name may hold what no name can
        fail_with(channel, call, "files", error)
    # Only now: with few files of its own it might not have handed over anything.
    set_limits(job["opens"])
    # Python ignores these for itself; a program expects the defaults.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        # A successful exec closes the channel: that is how the host knows.
        os.execve(job["program"], job["argv"], dict(os.environ))
    except (OSError, ValueError) as error:
        fail_with(channel, call, "exec", error)


def run_file(
    channel: GuestChannel, call: bytes, job: dict[str, Any], posture: Posture
) -> NoReturn:
    """Run a Python file, which tells its host what it tries beyond its rights."""
    # A buffer of its own: a note may be written in the middle of a question.
    telling = Channel(channel.socket, channel.limit, trusting=True)

    def tell(right: str, what: str) -> None:
        telling.send([_NOTE, call, right, what])

    observe.install(
        tell,
        read=job["readable"],
        write=job["writable"],
        programs=bool(job["programs"]),
        net=not job["brokered"],
    )
    path = [os.path.dirname(job["script"]), *STDLIB, *job["path"]]
    source = job["source"]
    if source is not None:
        del path[0]  # what is no file lies in no folder
    given = ModuleType("lockgate_session")
    given.__dict__["session"] = reach.Ungranted()
    sys.modules["lockgate_session"] = given
    if job["brokered"]:
        session = Session(channel, job)
        session.begin(call)
        given.__dict__["session"] = session
        shim.install(session)
    claims = Claims.of(job["scratch"], posture)

    def failed(error: BaseException) -> None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            tell("import", str(error.name))
        limit = claims.limit_of(error)
        if limit:
            tell(CLAIM, limit)

    script.run(job["script"], job["argv"], path, failed, job["restricted"], source)
