"""The host's own face: every hook through it, the trusted base, its life."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lockgate._specs.spec import specs
from lockgate.errors import (
    AnswerInvalidError,
    HookError,
    HostClosedError,
    UnknownHookError,
    UnknownPluginError,
    UsageError,
)
from lockgate.host import AuditRecord, Host, Progress, to_data
from lockgate.values import (
    AnalysisReport,
    Completion,
    Device,
    DeviceHandle,
    Finding,
    Generation,
    ModelInfo,
    Position,
    Range,
    Simulation,
    Task,
    Transformation,
    Tree,
    Verdict,
)
from tests.support.host_plugins import Site, manifest_of

TREE = Tree.of({"a.txt": "text"})

EVERYTHING = """
from lockgate.plugin import *
from lockgate.plugin import hookimpl

@hookimpl
def generate(spec, targets):
    return Generation(Tree.of({"name": spec["name"]}), targets=tuple(targets))

@hookimpl
def generator_targets():
    return ("one", "two")

@hookimpl
def analyze(tree, contract):
    span = Range(Position(1, 2), Position(3))
    return AnalysisReport((Finding("a.txt", "rule", "warning", str(contract), span),))

@hookimpl
def transform(tree, options):
    return Transformation(tree)

@hookimpl
def discover_devices():
    return (Device("d1", "board", "A board.", simulated=True),)

@hookimpl
def open_device(device):
    return DeviceHandle(device, 7)

@hookimpl
def read_device(handle, size, timeout):
    return bytes(size) + str(timeout).encode()

@hookimpl
def write_device(handle, data):
    return len(data)

@hookimpl
def close_device(handle):
    return handle.handle == 7

@hookimpl
def simulate(tree, contract, board):
    events = ({"at_us": 1, "kind": "pin"},)
    return Simulation(board, True, 10, events, (Verdict("v", True),))

@hookimpl
def list_models():
    return (ModelInfo("m", "A model.", ("explain",)),)

@hookimpl
def can_handle(task):
    return 1

@hookimpl
def complete(task, model):
    return Completion(task.prompt, model)

@hookimpl
def embed(texts):
    return tuple((float(len(text)), 0.0) for text in texts)

@hookimpl
def run_pipeline(pipeline, inputs, files):
    return {"name": pipeline["name"], "inputs": inputs, "files": len(files)}

@hookimpl
def check_pipeline(pipeline):
    return ("wrong",)

@hookimpl
def diagnose():
    return ({"name": "n", "state": "ok", "message": "", "hint": ""},)
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    site = Site(tmp_path_factory.mktemp("everything"))
    hooks = {name: name for name in specs()}
    kinds = '", "'.join(dict.fromkeys(spec.kind for spec in specs().values()))
    site.add("all", EVERYTHING, manifest=manifest_of("all", kinds=kinds, hooks=hooks))
    with site.open() as host:
        yield host


def test_the_plugin_of_these_tests_answers_every_hook(everything: Host) -> None:
    assert [hook for hook in specs() if everything.implementers(hook) != ("all",)] == []


def test_generators_answer(everything: Host) -> None:
    generation = everything.call("generate", spec={"name": "n"}, targets=("t",)).first

    assert generation == Generation(Tree.of({"name": "n"}), targets=("t",))
    assert everything.call("generator_targets").first == ("one", "two")


def test_analyzers_answer(everything: Host) -> None:
    report = everything.call("analyze", tree=TREE, contract={"a": 1}).first

    span = Range(Position(1, 2), Position(3))
    finding = Finding("a.txt", "rule", "warning", "{'a': 1}", span)
    assert report == AnalysisReport((finding,))


def test_transformers_answer(everything: Host) -> None:
    assert everything.call("transform", tree=TREE).first == Transformation(TREE)


def test_hardware_answers(everything: Host) -> None:
    devices = everything.call("discover_devices").first
    handle = everything.call("open_device", device="d1").first

    assert devices == (Device("d1", "board", "A board.", simulated=True),)
    assert handle == DeviceHandle("d1", 7)
    read = everything.call("read_device", handle=handle, size=2, timeout=0.5)
    assert read.first == b"\0\x000.5"
    assert everything.call("write_device", handle=handle, data=b"abc").first == 3
    assert everything.call("close_device", handle=handle).first is True


