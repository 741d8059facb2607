"""The part of a session that asks the host's broker for things.

It holds no power: every method is a host callback that the broker answers or
refuses. Imported in the zygote, hence nothing but names at import time.
"""

from __future__ import annotations

from lockgate_sandbox._inside import transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO, Any

__all__ = ["Reach", "Ungranted"]

# The letters of a mode in any order, to the one that the host knows.
_MODES = {"+r": "r+", "+w": "w+", "+a": "a+", "+x": "x+"}


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
        return transport.build(self.call_host)

    def open(self, path: str, mode: str = "r", **options: Any) -> IO[Any]:
        """A file outside the scratch folder, as the builtin ``open`` gives it.

        `mode` and `options` (``encoding``, ``newline``...) are the builtin's.

        Raises:
            HostCallError: If the path is not granted, or can't be opened; also a
                PermissionError, FileNotFoundError or the like.
        """
        kept = "".join(sorted(mode.replace("b", "").replace("t", "")))
        asked = {"path": str(path), "mode": _MODES.get(kept, kept)}
        _, fds = self.call_host_fds("broker.file.open", asked)
        # There, and empty where it should be, is the file already.
        return open(fds[0], mode.replace("x", "w"), **options)  # noqa: PTH123

    def open_device(self, name: str) -> int:
        """The open descriptor of a granted device, the caller's to close.

        It is non-blocking, and nobody else's as long as it is open.

        Raises:
            HostCallError: If it is not granted, or can't be opened; with the code
                ``device-busy`` if another program uses it.
        """
        _, fds = self.call_host_fds("broker.device.open", {"name": name})
        return fds[0]

    def run_tool(
        self,
        name: str,
        arguments: Sequence[str] = (),
        *,
        stdin: bytes = b"",
        files: Mapping[str, bytes] | None = None,
        collect: Sequence[str] = (),
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Have the host run a granted program of the machine and wait for it.

        It starts in a fresh folder with `files`; gives ``status``, ``stdout``,
        ``stderr`` and the ``files`` that the globs of `collect` name.

        Raises:
            HostCallError: If it is not granted, is not there, or reaches a limit.
        """
        asked = {
            "name": name,
            "arguments": list(arguments),
            "stdin": stdin,
            "files": dict(files or {}),
            "collect": list(collect),
            "timeout": timeout,
        }
        number = self.call_host("broker.tool.run", asked)
        while True:
            found = self.call_host("broker.tool.wait", {"id": number})
            if found is not None:
                result: dict[str, Any] = found
                return result


class Ungranted(Reach):
    """What a file has that was granted nothing: each wish is refused, and says why."""

    def call_host(self, name: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Refuse.

        Raises:
            PermissionError: Always.
        """
        what = " ".join(str(v) for v in (arguments or {}).values() if type(v) is str)
        raise PermissionError(
            f"{name.removeprefix('broker.')} {what}: nothing was granted to this file; "
            "--secret, --allow-net, --allow-device and their like grant"
        )

    def call_host_fds(
        self, name: str, arguments: Mapping[str, Any] | None = None
    ) -> tuple[Any, list[int]]:
        """Refuse, as `call_host` does."""
        return self.call_host(name, arguments), []
