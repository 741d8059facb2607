"""Calls made from inside a call: they have what is left of its time, and no more."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.aio import AsyncHost
from lockgate.errors import HookTimeoutError
from tests.support.host_plugins import Site, manifest_of

SERVICE = """
import time
from lockgate.plugin import hookimpl

@hookimpl
def run_pipeline(pipeline, context):
    time.sleep(pipeline.get("first", 0))
    if pipeline.get("form") == "stream":
        items = context.host.stream("watch_device", device="d", plugin="slow")
        return {"items": [value for _, value in items]}
    if pipeline.get("form") == "nested":
        inner = {"form": "call"}
        return context.host.call("run_pipeline", pipeline=inner, timeout=90).first
    answers = context.host.call("transform", tree={"files": []}, timeout=90)
    return {"asked": list(answers.asked)}
"""

SLOW = """
import time
from lockgate.plugin import hookimpl

@hookimpl
def transform(tree):
    time.sleep(60)

@hookimpl
def watch_device(device):
    yield b"one"
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("within"))
    hooks = {"run_pipeline": "run_pipeline"}
    manifest = manifest_of("workflows", kinds="service", tier="system", hooks=hooks)
    made.add("workflows", SERVICE, manifest=manifest, distribution="lockgate-workflows")
    slow = {"transform": "transform", "watch_device": "watch_device"}
    kinds = 'transformer", "hardware'
    made.add("slow", SLOW, manifest=manifest_of("slow", kinds=kinds, hooks=slow))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(made.folder), *sys.path])
        yield made
    for name in [name for name in sys.modules if name.startswith("workflows_plugin")]:
        del sys.modules[name]


@pytest.mark.parametrize("form", ["call", "nested", "stream"])
def test_a_call_inside_a_call_has_the_rest_of_its_time(site: Site, form: str) -> None:
    with site.open() as host:
        started = time.monotonic()
        with pytest.raises(HookTimeoutError):
            host.call("run_pipeline", pipeline={"form": form, "first": 0.2}, timeout=1)
        assert 0.9 < time.monotonic() - started < 8


def test_a_time_of_its_own_can_only_be_shorter(site: Site) -> None:
    with site.open() as host:
        with pytest.raises(HookTimeoutError) as caught:
            host.call("run_pipeline", pipeline={"form": "call"}, timeout=1)
        assert caught.value.plugin == "slow"


def test_cancelling_the_outer_call_ends_the_inner_one(site: Site) -> None:
    async def scenario() -> float:
        async with AsyncHost(site.open()) as host:
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(host.call("run_pipeline", pipeline={}), 1)
            return time.monotonic() - started

    assert asyncio.run(scenario()) < 8


def test_the_time_of_a_program_ends_with_the_call(tmp_path: Path) -> None:
    """A plugin that asks its broker for Python has the rest of its call's time too."""
    site = Site(tmp_path)
    source = """
    from lockgate.plugin import Transformation, Tree, hookimpl

    @hookimpl
    def transform(tree, context):
        code = Tree.of({"m.py": "import time\\ndef f(): time.sleep(60)\\n"})
        run = context.run_python(code, "m:f", wall_seconds=60)
        return Transformation(Tree.of({"error": run.error}))
    """
    rights = "[rights]\nworkers = true\n"
    site.add("asking", source, manifest=manifest_of("asking", more=rights))
    from lockgate._rights.file import GrantsFile
    from lockgate._seating.seats import identity_of
    from lockgate.grants import rights_asked

    state = site.state("asking")
    assert state.manifest is not None
    asked = rights_asked(state.manifest)
    file = GrantsFile(Path(site.config.grants_file))
    file.grant(identity_of(state), asked, frozenset({"workers"}))

    with site.open() as host:
        started = time.monotonic()
        with pytest.raises(HookTimeoutError):
            host.call("transform", tree={"files": []}, timeout=1)
        assert time.monotonic() - started < 8
