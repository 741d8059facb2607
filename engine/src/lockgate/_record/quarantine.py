"""Which plugins are in quarantine, kept from one host to the next.

One small JSON file per plugin in ``STATE/quarantine``. A record is about one version
and digest: other files of the plugin start with a clean slate. It is no boundary
(what a plugin may do is the sandbox's matter), so a damaged record counts as none.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lockgate.errors import PluginUnavailableError
from lockgate.owned import replace_whole

if TYPE_CHECKING:
    from lockgate.discovery import PluginState
    from lockgate.values import Data

__all__ = ["Quarantine", "QuarantineFolder", "file_name", "with_quarantine"]

RECORD_LIMIT_BYTES = 64 * 1024
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
WAY_OUT = (
    "See `lockgate logs NAME`. `lockgate quarantine clear NAME` tries it again; "
    "so does another version."
)


def file_name(plugin: str) -> str:
    """A file name for a plugin's name, which may be anything: no two share one."""
    if _PLAIN.fullmatch(plugin) and ".." not in plugin:
        return plugin
    from hashlib import sha256

    return f"_{sha256(plugin.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Why a plugin is not started any more, of which version, since when (UTC)."""

    plugin: str
    version: str
    digest: str
    reason: str
    at: str

    def to_dict(self) -> dict[str, Data]:
        """The record as plain data."""
        return asdict(self)

    def covers(self, version: str, digest: Callable[[], str]) -> bool:
        """Whether this very version, with these very files, is meant."""
        if version != self.version:
            return False
        try:
            return digest() == self.digest
        except PluginUnavailableError:
            return False


class QuarantineFolder:
    """The records below a state folder, which need not exist."""

    def __init__(self, state_dir: str) -> None:
        self._folder = Path(state_dir, "quarantine")

    def read(self, plugin: str) -> Quarantine | None:
        """A plugin's record; None if there is none that can be read."""
        return _read(self._path(plugin), plugin)

    def has(self, plugin: str) -> bool:
        """Whether there is a record of that plugin: one call to the system."""
        return os.path.lexists(self._path(plugin))

    def any(self) -> bool:
        """Whether there may be records at all: one call to the system."""
        return os.path.lexists(self._folder)

    def all(self) -> tuple[Quarantine, ...]:
        """Every record, by plugin."""
        paths: list[Path] = []
        with suppress(OSError):
            paths = sorted(self._folder.glob("[!.]*.json"))
        found = [_read(path) for path in paths]
        known = [record for record in found if record is not None]
        return tuple(sorted(known, key=lambda record: record.plugin))

    def put(self, record: Quarantine) -> bool:
        """Keep a record; false where the state folder can't be written."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            content = json.dumps(record.to_dict(), indent=1).encode()
            replace_whole(self._path(record.plugin), content)
        except OSError:
            return False
        return True

    def clear(self, plugin: str) -> bool:
        """Forget a plugin's record; false if there was none.

        Raises:
            OSError: If it can't be removed.
        """
        try:
            self._path(plugin).unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _path(self, plugin: str) -> Path:
        return self._folder / f"{file_name(plugin)}.json"


def _read(path: Path, plugin: str = "") -> Quarantine | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            raw: object = json.loads(file.read(RECORD_LIMIT_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(raw, dict):
        return None
    table = cast("dict[str, object]", raw)
    values = [table.get(field.name) for field in fields(Quarantine)]
    if not all(isinstance(value, str) for value in values):
        return None
    record = Quarantine(*cast("list[str]", values))
    return record if plugin in ("", record.plugin) else None


def with_quarantine(
    states: Iterable[PluginState], folder: QuarantineFolder
) -> tuple[PluginState, ...]:
    """What discovery found, with those that an earlier host put in quarantine."""
    if not folder.any():
        return tuple(states)
    records = {record.plugin: record for record in folder.all()}

    def now(state: PluginState) -> PluginState:
        record = records.get(state.name)
        if record is None or not state.usable:
            return state
        if not record.covers(state.version, lambda: state.digest):
            return state
        return state.with_state(
            "quarantined", record.reason, WAY_OUT.replace("NAME", state.name)
        )

    return tuple(now(state) for state in states)
