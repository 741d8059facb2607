"""Trace ids: W3C's form in and out, and the same one wherever a call leaves a mark."""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate._record.trace import Span, current, parse_traceparent
from lockgate.errors import HookError, UsageError
from lockgate.host import AsyncHost, AuditRecord, LogLine, tracing
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

TREE = Tree.of({"a.txt": "text"})
GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

TALKING = """
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree, options, context):
    context.log("info", "said")
    print("printed")
    if options.get("fail"):
        raise ValueError("no")
    return Transformation(tree)
"""

SERVICE = """
from lockgate.plugin import hookimpl

@hookimpl
def run_pipeline(pipeline, context):
    context.host.call("transform", tree={"files": []})
    return {}
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.add("talking", TALKING)
    return made


@pytest.fixture
def trusted(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    manifest = manifest_of(
        "workflows",
        kinds="service",
        tier="system",
        hooks={"run_pipeline": "run_pipeline"},
    )
    site.add("workflows", SERVICE, manifest=manifest, distribution="lockgate-workflows")
    monkeypatch.setattr(sys, "path", [str(site.folder), *sys.path])
    yield site
    for name in [name for name in sys.modules if name.startswith("workflows_plugin")]:
        del sys.modules[name]


def test_one_id_marks_lines_records_calls_errors_and_files(site: Site) -> None:
    lines: list[LogLine] = []
    audit: list[AuditRecord] = []

    with site.open(on_log=lines.append, on_audit=audit.append) as host:
        with tracing(GIVEN) as span, pytest.raises(HookError) as caught:
            host.call("transform", tree=TREE, options={"fail": True})
        with tracing() as other:
            host.call("transform", tree=TREE)
        failed, good = host.calls()

    trace = GIVEN.split("-")[1]
    assert span.trace_id == trace != other.trace_id
    assert re.fullmatch(rf"00-{trace}-[0-9a-f]{{16}}-01", span.traceparent)
    assert span.traceparent != GIVEN  # the host's own span, below the caller's
    assert [line.trace for line in lines] == [trace, other.trace_id]
    assert audit[0].action == "start"
    assert audit[0].trace == audit[0].to_dict()["trace"] == trace
    assert caught.value.trace == caught.value.to_dict()["trace"] == trace
    assert (failed.outcome, good.outcome) == ("hook-failed", "answered")
    assert failed.span.trace_id == trace
    assert failed.span.parent == span.number
    assert good.to_dict()["trace"] == other.trace_id
    file = Path(site.config.state_dir, "logs", "talking.jsonl")
    written = [json.loads(line) for line in file.read_text().splitlines()]
    assert {line["trace"] for line in written} == {trace, other.trace_id}


def test_a_call_from_inside_a_plugin_is_below_it(trusted: Site) -> None:
    with trusted.open() as host:
        host.call("run_pipeline", pipeline={})
        inner, outer = host.calls()

    assert (inner.plugin, outer.plugin) == ("talking", "workflows")
    assert inner.span.trace == outer.span.trace
    assert inner.span.parent == outer.span.number
    assert current.get() is None


def test_calls_without_a_caller_are_traces_of_their_own(site: Site) -> None:
    random.seed(0)
    with site.open() as host:
        host.call("transform", tree=TREE)
        random.seed(0)
        host.call("transform", tree=TREE)
        first, second = host.calls()

    assert first.span.trace != second.span.trace


def test_the_asynchronous_host_carries_it_to_its_threads(site: Site) -> None:
    async def scenario() -> set[str]:
        async with AsyncHost.open(site.config, search_path=[site.folder]) as host:
            with tracing(GIVEN):
                await host.call("transform", tree=TREE)
            await host.call("transform", tree=TREE)
            return {call.span.trace_id for call in host.calls()}

    found = asyncio.run(scenario())
    assert GIVEN.split("-")[1] in found
    assert len(found) == 2


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 1))
def test_the_form_goes_both_ways(trace: int, number: int, flags: int) -> None:
    span = Span.known(trace, number, flags)
    parsed = parse_traceparent(span.traceparent)

    assert parsed.traceparent == span.traceparent
    assert (parsed.trace, parsed.number, parsed.flags) == (trace, number, flags)


def test_two_threads_see_one_id() -> None:
    for _ in range(50):
        span = Span(Span())
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(getattr, span, "traceparent") for _ in range(8)]
            assert {one.result() for one in asked} == {span.traceparent}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        GIVEN.upper(),
        GIVEN + "-more",
        GIVEN.replace("00-", "ff-", 1),
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        GIVEN + "\n",
    ],
)
def test_what_is_no_traceparent_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_traceparent(text)


def test_a_later_version_of_the_form_is_read_as_far_as_it_is_known() -> None:
    later = GIVEN.replace("00-", "01-", 1) + "-more"

    assert parse_traceparent(later).traceparent == GIVEN


@given(st.text())
def test_any_text_is_a_span_or_a_usage_error(text: str) -> None:
    try:
        span = parse_traceparent(text)
    except UsageError:
        return
    assert span.trace
