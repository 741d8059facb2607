"""A hook call through the host: in the process, and into a sealed worker."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pluggy

from lockgate.host import Host
from lockgate.values import Document, Transformation, Tree
from tests.bench.harness import Row, paired, per_call, pinned
from tests.support.host_plugins import Site, importable, manifest_of

__all__ = ["ROWS"]

IN_HOST = """
from lockgate.plugin import hookimpl

@hookimpl
def check_pipeline(pipeline):
    return ()
"""

SEALED = """
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree):
    return Transformation(tree)
"""

_spec = pluggy.HookspecMarker("peer")
_impl = pluggy.HookimplMarker("peer")


class _Specs:
    @_spec
    def check_pipeline(self, pipeline: Document, context: object) -> None:
        """The same arguments as the hook of ours."""


class _Plugin:
    @_impl
    def check_pipeline(self, pipeline: Document) -> tuple[str, ...]:
        return ()


@contextmanager
def _host(*, in_host: bool) -> Generator[Host, None, None]:
    """A host with one plugin: of the trusted base, or sealed."""
    with ExitStack() as stack:
        site = Site(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        if in_host:
            hooks = {"check_pipeline": "check_pipeline"}
            manifest = manifest_of(
                "workflows", kinds="service", tier="system", hooks=hooks
            )
            site.add(
                "workflows",
                IN_HOST,
                manifest=manifest,
                distribution="lockgate-workflows",
            )
            stack.enter_context(importable(site.folder))
        else:
            site.add("echo", SEALED)
        yield stack.enter_context(site.open())


def _in_process(name: str) -> Row:
    """A whole checked call of a trusted plugin, against pluggy's bare one."""
    manager = pluggy.PluginManager("peer")
    manager.add_hookspecs(_Specs)
    manager.register(_Plugin())
    peer: Callable[..., object] = manager.hook.check_pipeline
    pipeline: Document = {}
    with _host(in_host=True) as host, pinned() as placement:
        return paired(
            name,
            per_call(
                lambda: host.call("check_pipeline", pipeline=pipeline),
                1000,
                time.process_time,
            ),
            per_call(
                lambda: peer(pipeline=pipeline, context=None), 1000, time.process_time
            ),
            peer_name="pluggy",
            target=2.0,
            rounds=41,
            placement=placement,
        )


def _echo(tree: Tree) -> Transformation:
    return Transformation(tree)


def _sealed(name: str) -> Row:
    """A warm call with 1 KiB there and back, against a process pool's."""
    tree = Tree.of({"a.txt": b"x" * 1024})
    with (
        _host(in_host=False) as host,
        ProcessPoolExecutor(1) as pool,
        pinned() as placement,
    ):
        return paired(
            name,
            per_call(lambda: host.call("transform", tree=tree), 200),
            per_call(lambda: pool.submit(_echo, tree).result(), 200),
            peer_name="ProcessPoolExecutor",
            target=1.0,
            placement=placement,
        )


ROWS = {"hook-in-process": _in_process, "hook-sealed-1k": _sealed}
