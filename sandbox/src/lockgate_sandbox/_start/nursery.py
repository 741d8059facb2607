"""Where children come from: one keeper, its zygote, and a folder for scratch space.

What asks for a child gets the ground it stands on and its sockets; what it is for
is the caller's business.
"""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import weakref
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate_sandbox._line.ground import Ground, SettingsFile
from lockgate_sandbox._line.process import spawn
from lockgate_sandbox._line.verdicts import Verdicts
from lockgate_sandbox._seal.plan import modes_at, open_group, prepare, probe
from lockgate_sandbox._start.launch import channel_pair, launch
from lockgate_sandbox._watch.descriptors import NURSERY_DESCRIPTORS, room_for
from lockgate_sandbox._watch.scratch import remove
from lockgate_sandbox.errors import ClosedError, StartError
from lockgate_sandbox.layers import Modes
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.posture import INHERITED

if TYPE_CHECKING:
    from lockgate_sandbox.layers import Mode
    from lockgate_sandbox.linux.cgroup import Group
    from lockgate_sandbox.tiers import Tier

__all__ = ["Nursery"]

_PLANS_LIMIT = 64


class Nursery:
    """Owns keeper, zygote and scratch folder. Thread-safe.

    Raises:
        StartError: If the keeper can't be started.
        HostDescriptorsError: If the host has too few descriptors left.
    """

    def __init__(self, modes: Modes, *, follow_links: bool = True) -> None:
        self._modes = modes
        self._follow_links = follow_links
        with room_for(NURSERY_DESCRIPTORS, "a sandbox"):
            self._open(modes)
        self._verdicts = Verdicts(self._leash)
        self._lock = threading.Lock()
        self._counter = 0
        self._closed = False
        self._shared: dict[tuple[Policy, tuple[str, ...]], SettingsFile] = {}
        _NURSERIES.add(self)

    def _open(self, modes: Modes) -> None:
        try:
            self._base = os.path.realpath(tempfile.mkdtemp(prefix="lockgate-"))
        except OSError as error:
            detail = f"no folder for temporary files: {error.strerror}"
            hint = "set TMPDIR to a folder that may be written"
            raise StartError("scratch", detail, hint=hint) from error
        # Workers of another uid pass through it; it can't be listed by them.
        Path(self._base).chmod(0o711)
        try:
            self._leash, self._control = launch(
                self._base,
                namespaces=not all(map(modes.is_off, INHERITED)),
                pids=not modes.is_off("pid-namespace"),
            )
        except BaseException:
            Path(self._base).rmdir()
            raise
        self.null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)

    def close(self) -> None:
        """End the keeper with all below it, remove all scratch. May be repeated."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            with suppress(OSError):  # also in a copy that is forked at this moment
                self._leash.shutdown(socket.SHUT_RDWR)
            self._control.close()
            self._leash.close()
            os.close(self.null)
            for file in self._shared.values():
                file.close()  # what is left of a worker may still know it
            self._shared.clear()
        remove(self._base)

    def disown(self) -> None:
        """Let go without ending anything: this is a forked copy of the host."""
        self._closed = True
        self._lock = threading.Lock()
        self._leash.close()
        self._control.close()

    def ask_for_child(
        self, ground: Ground, stdio: list[int], *, later: bool = False
    ) -> tuple[socket.socket, socket.socket]:
        """Have a child forked: (our end of its channel, its life socket).

        With `later` it is forked when the zygote has nothing else to do.

        Raises:
            ClosedError: If the sandbox is closed or its keeper gone.
        """
        # Whoever may fork needs a warden, also where only a test lets it. So does who
        # can fill a folder that no file system bounds, or has threads that the kernel
        # counts with others'.
        plan = ground.plan
        tree = plan.may_fork or plan.counted or plan.modes["seccomp"] == "off"
        mine, theirs = channel_pair()
        try:
            with self._lock:  # not while `close` takes the socket away
                self.check_open()
                life = spawn(
                    self._control, theirs, stdio, ground.file, tree=tree, later=later
                )
        except BaseException:
            mine.close()
            raise
        finally:
            theirs.close()
            if not ground.file.shared:
                ground.file.close()  # read once, and this was it
        return mine, life

    def hurry(self) -> None:
        """Have every child forked now that was to be forked later."""
        with suppress(OSError), self._lock:  # its end shows in its own socket
            self._control.send(b"N", socket.MSG_NOSIGNAL)

    def modes(self, tier: Tier) -> dict[str, Mode]:
        """The mode of each layer at `tier` on this machine.

        Raises:
            StartError: If the machine cannot be probed.
        """
        return modes_at(tier, self._modes.at(tier), probe())

    def check_open(self) -> None:
        """Whether children can be asked for.

        Raises:
            ClosedError: If it is closed, or this is a forked copy of the host.
        """
        if self._closed:
            msg = "the sandbox is closed"
            raise ClosedError(msg, hint="open another one: Sandbox.open()")

    @contextmanager
    def ground(
        self, policy: Policy, path: Sequence[str], *, preloading: bool = False
    ) -> Generator[Ground]:
        """What one child stands on: scratch folder, control group, seal plan.

        `preloading`: it is to fork workers, and stands on what they share.
        """
        self.check_open()
        scratch = None
        with ExitStack() as undo:
            if policy.tier.may_write:
                scratch = self._new_folder()
                undo.callback(_at_home, os.getpid(), remove, scratch)
            group = self._group(policy, preloading)
            if group is not None:
                undo.callback(_at_home, os.getpid(), group.close)
            if scratch or group or preloading:
                plan = prepare(
                    policy,
                    self._modes,
                    path=path,
                    scratch=scratch,
                    group=group,
                    preloading=preloading,
                    follow_links=self._follow_links,
                )
                file = SettingsFile(policy, plan, scratch, shared=False)
                undo.callback(file.close)
            else:
                file = self._shared_settings(policy, tuple(path))
            yield Ground(policy, file, scratch, group, self._verdicts)

    def _shared_settings(self, policy: Policy, path: tuple[str, ...]) -> SettingsFile:
        """Settings with nothing in them that belongs to one worker alone."""
        with self._lock:
            file = self._shared.get((policy, path))
            if file is None or not file.is_current():
                self.check_open()
                if len(self._shared) >= _PLANS_LIMIT:
                    self._shared.clear()
                plan = prepare(
                    policy,
                    self._modes,
                    path=path,
                    follow_links=self._follow_links,
                )
                file = self._shared[policy, path] = SettingsFile(
                    policy, plan, None, shared=True
                )
            return file

    def _group(self, policy: Policy, preloading: bool) -> Group | None:
        if self._modes.at(policy.tier).get("cgroup") == "off":
            return None
        try:
            return open_group(policy, probe(), preloading=preloading)
        except OSError:
            # Possible a moment ago, no longer. If the layer is strict, the seal
            # refuses for want of a group; else the posture says that it is missing.
            return None

    def _new_folder(self) -> str:
        with self._lock:
            self._counter += 1
            folder = Path(self._base, str(self._counter))
        try:
            folder.mkdir(mode=0o700)
        except FileNotFoundError:
            self.check_open()  # closed meanwhile, with all its folders
            raise
        return str(folder)


def _at_home(home: int, undo: Callable[..., object], *given: object) -> None:
    """Undo what process `home` has done, there: a forked copy of it drops it too."""
    if os.getpid() == home:
        undo(*given)


_NURSERIES: weakref.WeakSet[Nursery] = weakref.WeakSet()


def _disown() -> None:
    # A forked copy of the host must not keep the keeper alive, nor use it.
    for nursery in list(_NURSERIES):
        nursery.disown()


os.register_at_fork(after_in_child=_disown)
