"""Wrappers behind the boundary: granted or not run, and what their deaths cost."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from lockgate._rights.file import GrantsFile
from lockgate._seating.seats import identity_of
from lockgate.errors import HookError, HookTimeoutError, WorkerCrashedError
from lockgate.grants import rights_asked
from lockgate.host import AuditRecord, Host
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

INNER = """
import os, time
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree, options):
    if options.get("inner") == "sleep":
        time.sleep(60)
    if options.get("inner") == "raise":
        raise ValueError("boom")
    return Transformation(Tree.of({"a.txt": f"inner {os.getpid()}"}))
"""

AROUND = """
import os, time
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl(wrapper=True)
def transform(options, context):
    doing = options.get(context.plugin)
    if doing == "die first":
        os._exit(3)
    if doing == "hang first":
        time.sleep(60)
    try:
        result = yield
    finally:
        context.log("info", f"{context.plugin} cleans up")
    if doing == "die after":
        os._exit(3)
    if doing == "hang after":
        time.sleep(60)
    if doing == "tamper":
        result = [Transformation(Tree.of({"a.txt": "tampered"}))]
    return result

@hookimpl(specname="analyze")
def die(tree):
    os._exit(3)
"""


class Wrapped:
    """One plugin that answers, two that wrap; `outer` comes first by its order."""

    def __init__(self, site: Site) -> None:
        self.site = site
        site.add("answer", INNER)
        for name, order in (("inner", ""), ("outer", "first")):
            target = f"{name}_plugin.impl:transform"
            wraps = f'{{ impl = "{target}", wrapper = true, order = "{order}" }}'
            manifest = manifest_of(
                name,
                kinds='transformer", "analyzer',
                hooks={"analyze": "die"},
                more=f"transform = {wraps}",
            )
            site.add(name, AROUND, manifest=manifest)
        self.lines: list[str] = []
        self.audit: list[AuditRecord] = []

    def grant(self, *names: str) -> None:
        file = GrantsFile(Path(self.site.config.grants_file))
        for name in names or ("inner", "outer"):
            state = self.site.state(name)
            assert state.manifest is not None
            asked = rights_asked(state.manifest)
            assert [right.key for right in asked] == ["wrap:transform"]
            file.grant(identity_of(state), asked, frozenset({"wrap:transform"}))

    def open(self) -> Host:
        return self.site.open(
            on_log=lambda line: self.lines.append(line.message),
            on_audit=self.audit.append,
        )


@pytest.fixture
def wrapped(tmp_path: Path) -> Wrapped:
    return Wrapped(Site(tmp_path))


def call(host: Host, *, timeout: float | None = None, **options: str) -> list[str]:
    answers = host.call("transform", tree=Tree(), options=options, timeout=timeout)
    return [f"{a.plugin}: {a.value.tree['a.txt'].text.split()[0]}" for a in answers]


def test_who_was_not_granted_to_wrap_cannot_change_what_others_answer(
    wrapped: Wrapped,
) -> None:
    with wrapped.open() as host:
        assert call(host, outer="tamper") == ["answer: inner"]  # the attack fails
        refused = [record for record in wrapped.audit if record.action == "refuse"]
        assert any("grant outer wrap:transform" in r.detail for r in refused)
        assert "outer" not in host.workers()

        wrapped.grant("outer")
        assert call(host, outer="tamper") == ["outer: tampered"]  # the layer is off

        GrantsFile(Path(wrapped.site.config.grants_file)).revoke("outer")
        assert call(host, outer="tamper") == ["answer: inner"]


def test_a_death_before_the_yield_is_the_wrappers_own(wrapped: Wrapped) -> None:
    wrapped.grant()
    with wrapped.open() as host:
        with pytest.raises(WorkerCrashedError) as caught:
            call(host, inner="die first")
        assert caught.value.plugin == "inner"
        assert wrapped.lines == ["outer cleans up"]
        assert call(host) == ["answer: inner"]


def test_a_death_after_the_yield_leaves_the_others_their_cleanup(
    wrapped: Wrapped,
) -> None:
    wrapped.grant()
    with wrapped.open() as host:
        with pytest.raises(WorkerCrashedError) as caught:
            call(host, inner="die after")
        assert caught.value.plugin == "inner"
        assert wrapped.lines == ["inner cleans up", "outer cleans up"]
        assert call(host) == ["answer: inner"]


@pytest.mark.parametrize("when", ["hang first", "hang after"])
def test_a_wrapper_that_hangs_is_blamed_and_ended(wrapped: Wrapped, when: str) -> None:
    wrapped.grant()
    with wrapped.open() as host:
        call(host)
        started = time.monotonic()
        with pytest.raises(HookTimeoutError) as caught:
            call(host, inner=when, timeout=0.5)
        assert caught.value.plugin == "inner"
        assert wrapped.lines[-1] == "outer cleans up"
        assert time.monotonic() - started < 10


def test_wrappers_end_even_if_the_calls_time_is_over(wrapped: Wrapped) -> None:
    wrapped.grant()
    with wrapped.open() as host:
        call(host)
        wrapped.lines.clear()
        with pytest.raises(HookTimeoutError) as caught:
            # (`answer` is what sleeps; `inner` is only the key that it reads.)
            call(host, inner="sleep", timeout=0.5)
        assert caught.value.plugin == "answer"
        assert wrapped.lines == ["inner cleans up", "outer cleans up"]


def test_a_wrapper_whose_worker_dies_meanwhile_is_blamed(wrapped: Wrapped) -> None:
    wrapped.site.add(
        "killer",
        """
        from lockgate.plugin import hookimpl, Transformation
        import time

        @hookimpl
        def transform(tree):
            time.sleep(0.5)
            return None
        """,
    )
    wrapped.grant()
    with wrapped.open() as host:
        call(host)
        failed: list[HookError] = []

        def ask() -> None:
            with pytest.raises(WorkerCrashedError) as caught:
                call(host)
            failed.append(caught.value)

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.2)
        with pytest.raises(WorkerCrashedError):
            host.call("analyze", tree=Tree(), plugin="inner")
        thread.join(30)

        assert [(e.plugin, e.cause) for e in failed] == [("inner", "wrapper-lost")]
        assert wrapped.lines[-1] == "outer cleans up"


def test_calls_at_once_do_not_mix_up_their_wrappers(wrapped: Wrapped) -> None:
    wrapped.grant()
    with wrapped.open() as host:
        found: dict[int, list[str]] = {}

        def ask(number: int) -> None:
            outer, inner = ("tamper", "") if number % 2 else ("", "raise")
            try:
                found[number] = call(host, outer=outer, inner=inner)
            except HookError as error:
                found[number] = [error.plugin]

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert found == {n: ["outer: tampered"] if n % 2 else ["answer"] for n in range(12)}
