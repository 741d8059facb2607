"""The places where the suite's plugins run, and the forms in which they are asked.

A `Place` is one host with the same plugins in it: sealed behind workers, or in the
host's own process as the trusted base is; called plainly, or awaited.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from lockgate import _host
from lockgate._grants import GrantsFile
from lockgate.aio import AsyncHost
from lockgate.discovery import discover
from lockgate.grants import rights_asked
from lockgate.host import Answers, Host, LogLine
from lockgate.shipped import FirstParty, ShippedPolicy
from tests.support.host_plugins import Site

__all__ = ["PLACES", "Place", "Plugins", "opened"]

Plugins = Mapping[str, Callable[[str], list[str]]]
"""Each plugin's lines of ``[hooks]``, made of the name of its module."""

PLACES = ("workers", "workers, awaited", "in the host", "in the host, awaited")

IMPL = Path(__file__).with_name("impl.py").read_text("utf-8")

KINDS = '["analyzer", "service", "ai", "hardware"]'


class Place:
    """One host; `lines` is what the plugins logged since the last call."""

    def __init__(
        self, call: Callable[..., Answers[Any]], host: Host, lines: list[str]
    ) -> None:
        self._call = call
        self.host = host
        self.lines = lines

    def call(self, hook: str, **arguments: Any) -> Answers[Any]:
        self.lines.clear()
        return self._call(hook, **arguments)


def manifest(name: str, hooks: Sequence[str], *, trusted: bool) -> str:
    return "\n".join(
        [
            "schema = 1",
            f'name = "{name}"',
            'summary = "A plugin of the conformance suite."',
            f"kinds = {KINDS}",
            'hook-api = ">=1,<2"',
            f'tier = "{"system" if trusted else "read-only"}"',
            "[hooks]",
            *hooks,
        ]
    )


@contextmanager
def opened(place: str, root: Path, plugins: Plugins) -> Generator[Place]:
    """A host at `place`; `plugins` maps each name to its lines of ``[hooks]``."""
    trusted = place.startswith("in the host")
    site = Site(root)
    for name, hooks in plugins.items():
        text = manifest(name, hooks(f"{name}_plugin.impl"), trusted=trusted)
        site.add(name, IMPL, manifest=text)
    lines: list[str] = []

    def log(line: LogLine) -> None:
        lines.append(line.message)

    with pytest.MonkeyPatch.context() as patch:
        if trusted:
            parties = {
                name: FirstParty(name, f"test-{name}", ("tier:system",), in_host=True)
                for name in plugins
            }
            policy = ShippedPolicy(MappingProxyType(parties))
            patch.setattr(_host, "shipped_policy", lambda: policy)
            patch.setattr(sys, "path", [str(site.folder), *sys.path])
        else:
            grant_all(site)
        with site.open(on_log=log) as host:
            if place.endswith("awaited"):
                yield from awaited(host, lines)
            else:
                yield Place(host.call, host, lines)
    for name in [n for n in sys.modules if n.partition("_plugin")[0] in plugins]:
        del sys.modules[name]


def awaited(host: Host, lines: list[str]) -> Iterator[Place]:
    beside = AsyncHost(host)
    with asyncio.Runner() as runner:

        def call(hook: str, **arguments: Any) -> Answers[Any]:
            return runner.run(beside.call(hook, **arguments))

        yield Place(call, host, lines)
        runner.run(beside.close())


def grant_all(site: Site) -> None:
    """Give every plugin what it asks for, as its owner does."""
    from lockgate._seats import identity_of

    file = GrantsFile(Path(site.config.grants_file))
    for state in discover([str(site.folder)]).plugins:
        assert state.manifest is not None
        asked = rights_asked(state.manifest)
        if asked:
            keys = frozenset(right.key for right in asked)
            file.grant(identity_of(state), asked, keys)