def test_boards_answer(everything: Host) -> None:
    simulation = everything.call("simulate", tree=TREE, board="virtual").first

    assert simulation == Simulation(
        "virtual", True, 10, ({"at_us": 1, "kind": "pin"},), (Verdict("v", True),)
    )


def test_agents_answer(everything: Host) -> None:
    task = Task("explain", "why?", tree=TREE)

    assert everything.call("list_models").first == (
        ModelInfo("m", "A model.", ("explain",)),
    )
    assert everything.call("can_handle", task=task).first == 1.0
    assert everything.call("complete", task=task).first == Completion("why?", "")
    assert everything.call("embed", texts=("ab", "")).first == ((2.0, 0.0), (0.0, 0.0))


def test_services_answer(everything: Host) -> None:
    run = everything.call("run_pipeline", pipeline={"name": "p"}, inputs={"a": b"b"})

    assert run.first == {"name": "p", "inputs": {"a": b"b"}, "files": 0}
    assert everything.call("check_pipeline", pipeline={}).first == ("wrong",)
    assert everything.call("diagnose").first[0]["state"] == "ok"


def test_an_answer_is_plain_data_too(everything: Host) -> None:
    answers = everything.call("transform", tree=TREE)

    data = answers.items[0].data
    assert data == to_data(Transformation(TREE))
    document = answers.to_dict()
    assert document["hook"] == "transform"
    assert document["asked"] == ["all"]


# -- the trusted base -----------------------------------------------------------------

SERVICE = """
from lockgate.plugin import hookimpl

@hookimpl
def run_pipeline(pipeline, inputs, context):
    action = pipeline.get("action", "")
    if action == "call":
        context.progress("calling", 0.5)
        answers = context.host.call("transform", tree={"files": []})
        return {"asked": list(answers.asked), "plugin": context.plugin}
    if action == "wrong":
        return 42
    if action == "exit":
        raise SystemExit(3)
    if action == "program":
        context.run_program("ls", [])
    if action == "config":
        return dict(context.config)
    return None
"""


