"""A plugin whose code does not fit its hooks is broken before any of it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lockgate.errors import BrokenPluginError
from lockgate.plugin import Tree
from tests.support.host_plugins import Site, manifest_of

TREE = Tree.of({"a.txt": "one"})
HOOKS = {"transform": "transform", "analyze": "analyze", "diagnose": "around"}
HEAD = "from lockgate.plugin import *\nfrom lockgate.plugin import hookimpl\n"
GOOD = (
    HEAD + "@hookimpl\ndef transform(tree): return Transformation(tree)\n"
    "@hookimpl\ndef analyze(tree): return AnalysisReport(())\n"
    "@hookimpl\ndef around(): return ({'name': __name__},)\n"
)
BAD = GOOD.replace("analyze(tree)", "analyze(wood)")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def add(site: Site, name: str, source: str) -> Path:
    kinds = 'transformer", "analyzer'
    manifest = manifest_of(name, kinds=kinds, hooks=HOOKS)
    return site.add(name, source, manifest=manifest) / "impl.py"


@pytest.mark.kernel
def test_a_plugin_that_does_not_fit_answers_none_of_its_hooks(site: Site) -> None:
    add(site, "good", GOOD)
    module = add(site, "bad", BAD)
    with site.open() as host:
        asked: dict[str, dict[str, Any]] = {
            "transform": {"tree": TREE},
            "analyze": {"tree": TREE},
            "diagnose": {},
        }
        for hook, words in asked.items():
            answers = host.call(hook, **words)

            assert [answer.plugin for answer in answers] == ["good"]
            assert answers.asked == ("good",)
            (failure,) = answers.failed
            assert isinstance(failure.error, BrokenPluginError)
        with pytest.raises(BrokenPluginError) as caught:
            host.call("transform", plugin="bad", tree=TREE)
        (state,) = (state for state in host.plugins() if state.name == "bad")

        assert list(host.workers()) == ["good"]
        place = f"test-bad: {module}:6: the impl of 'analyze' wants wood"
        assert place in state.reason
        assert place in str(caught.value)
        assert caught.value.code == "plugin-broken"
        assert state.state == "broken"
        assert caught.value.problems[0]["code"] == "impl-arguments"
        assert caught.value.to_dict()["problems"]

        module.write_text(GOOD)
        answers = host.call("transform", tree=TREE)
        assert sorted(answer.plugin for answer in answers) == ["bad", "good"]
        assert all(state.state == "ok" for state in host.plugins())


@pytest.mark.kernel
def test_nothing_of_a_plugin_that_does_not_fit_is_run(site: Site) -> None:
    """Not even at the tier that could: with the check passed, the same code runs."""
    hello = "print('hello from the worker')\n"
    module = add(site, "bad", hello + BAD)
    with site.open() as host:
        answers = host.call("transform", tree=TREE)
        assert (answers.items, host.workers()) == ((), {})

        module.write_text(hello + GOOD)
        (answer,) = host.call("transform", tree=TREE)
        assert "hello from the worker" in answer.output


@pytest.mark.kernel
def test_a_wrapper_that_does_not_fit_is_left_out(site: Site) -> None:
    add(site, "good", GOOD)
    more = 'transform = {impl = "bad_plugin.impl:f", wrapper = true}'
    source = f"{HEAD}@hookimpl(wrapper=True)\ndef f(tree): return 1"
    site.add("bad", source, manifest=manifest_of("bad", hooks={}, more=more))
    with site.open() as host:
        answers = host.call("transform", tree=TREE)

        assert [answer.plugin for answer in answers] == ["good"]
        assert answers.asked == ("good",)
