"""What a forked child does: seal itself, then run what it was forked for.

The job comes as the first frame on the channel, perhaps much later. Nothing of the
plugin, not even a path to it, is touched before `_seal.enforce.seal` has returned.

A job is a mapping: ``kind`` (target, preload, or in `once` file or exec) and what the
kind needs.
"""

# pathlib would cost the zygote more than all of this module.

from __future__ import annotations

import _socket
import os
import sys
from resource import RLIMIT_CPU, RLIMIT_DATA, RLIMIT_NOFILE, RUSAGE_SELF, getrusage
from types import ModuleType

from lockgate_sandbox._inside import reserve, shim
from lockgate_sandbox._inside.stage import (
    STDLIB,
    Stage,
    build_ahead,
    set_scene,
    stage_for,
)
from lockgate_sandbox._seal.enforce import SealPlan, seal
from lockgate_sandbox._wire import ring
from lockgate_sandbox._wire.frame import BEFORE_CALLS, ChannelClosed, Kind
from lockgate_sandbox._wire.guest_end import GuestChannel
from lockgate_sandbox._zygote import preloading, rehearsal, threads
from lockgate_sandbox._zygote.failing import fail_with, refuse
from lockgate_sandbox._zygote.importing import Ahead, Lone, member
from lockgate_sandbox._zygote.once import run_exec, run_file
from lockgate_sandbox.linux.rlimits import Lowered
from lockgate_sandbox.linux.rlimits import apply as set_limits
from lockgate_sandbox.posture import Posture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["CHANNEL", "forget_runtime", "run"]

# As plain ints: the members of an IntEnum are looked up by way of their class.
_READY, _START, _AHEAD_OF = int(Kind.READY), int(Kind.START), int(Kind.AHEAD)
_REPLY, _CALL = int(Kind.REPLY), int(Kind.CALL)

_START_LIMIT_BYTES = 1 << 30
"""The first frame is the host's word; the policy's own cap comes with it."""

# Made before the fork: a child copies only the pages that it writes to.
CHANNEL = GuestChannel(_socket.socket(), _START_LIMIT_BYTES)
CHANNEL.socket.close()
_RING = ring.Ring()
CHANNEL.share(_RING)

_KEPT: list[ModuleType] = []
"""Modules that are in use but no longer importable."""

_MODEST = ((RLIMIT_CPU, 1), (RLIMIT_DATA, 128 << 20))
"""For what a child compiles ahead: a few lines can keep a compiler busy for hours and
fill any memory, and nobody has asked yet. What takes a second costs the child, which
has used no time before; the next start takes another."""

# What was made ahead for a target, if there was time.
_AHEAD = Ahead()
_STAGES: list[Stage] = []

_ENVIRONMENT = dict(os.environ)
_PRIVATE = ("lockgate_sandbox", "msgspec")


def run(
    plan: SealPlan,
    settings: dict[str, Any],
    channel_fd: int,
    stdio: list[int],
    *,
    ruleset: int = -1,
    warden: int = -1,
    early: bool = False,
) -> NoReturn:
    """Become the worker. The caller is a freshly forked, single-threaded child.

    `ruleset` is one for `plan`, `warden` a socket of its parent, if that is one.
    A child that comes `early` may be told what its job will be, and has time.
    """
    channel = CHANNEL
    channel.socket = _socket.socket(fileno=channel_fd)
    for number, fd in enumerate(stdio):
        os.dup2(fd, number)
    _set_environment(settings["env"])
    try:
        os.chdir("/")
        kept = (0, 1, 2, channel_fd)
        left: list[int] | None = [] if plan.tree_bytes else None
        posture = seal(
            plan,
            keep_fds=kept,
            ruleset=ruleset,
            warden=warden,
            left=left,
            files_later=True,
        )
        _enter(settings["cwd"], settings["scratch"])
        wanted = plan.limits if plan.modes.get("rlimits") != "off" else []
        opens = [limit for limit in wanted if limit[0] == RLIMIT_NOFILE]
        settings = {**settings, "rulesets": left, "opens": opens}
    except Exception as error:
        refuse(channel, error)
    # Before anything foreign is even read: a source, or what was compiled from one.
    peak = getrusage(RUSAGE_SELF).ru_maxrss
    channel.send([_READY, BEFORE_CALLS, [posture.to_wire(), peak]])
    if early and not channel.has_more():
        # Now what any job will need, under the seal.
        rehearsal.rehearse(channel, channel.has_more)
        rehearsal.look_into(plan.path)
    _do_job(channel, settings, posture)


