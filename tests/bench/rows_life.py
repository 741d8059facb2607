"""What counting, tracing and remembering add to a call of a sealed plugin."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from lockgate._call.call import Call
from lockgate._specs.spec import specs
from lockgate.values import Tree
from tests.bench.harness import Row, paired, per_call, pinned
from tests.bench.rows_hooks import SEALED
from tests.support.host_plugins import Site

__all__ = ["ROWS"]

_CALLS = 300


def _counted(name: str) -> Row:
    """The same worker, asked through its berth and asked at its seat."""
    with tempfile.TemporaryDirectory() as folder, pinned() as placement:
        site = Site(Path(folder))
        site.add("echo", SEALED)
        with site.open() as host:
            host.call("transform", tree=Tree())
            berth = host._roster.berths["echo"]  # pyright: ignore[reportPrivateUsage]
            seat, spec = berth.seat, specs()["transform"]

            def call() -> Call:
                return Call.of(spec, {"tree": Tree()}, timeout=60)

            return paired(
                name,
                per_call(lambda: berth.ask(call()), _CALLS),
                per_call(lambda: seat.ask(call()), _CALLS),
                peer_name="the same call, uncounted",
                target=1.15,
                rounds=15,
                placement=placement,
            )


ROWS: dict[str, Callable[[str], Row]] = {"calls/counted": _counted}
