"""`lockgate.plugin.DataFolder` as a sealed worker has it: each use asks the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from lockgate.values import Data

__all__ = ["WorkerData"]


class _Asking(Protocol):
    def call_host(self, name: str, arguments: Mapping[str, Data]) -> Data:
        """Run the host's callback `name` and give its value."""
        ...


class WorkerData:
    """The plugin's own files; the host holds them (`lockgate._data.folder`)."""

    def __init__(self, session: _Asking) -> None:
        self._session = session

    def read(self, path: str) -> bytes:
        """The content of a file."""
        return bytes(cast(bytes, self._session.call_host("data.read", {"path": path})))

    def write(self, path: str, content: bytes) -> None:
        """Put a file in the place of what was there, whole."""
        # A bytearray or an array would cross as something else.
        asked: dict[str, Data] = {"path": path, "content": bytes(content)}
        self._session.call_host("data.write", asked)

    def delete(self, path: str) -> None:
        """Remove a file."""
        self._session.call_host("data.delete", {"path": path})

    def paths(self) -> tuple[str, ...]:
        """Every file."""
        found = self._session.call_host("data.paths", {})
        return tuple(cast("list[str]", found))
