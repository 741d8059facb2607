"""What it costs to resolve again what was resolved before."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from lockgate_marketplace.fetch import Credentials, Fetcher
from lockgate_marketplace.memory import LocalMemory
from lockgate_marketplace.resolve import IndexClient, Policy, Want, resolve
from lockgate_marketplace.sources import Index, Sources
from tests.bench.harness import Row, Unavailable, command_seconds, paired
from tests.support.indexes import LoopbackIndex, loopback_index

__all__ = ["ROWS"]

_PLUGINS = 50


def _warm(name: str) -> Row:
    """50 plugins with a warm cache: each page revalidated once, and nothing else.

    uv asks the same index the same question, also told to revalidate what it has; its
    side is a whole process, which starts in some ten milliseconds.
    """
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    if not Path(uv).exists():
        raise Unavailable("uv is not installed")
    with ExitStack() as stack:
        index = stack.enter_context(loopback_index())
        index.add("base")
        names = [f"plugin{number}" for number in range(_PLUGINS)]
        for plugin in names:
            index.add(plugin, requires=["base"])
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fetcher = Fetcher(folder / "cache", credentials=Credentials({}, {}))
        stack.callback(fetcher.close)
        sources = Sources({"main": Index("main", index.url)}, cooldown=timedelta())
        memory = LocalMemory(folder / "seen")
        wants = [Want.parse(plugin) for plugin in names]

        def once() -> int:
            client = IndexClient(sources, fetcher, memory)
            return len(resolve(wants, client, Policy.running()).pinned)

        def ours() -> float:
            before = len(index.requests)
            began = time.perf_counter()
            pinned = once()
            took = time.perf_counter() - began
            _check(index, before, pinned)
            return took

        asked = folder / "asked.txt"
        asked.write_text("\n".join(names))
        where = ["--index-url", index.url, "--cache-dir", str(folder / "uv")]
        how = ["--quiet", "--no-config", "--refresh", "--python", sys.executable]

        peer = command_seconds([uv, "pip", "compile", *how, *where, str(asked)])
        once()
        return paired(
            name,
            ours,
            peer,
            peer_name="uv pip compile --refresh, warm",
            target=1.0,
            rounds=7,
        )


def _check(index: LoopbackIndex, before: int, pinned: int) -> None:
    asked = index.requests[before:]
    if pinned != _PLUGINS + 1 or len(asked) != _PLUGINS + 1:
        raise RuntimeError(f"{len(asked)} requests for {pinned} projects")
    if not all(request.header("if-none-match") for request in asked):
        raise RuntimeError("a request was more than a revalidation")


ROWS = {"marketplace-resolve-warm": _warm}
