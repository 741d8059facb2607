"""Who has which device of this machine: a name for each lock of the kernel.

A device is claimed by the ``flock`` on its open file, which the worker holds. So
the kernel releases it: when the worker closes the device, when it or the host dies.
What lies here in a folder only says which plugin took a lock; whether one is held
still, and by which host, is read from ``/proc/locks`` (proc_locks(5)).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lockgate._rights.claim_line import Line
from lockgate.owned import replace_whole

if TYPE_CHECKING:
    from lockgate_sandbox import Device

__all__ = ["Claim", "ClaimBook", "claims_folder", "claims_held"]

_LOCKS = "/proc/locks"
_PAUSE_SECONDS = 0.02
_UNKNOWN_TRIES = 2
"""Looks at a device that is busy with nobody known to have it."""

Pause: TypeAlias = Callable[[float, str], bool]


@dataclass(frozen=True, slots=True)
class Claim:
    """A device that a plugin has open. `host` is a process, `since` a Unix time."""

    device: str
    mode: str
    plugin: str
    host: int
    since: float

    def to_dict(self) -> dict[str, object]:
        """The claim as ``--json`` prints it."""
        return asdict(self)


def claims_folder(runtime_folder: str) -> str:
    """Where the hosts of one user write their claims."""
    return f"{runtime_folder}/claims"


class ClaimBook:
    """One plugin's claims, in the folder that the user's hosts share.

    `pause` waits so many seconds, telling why; false says that there is no more time.
    """

    def __init__(self, folder: str, plugin: str, pause: Pause | None = None) -> None:
        self._folder = Path(folder)
        self._plugin = plugin
        self._pause = pause
        self._unknown = 0

    def taken(self, grant: Device, found: os.stat_result) -> None:
        """Write down that the plugin has the device `found`, and drop what is past.

        Raises:
            OSError: If it can't be written.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = _locks()
        for path in self._folder.glob("*.json"):
            key, host = _named(path)
            if (key, host) not in held:
                path.unlink(missing_ok=True)
        mode = "shared" if grant.shared else "exclusive"
        claim = Claim(grant.path, mode, self._plugin, os.getpid(), time.time())
        name = f"{_key(found)}.{os.getpid()}.{self._plugin}.json"
        replace_whole(self._folder / name, json.dumps(claim.to_dict()).encode())

    @contextmanager
    def line(
        self, grant: Device, found: os.stat_result
    ) -> Generator[Callable[[], bool]]:
        """A place in the line for the device `found`; it tells whose turn it is."""
        line = Line(self._folder, _key(found))
        self._unknown = 0

        def my_turn() -> bool:
            if not line.others_first() and not self._in_the_way(grant, found):
                return True
            if self._pause is not None:
                line.stand()
            return False

        try:
            yield my_turn
        finally:
            line.leave()

    def wait(self, grant: Device, found: os.stat_result) -> bool:
        """Wait a moment for a plugin that has the device `found`, or is before us.

        Not for another program, which nobody knows to end, and not for oneself.
        """
        have = self._in_the_way(grant, found)
        if self._pause is None or any(self._is_mine(claim) for claim in have):
            return False
        if not have and not Line(self._folder, _key(found)).others_first():
            # Just let go of, or taken by who has not written it down yet; or no plugin.
            self._unknown += 1
            if self._unknown > _UNKNOWN_TRIES:
                return False
        who = self.holders(found) or "another plugin"
        return self._pause(_PAUSE_SECONDS, f"waits for {grant.path}: {who} has it")

    def _in_the_way(self, grant: Device, found: os.stat_result) -> list[Claim]:
        """The claims of plugins that keep `grant` from the device."""
        have = _held(self._folder, _key(found))
        return [c for c in have if not (grant.shared and c.mode == "shared")]

    def _is_mine(self, claim: Claim) -> bool:
        return claim.plugin == self._plugin and claim.host == os.getpid()

    def holders(self, found: os.stat_result) -> str:
        """The plugins that have the device `found`, with their hosts."""
        have = _held(self._folder, _key(found))
        return ", ".join(f"plugin {c.plugin} (host {c.host})" for c in have)


def claims_held(folder: str) -> tuple[Claim, ...]:
    """The claims that hold at this moment, by device."""
    found = _held(Path(folder))
    return tuple(sorted(found, key=lambda claim: (claim.device, claim.since)))


def _held(folder: Path, only: str = "") -> list[Claim]:
    held = _locks()
    found: dict[tuple[str, int], list[Claim]] = {}
    for path in folder.glob(f"{only}.*.json" if only else "*.json"):
        place = _named(path)
        claim = _read(path) if place in held else None
        if claim is not None:
            found.setdefault(place, []).append(claim)
    # A host may have let go of some that it took: the last ones are what it has.
    newest = [
        sorted(claims, key=lambda claim: claim.since)[-held[place] :]
        for place, claims in found.items()
    ]
    return [claim for claims in newest for claim in claims]


def _read(path: Path) -> Claim | None:
    with suppress(OSError, ValueError, TypeError):
        data: Any = json.loads(path.read_bytes())
        return Claim(**data)
    return None


def _key(found: os.stat_result) -> str:
    """A file as ``/proc/locks`` calls it, with dashes."""
    major, minor = os.major(found.st_dev), os.minor(found.st_dev)
    return f"{major:02x}-{minor:02x}-{found.st_ino}"


def _named(path: Path) -> tuple[str, int]:
    key, _, rest = path.name.partition(".")
    host = rest.partition(".")[0]
    return key, int(host) if host.isdecimal() else 0


def _locks() -> dict[tuple[str, int], int]:
    """How often each process holds an ``flock`` on each file."""
    held: dict[tuple[str, int], int] = {}
    with suppress(OSError):
        for file, process in _flocks(Path(_LOCKS).read_text("ascii", "replace")):
            place = (file.replace(":", "-"), process)
            held[place] = held.get(place, 0) + 1
    return held


def _flocks(text: str) -> Iterator[tuple[str, int]]:
    for line in text.splitlines():
        # "3: FLOCK  ADVISORY  WRITE 731 00:1a:3 0 EOF"; "->" marks who only waits.
        words = line.split()
        if len(words) == 8 and words[1] == "FLOCK" and words[4].isdecimal():
            yield words[5], int(words[4])
