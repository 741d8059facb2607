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
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.owned import replace_whole

if TYPE_CHECKING:
    from lockgate_sandbox import Device

__all__ = ["Claim", "ClaimBook", "claims_folder", "claims_held"]

_LOCKS = "/proc/locks"


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
    """One plugin's claims, in the folder that the user's hosts share."""

    def __init__(self, folder: str, plugin: str) -> None:
        self._folder = Path(folder)
        self._plugin = plugin

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