@pytest.fixture
def trusted(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A plugin that has the name and distribution of one of the trusted base."""
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


def test_the_trusted_base_runs_in_the_host_and_can_call_it(trusted: Site) -> None:
    site = trusted
    site.add(
        "same",
        "from lockgate.plugin import *\nfrom lockgate.plugin import hookimpl\n"
        "@hookimpl\ndef transform(tree): return Transformation(tree)\n",
    )
    heard: list[Progress] = []
    audit: list[AuditRecord] = []

    with site.open(on_progress=heard.append, on_audit=audit.append) as host:
        assert "workflows_plugin.impl" not in sys.modules  # not before its first call
        answer = host.call("run_pipeline", pipeline={"action": "call"}).items[0]

    assert answer.value == {"asked": ["same"], "plugin": "workflows"}
    assert answer.tier == "system"
    assert answer.posture == {"layers": [], "in-host": True}
    assert heard == [Progress("workflows", "run_pipeline", "calling", 0.5)]
    assert [record.action for record in audit] == ["import", "start"]


@pytest.mark.parametrize(
    ("action", "error", "words"),
    [
        ("wrong", AnswerInvalidError, "should be an object"),
        ("exit", HookError, "SystemExit: 3"),
        ("program", HookError, "trusted base starts no programs"),
    ],
)
def test_what_fails_in_the_host_is_blamed_like_what_fails_in_a_worker(
    trusted: Site, action: str, error: type[HookError], words: str
) -> None:
    with trusted.open() as host, pytest.raises(error, match=words) as caught:
        host.call("run_pipeline", pipeline={"action": action})

    assert caught.value.plugin == "workflows"


def test_in_safe_mode_the_trusted_base_still_answers(trusted: Site) -> None:
    config = replace(trusted.config, plugins={"workflows": {"a": 1}})

    with trusted.open(config=config, safe=True) as host:
        answers = host.call("run_pipeline", pipeline={"action": "config"})

    assert answers.first == {"a": 1}


def test_the_name_alone_does_not_get_a_plugin_into_the_host(site: Site) -> None:
    manifest = manifest_of(
        "workflows",
        kinds="service",
        tier="system",
        hooks={"run_pipeline": "run_pipeline"},
    )
    site.add("workflows", SERVICE, manifest=manifest, distribution="lockgate-workfiows")

    with site.open() as host:
        answers = host.call("run_pipeline", pipeline={"action": "config"})
        with pytest.raises(HookError, match="host"):
            host.call("run_pipeline", pipeline={"action": "call"})

    assert answers.items[0].tier == "basic"
    assert "workflows_plugin.impl" not in sys.modules


def test_a_package_of_that_name_from_elsewhere_is_not_imported(
    trusted: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier folder of ``sys.path`` must not slip its code into the host."""
    shadow = tmp_path / "shadow" / "workflows_plugin"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text("raise SystemError('ran')", "utf-8")
    monkeypatch.setattr(sys, "path", [str(shadow.parent), *sys.path])

    with (
        trusted.open() as host,
        pytest.raises(HookError, match="not from its own") as caught,
    ):
        host.call("run_pipeline", pipeline={})
    assert caught.value.cause == "import-refused"


# -- its life -------------------------------------------------------------------------


def test_opening_and_closing_a_host_starts_nothing(site: Site) -> None:
    with site.open() as host:
        assert host.plugins() == ()
        assert host.workers() == {}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"config": {"timeout": 3}}, "config is a Config, not a value of type dict"),
        ({"plugins": "acme"}, "plugins is a list, not one text: 'acme'"),
        ({"search_path": "/srv"}, "search_path is a list, not one text: '/srv'"),
    ],
    ids=str,
)
def test_what_a_host_is_opened_with_is_looked_at(
    given: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError) as refused:
        Host.open(**given)

    assert refused.value.message == told
    assert refused.value.hint


def test_a_closed_host_says_so(site: Site) -> None:
    host = site.open()
    host.close()

    with pytest.raises(HostClosedError):
        host.call("transform", tree=TREE)


def test_unknown_names_are_answered_with_the_nearest_known(everything: Host) -> None:
    with pytest.raises(UnknownHookError) as hook:
        everything.implementers("analyse")
    with pytest.raises(UnknownPluginError):
        everything.release("none")

    assert "analyze" in hook.value.hint
    everything.release("all")


def test_calls_from_many_threads_to_one_plugin_take_turns(everything: Host) -> None:
    found: list[Generation] = []

    def ask(number: int) -> None:
        found.append(everything.call("generate", spec={"name": str(number)}).first)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    names = sorted(generation.tree["name"].text for generation in found)
    assert names == [str(n) for n in range(8)]


def test_a_worn_worker_is_replaced_before_its_limit_ends_it(site: Site) -> None:
    """CPU seconds are a limit of a worker's life: many calls must not use it up."""
    site.add(
        "busy",
        """
        import time
        from lockgate.plugin import Transformation, hookimpl

        @hookimpl
        def transform(tree):
            end = time.process_time() + 0.6
            while time.process_time() < end:
                pass
            return Transformation(tree)
        """,
        manifest=manifest_of("busy", more="[limits]\ncpu-seconds = 2"),
    )
    audit: list[AuditRecord] = []

    with site.open(on_audit=audit.append) as host:
        for _ in range(5):
            assert host.call("transform", tree=TREE).first.tree == TREE

    assert {record.action for record in audit} == {"start"}
    assert len(audit) >= 2


def test_of_several_claims_to_a_name_all_are_listed_and_none_wins(site: Site) -> None:
    for distribution in ("test-one", "test-two"):
        site.add("twin", EVERYTHING, distribution=distribution)

    with site.open() as host:
        states = [(state.distribution, state.state) for state in host.plugins()]
        assert host.implementers("transform") == ()

    assert sorted(states) == [("test-one", "duplicate"), ("test-two", "duplicate")]
