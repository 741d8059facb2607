"""The host's side of a plugin that runs in the test's own process.

The context is the one that workers have, and behind it stand the host's own broker
and policy: what is not granted is refused, programs and Python really run. Only the
seal is missing, and devices may be the test's.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate._data.folder import DataFolder, data_place
from lockgate._rights.environment import import_folders
from lockgate._rights.policy import build_plan
from lockgate._rights.records import ProgramMissingError, find_program
from lockgate._rights.services import variable_of
from lockgate._sealed.broker import Broker
from lockgate.grants import (
    Consent,
    Grant,
    Identity,
    consent,
    grant_command,
    rights_asked,
)
from lockgate.shipped import ShippedPolicy
from lockgate.values import Data

if TYPE_CHECKING:
    from lockgate._record.audit import Observer
    from lockgate.manifest import Manifest
    from lockgate.testing._devices import FakeSerial
    from lockgate_sandbox import Sandbox

__all__ = ["LocalSession"]

_OURS = ("net", "device", "secret")
"""Rights that are looked after here; in a worker, the sandbox's broker does."""


class LocalSession:
    """What `lockgate._guest.context.Session` promises, in this process."""

    def __init__(
        self,
        manifest: Manifest,
        identity: Identity,
        granted: frozenset[str],
        *,
        root: str,
        devices: Mapping[str, FakeSerial],
        transport: Any,
        sandbox: Callable[[], Sandbox],
        observer: Observer,
    ) -> None:
        self._identity = identity
        self._granted = granted
        self._devices = devices
        self._transport = transport
        self._asked = {right.key for right in rights_asked(manifest)}
        self._refused: list[Mapping[str, Data]] = []
        given = self._consent(manifest)
        plan = build_plan(manifest, given, path=(root,), limits={}, secret=())
        self.tools = sorted(plan.tools)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._kept: tempfile.TemporaryDirectory[str] | None = None
        data: DataFolder | None = None
        if given.tier != "read-only":
            self._folder = tempfile.TemporaryDirectory(prefix="lockgate-test-")
            self._kept = tempfile.TemporaryDirectory(prefix="lockgate-data-")
            data = DataFolder(
                data_place(self._kept.name, identity.plugin, identity.distribution),
                bytes_limit=plan.policy.limits.disk_bytes,
                inodes_limit=plan.policy.limits.inodes,
            )
        self._broker = Broker(
            identity, given, plan, sandbox=sandbox, observer=observer, data=data
        )
        self.programs = dict(self._programs(manifest, root))

    def _consent(self, manifest: Manifest) -> Consent:
        asked = tuple(
            right for right in rights_asked(manifest) if right.kind not in _OURS
        )
        wanted = {right.key: right.detail for right in asked}
        grant = Grant(self._identity, wanted, self._granted, any_version=True)
        nobody = ShippedPolicy({})
        return consent(
            self._identity, asked, tier=manifest.tier, grant=grant, shipped=nobody
        )

    def _programs(self, manifest: Manifest, root: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for program in manifest.rights.programs:
            if f"program:{program.name}" not in self._granted:
                continue
            try:
                folders = import_folders((root,))
                path = find_program(program.distribution, program.file, folders=folders)
                found.append((program.name, path))
            except ProgramMissingError:
                continue
        return found

    def begin(self, hook: str) -> None:
        """A call begins."""
        self._refused.clear()
        self._broker.begin(hook, float("inf"))

    @property
    def denials(self) -> tuple[Mapping[str, Data], ...]:
        """What was refused since `begin`."""
        return (*self._broker.denials, *self._refused)

    @property
    def scratch(self) -> Path | None:
        """The private folder."""
        return Path(self._folder.name) if self._folder is not None else None

    def call_host(self, name: str, arguments: Mapping[str, Data]) -> Data:
        """Run one of the broker's callbacks."""
        return self._broker.callbacks[name](arguments)

    def http_transport(self) -> Any:
        """The test's own transport, or one to the network if a host is granted."""
        if self._transport is not None:
            return self._transport
        import httpx

        if any(key.startswith("net:") for key in self._granted):
            return httpx.HTTPTransport()

        class RefusedError(httpx.TransportError, PermissionError):
            """As the broker refuses a worker."""

        def refuse(request: httpx.Request) -> httpx.Response:
            url = request.url
            port = url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
            refused = self._refuse(f"net:{url.scheme}://{url.host}:{port}/")
            raise RefusedError(str(refused)) from refused

        return httpx.MockTransport(refuse)

    def secret(self, name: str) -> str:
        """The value of a granted secret.

        Raises:
            PermissionError: If it is not granted, or has no value.
        """
        if f"secret:{name}" not in self._granted:
            raise self._refuse(f"secret:{name}")
        value = os.environ.get(variable_of(name))
        if not value:
            message = f"it is granted, but the variable {variable_of(name)} is not set"
            raise PermissionError(message)
        return value

    def open_device(self, name: str) -> int:
        """The descriptor of a fake device, or of a granted one."""
        if f"device:{name}" not in self._granted:
            raise self._refuse(f"device:{name}")
        fake = self._devices.get(name)
        if fake is not None:
            return fake.open()
        return os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)

    def _refuse(self, key: str) -> PermissionError:
        plugin = self._identity.plugin
        message = f"{plugin} may not use {key}: it is not granted"
        grant = grant_command(plugin, key) if key in self._asked else ""
        self._refused.append(
            {"right": key, "message": message, "grant": grant, "by": "broker"}
        )
        return PermissionError(f"{message}. To allow it: {grant}" if grant else message)

    def close(self) -> None:
        """Let go of everything."""
        self._broker.close()
        for folder in (self._folder, self._kept):
            if folder is not None:
                folder.cleanup()
