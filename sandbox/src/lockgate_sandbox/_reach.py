"""The part of a session that asks the host's broker for things.

It holds no power: every method is a host callback that the broker answers or
refuses. Imported in the zygote, hence nothing but names at import time.
"""

from __future__ import annotations

from lockgate_sandbox import _transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["Reach"]


class Reach:
    """What a worker may have its broker do. All of it may raise `HostCallError`."""

    if TYPE_CHECKING:

        def call_host(
            self, name: str, arguments: Mapping[str, Any] | None = None
        ) -> Any:
            """`Session.call_host`."""

        def call_host_fds(
            self, name: str, arguments: Mapping[str, Any] | None = None
        ) -> tuple[Any, list[int]]:
            """`Session.call_host_fds`."""
            ...

    def secret(self, name: str) -> str:
        """The value of a granted secret.

        Raises:
            HostCallError: If it is not granted, or the host has no value for it.
        """
        value: str = self.call_host("broker.secret", {"name": name})
        return value

    def http_transport(self) -> Any:
        """A transport for the plugin's own httpx, through the broker.

        ``httpx.Client(transport=...)`` and ``httpx.AsyncClient(transport=...)``
        take it; any number of clients may share it.

        Raises:
            ModuleNotFoundError: If the plugin brings no httpx.
        """
        return _transport.build(self.call_host)