def _do_job(
    channel: GuestChannel, settings: dict[str, Any], posture: Posture
) -> NoReturn:
    channel.limit = _START_LIMIT_BYTES
    ahead: dict[str, Any] = {}
    try:
        frame = channel.receive()
        if frame[0] == _AHEAD_OF:
            ahead = {**settings, **frame[2]}
            _look_ahead(channel, ahead, posture)
            frame = channel.receive()
    except ChannelClosed:
        os._exit(0)
    kind, call, job, *more = frame
    if kind != _START:
        os._exit(70)
    channel.limit = settings["limit"]
    job = ahead if job is None else {**settings, **job}
    if job["kind"] == "target":
        job["arguments"], job["brokered"], job["unhurried"], *first = more
        _run_target(channel, call, job, posture, first)
    if "env" in job:
        _set_environment(job["env"])
    if "cwd" in job:
        _enter(job["cwd"], settings["scratch"])
    if job["kind"] != "exec":
        set_limits(settings["opens"])
    sys.modules["__main__"] = ModuleType("__main__")
    _RUNNERS[job["kind"]](channel, call, job, posture)


def _prepare(channel: GuestChannel, job: dict[str, Any], posture: Posture) -> Stage:
    """Be what the target of `job` finds, before anything of it is executed."""
    stage = stage_for(channel, job, posture)
    if stage.path != job["path"]:
        stage.server.watch_copies()
        set_scene(job["path"])
    if job["packages"]:
        sys.meta_path.append(Lone(job["packages"]))
    sys.argv = [job["name"]]
    return stage


def _look_ahead(channel: GuestChannel, job: dict[str, Any], posture: Posture) -> None:
    """Make what the target of `job` will need; execute nothing of it."""
    wanted = channel.has_more
    if wanted():
        return
    _STAGES.append(_prepare(channel, job, posture))
    rehearsal.rehearse(channel, wanted, _STAGES[0])
    if not wanted():
        with Lowered(_MODEST):
            _AHEAD.compile(job["target"].partition(":")[0])
    set_limits(job["opens"])  # now that nothing is practised any more


def _enter(folder: str, scratch: str | None) -> None:
    try:
        os.chdir(folder)
    except OSError:  # hidden or closed for this uid
        os.chdir(scratch or "/")


def _set_environment(wanted: dict[str, str]) -> None:
    if wanted == _ENVIRONMENT:
        return
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


def _run_target(
    channel: GuestChannel,
    call: bytes,
    job: dict[str, Any],
    posture: Posture,
    first: list[Any],
) -> NoReturn:
    """Build the target and serve it, to begin with the call that came along."""
    if _STAGES:
        stage = _STAGES[0]
    else:
        stage = _prepare(channel, job, posture)
        set_limits(job["opens"])
    if job["unhurried"]:
        rehearsal.rehearse(channel, lambda: False, stage)
    session, claims = stage.session, stage.claims
    if job["brokered"]:
        shim.install(session)
    session.begin(call)
    at = "import"
    try:
        module, _, names = job["target"].partition(":")
        _AHEAD.load(module)
        found: Any = sys.modules[module]
        for name in names.split("."):
            found = member(found, name)
        at = "target"
        handler = found(session, **job["arguments"])
        if not callable(handler):
            msg = f"{job['target']} gave no handler but a {type(handler).__name__}"
            raise TypeError(msg)
    except BaseException as error:
        reserve.spend(error)
        fail_with(channel, call, at, error, claims.limit_of(error))
    if not first:
        session.finish([_REPLY, call, None])
    _RING.ask = session.ask_for_room
    stage.server.begin(handler)
    stage.server.serve([_CALL, call, *first] if first else None)


def _run_preload(
    channel: GuestChannel, call: bytes, job: dict[str, Any], posture: Posture
) -> NoReturn:
    try:
        nest = preloading.Nest(
            channel,
            SealPlan.from_data(job["plan"]),
            (job["rulesets"] or [-1])[0],
            lambda: _do_job(channel, job, posture),
        )
        threads.claim()
        sys.path[:] = [*STDLIB, *job["path"]]
        preloading.preload(job["preload"])
        stage = build_ahead(channel, job, posture)
        preloading.settle(channel, stage, [] if nest.may_copy else job["path"])
    except BaseException as error:
        fail_with(channel, call, "preload", error)
    channel.send([_REPLY, call, None])
    nest.serve()


_RUNNERS = {
    "exec": run_exec,
    "file": run_file,
    "preload": _run_preload,
}
