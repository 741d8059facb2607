"""What a forked child does: seal itself, then run what it was forked for.

The job comes as the first frame on the channel. Nothing of the plugin, not even
a path to it, is touched before `_enforce.seal` has returned.

A job is a mapping: ``kind`` (target, file or exec), ``plan`` (of the seal),
``env`` (the whole environment), ``cwd``, ``limit`` (of a frame, in bytes) and
what the kind needs.
"""

# pathlib would cost the zygote more than all of this module.
# ruff: noqa: PTH103, PTH120, PTH123, S606

from __future__ import annotations

import _socket
import os
import signal
import struct
import sys
import types

from lockgate_sandbox import _observe, _script, _session
from lockgate_sandbox._claims import CLAIM, Claims
from lockgate_sandbox._enforce import SealPlan, seal
from lockgate_sandbox._wire import FOLDER, Channel, ChannelClosed, Kind
from lockgate_sandbox.posture import LayerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["forget_runtime", "rehearse", "run"]

_START_LIMIT_BYTES = 1 << 30
"""The first frame is the host's word; the policy's own cap comes with it."""

# Made before the fork: a child copies only the pages that it writes to.
_CHANNEL = Channel(_socket.socket(), _START_LIMIT_BYTES, trusting=True)
_CHANNEL.socket.close()

_KEPT: list[types.ModuleType] = []
"""Modules that are in use but no longer importable."""

_STDLIB = tuple(sys.path)
_PRIVATE = ("lockgate_sandbox", "msgspec")


def run(channel_fd: int, stdio: list[int], warden: int = -1) -> NoReturn:
    """Become the worker. The caller is a freshly forked, single-threaded child.

    `warden` is a socket of its parent, where that is one.
    """
    channel = _CHANNEL
    channel.socket = _socket.socket(fileno=channel_fd)
    try:
        kind, call, job = channel.receive()
    except ChannelClosed:
        os._exit(0)
    if kind != Kind.START:
        os._exit(70)
    channel.limit = job["limit"]
    for number, fd in enumerate(stdio):
        os.dup2(fd, number)
    _set_environment(job["env"])
    try:
        plan = SealPlan.from_data(job["plan"])
        os.chdir("/")
        kept = (0, 1, 2, channel_fd)
        posture = seal(plan, keep_fds=kept, warden=warden).to_dict()
        _enter(job["cwd"], job["scratch"])
    except LayerError as error:
        _fail(channel, call, "layer", error.to_dict())
    except Exception as error:
        _fail_with(channel, call, "seal", error)
    sys.modules["__main__"] = types.ModuleType("__main__")
    _RUNNERS[job["kind"]](channel, call, job, posture)


def _enter(folder: str, scratch: str | None) -> None:
    try:
        os.chdir(folder)
    except OSError:  # hidden or closed for this uid
        os.chdir(scratch or "/")


def _set_environment(wanted: dict[str, str]) -> None:
    for name in [name for name in os.environ if name not in wanted]:
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def forget_runtime() -> None:
    """Take our modules and the codec out of every plugin's sight.

    The zygote does it once, when everything is imported: a plugin that brings its
    own copy of one of them, or none, sees nothing of ours.
    """
    for name in list(sys.modules):
        if name.partition(".")[0] in _PRIVATE:
            _KEPT.append(sys.modules.pop(name))


def rehearse() -> None:
    """Send a frame of a job's size to ourselves and read it."""
    mine, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    _CHANNEL.socket = mine
    text = ["x" * 50] * 4
    Channel(theirs, _START_LIMIT_BYTES).send([0, {"rules": [text] * 40, "a": text}])
    _CHANNEL.receive()
    _CHANNEL.send([0, [{"name": "x", "state": "y"}] * 15])
    mine.close()
    theirs.close()


def _fail(channel: Channel, call: bytes, stage: str, fields: object) -> NoReturn:
    try:
        channel.send([int(Kind.FAILED), call, stage, fields])
    finally:
        os._exit(71)


def _fail_with(
    channel: Channel, call: bytes, stage: str, error: BaseException, limit: str = ""
) -> NoReturn:
    name, message, text = _session.describe(error)
    fields = {"type": name, "message": message, "traceback": text, "limit": limit}
    _fail(channel, call, stage, fields)


def _run_target(
    channel: Channel, call: bytes, job: dict[str, Any], posture: dict[str, Any]
) -> NoReturn:
    # The host believes what comes before foreign code can have sent it.
    channel.send([int(Kind.READY), call, posture])
    session = _session.Session(channel, job)
    claims = Claims.of(job["scratch"], posture)
    sys.path[:] = [*_STDLIB, *job["path"]]
    sys.argv = [job["name"]]
    session.begin(call)
    stage = "import"
    try:
        from importlib import import_module

        module, _, names = job["target"].partition(":")
        found: Any = import_module(module)
        for name in names.split("."):
            found = getattr(found, name)
        stage = "target"
        handler = found(session, **job["arguments"])
        if not callable(handler):
            msg = f"{job['target']} gave no handler but a {type(handler).__name__}"
            raise TypeError(msg)
    except BaseException as error:
        _fail_with(channel, call, stage, error, claims.limit_of(error))
    session.finish([int(Kind.REPLY), call, None])
    _session.serve(session, channel, handler, claims)


def _hand_over(channel: Channel, call: bytes, posture: dict[str, Any]) -> None:
    """Give the host the open working folder and the posture, then be silent.

    The folder may be a tmpfs that only this process sees: with the descriptor
    the host can still read it when the program has ended.
    """
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    packed = struct.pack("i", here)
    ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)]
    channel.socket.sendmsg([FOLDER], ancillary)
    os.close(here)
    channel.send([int(Kind.READY), call, posture])


def _write_files(files: dict[str, bytes]) -> None:
    # By the sealed child, so that its owner and its limits are the program's.
    for path, data in files.items():
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(path, "xb") as file:
            file.write(data)


def _run_exec(
    channel: Channel, call: bytes, job: dict[str, Any], posture: dict[str, Any]
) -> NoReturn:
    try:
        _write_files(job["files"])
    except OSError as error:
        _fail_with(channel, call, "files", error)
    _hand_over(channel, call, posture)
    # Python ignores these for itself; a program expects the defaults.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        # A successful exec closes the channel: that is how the host knows.
        os.execve(job["program"], job["argv"], dict(os.environ))
    except OSError as error:
        _fail_with(channel, call, "exec", error)


def _run_file(
    channel: Channel, call: bytes, job: dict[str, Any], posture: dict[str, Any]
) -> NoReturn:
    channel.send([int(Kind.READY), call, posture])

    def tell(right: str, what: str) -> None:
        channel.send([int(Kind.NOTE), call, right, what])

    _observe.install(
        tell,
        read=job["readable"],
        write=job["writable"],
        programs=bool(job["programs"]),
    )
    path = [os.path.dirname(job["script"]), *_STDLIB, *job["path"]]
    claims = Claims.of(job["scratch"], posture)

    def failed(error: BaseException) -> None:
        limit = claims.limit_of(error)
        if limit:
            tell(CLAIM, limit)

    _script.run(job["script"], job["argv"], path, failed)


_RUNNERS = {"target": _run_target, "exec": _run_exec, "file": _run_file}
