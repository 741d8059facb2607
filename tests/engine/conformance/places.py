"""The places where the suite's plugins run, and the forms in which they are asked.

A `Place` is one host with the same plugins in it: sealed behind workers, or in the
host's own process as the trusted base is; called plainly, or awaited.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from lockgate import _host
from lockgate._rights.file import GrantsFile
from lockgate.aio import AsyncHost
from lockgate.discovery import discover
from lockgate.errors import LockgateError
from lockgate.grants import rights_asked
from lockgate.host import Answers, Host
from lockgate.shipped import FirstParty, ShippedPolicy
from tests.support.host_plugins import Site

__all__ = ["PLACES", "Place", "Plugins", "Read", "opened"]

Plugins = Mapping[str, Callable[[str], list[str]]]
"""Each plugin's lines of ``[hooks]``, made of the name of its module."""

PLACES = ("workers", "workers, awaited", "in the host", "in the host, awaited")

IMPL = Path(__file__).with_name("impl.py").read_text("utf-8")

KINDS = ("analyzer", "service", "ai", "hardware")


@dataclass
class Read:
    """What came of reading a stream: its items, and what went wrong."""

    items: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    error: Exception | None = None
    failed: list[str] = field(default_factory=list[str])
    asked: tuple[str, ...] = ()


class Place:
    """One host; `lines` is what the plugins logged since the last call."""

    def __init__(
        self,
        call: Callable[..., Answers[Any]],
        read: Callable[..., Read],
        host: Host,
        lines: list[str],
    ) -> None:
        self._call = call
        self._read = read
        self.host = host
        self.lines = lines

    def call(self, hook: str, **arguments: Any) -> Answers[Any]:
        self.lines.clear()
        return self._call(hook, **arguments)

    def read(self, hook: str, *, most: int = 1000, **arguments: Any) -> Read:
        """Up to `most` items of a stream, which is then closed."""
        self.lines.clear()
        return self._read(hook, most, **arguments)


def package_of(name: str) -> str:
    return f"{name.replace('-', '_')}_plugin"


def manifest(
    name: str, hooks: Sequence[str], *, trusted: bool, kinds: Sequence[str] = KINDS
) -> str:
    return "\n".join(
        [
            "schema = 1",
            f'name = "{name}"',
            'summary = "A plugin of the conformance suite."',
            f"kinds = {json.dumps(list(kinds))}",
            'hook-api = ">=1,<2"',
            f'tier = "{"system" if trusted else "read-only"}"',
            "[hooks]",
            *hooks,
        ]
    )


@contextmanager
def opened(
    place: str,
    root: Path,
    plugins: Plugins,
    *,
    source: str = IMPL,
    kind: str = "",
    added: str = "",
) -> Generator[Place]:
    """A host at `place`; `plugins` maps each name to its lines of ``[hooks]``.

    They are of `kind`, if it is given, which one more plugin adds: `added` is the end
    of its manifest.
    """
    trusted = place.startswith("in the host")
    site = Site(root)
    for name, hooks in plugins.items():
        lines = hooks(f"{package_of(name)}.impl")
        kinds = (kind,) if kind else KINDS
        site.add(
            name, source, manifest=manifest(name, lines, trusted=trusted, kinds=kinds)
        )
    if kind:
        text = manifest("adder", [], trusted=False, kinds=("service",))
        site.add("adder", "raise SystemExit", manifest=f"{text}\n{added}")
    if not trusted:
        grant_all(site)
    said: list[str] = []
    with (
        in_the_host(site, plugins) if trusted else nullcontext(),
        site.open(on_log=lambda line: said.append(line.message)) as host,
    ):
        if place.endswith("awaited"):
            yield from awaited(host, said)
        else:
            yield Place(host.call, partial(read, host), host, said)


@contextmanager
def in_the_host(site: Site, names: Iterable[str]) -> Generator[None]:
    """The plugins `names` of `site` are the trusted base, and forgotten at the end."""
    parties = {
        name: FirstParty(name, f"test-{name}", ("tier:system",), in_host=True)
        for name in names
    }
    policy = ShippedPolicy(MappingProxyType(parties))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_host, "shipped_policy", lambda: policy)
        patch.setattr(sys, "path", [str(site.folder), *sys.path])
        yield
    packages = {package_of(name) for name in names}
    for module in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[module]


def read(host: Host, hook: str, most: int, **arguments: Any) -> Read:
    found = Read()
    with host.stream(hook, **arguments) as stream:
        try:
            for item in stream:
                found.items.append((item.plugin, item.value))
                if len(found.items) == most:
                    break
        except (LockgateError, ExceptionGroup) as error:
            found.error = error
    found.failed = [failure.plugin for failure in stream.failed]
    found.asked = stream.asked
    return found


async def aread(host: AsyncHost, hook: str, most: int, **arguments: Any) -> Read:
    found = Read()
    async with host.stream(hook, **arguments) as stream:
        try:
            async for item in stream:
                found.items.append((item.plugin, item.value))
                if len(found.items) == most:
                    break
        except (LockgateError, ExceptionGroup) as error:
            found.error = error
    found.failed = [failure.plugin for failure in stream.failed]
    found.asked = stream.asked
    return found


def awaited(host: Host, lines: list[str]) -> Iterator[Place]:
    beside = AsyncHost(host)
    with asyncio.Runner() as runner:

        def call(hook: str, **arguments: Any) -> Answers[Any]:
            return runner.run(beside.call(hook, **arguments))

        def read_all(hook: str, most: int, **arguments: Any) -> Read:
            return runner.run(aread(beside, hook, most, **arguments))

        yield Place(call, read_all, host, lines)
        runner.run(beside.close())


def grant_all(site: Site) -> None:
    """Give every plugin what it asks for, as its owner does."""
    from lockgate._seating.seats import identity_of

    file = GrantsFile(Path(site.config.grants_file))
    for state in discover([str(site.folder)]).plugins:
        assert state.manifest is not None
        asked = rights_asked(state.manifest)
        if asked:
            keys = frozenset(right.key for right in asked)
            file.grant(identity_of(state), asked, keys)
