"""Plugins of every sort, called through a real host and real sealed workers."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.errors import (
    AnswerInvalidError,
    HookError,
    HookLimitError,
    HookTimeoutError,
    InputRefusedError,
    NoAnswerError,
    PluginUnavailableError,
    UnknownHookError,
    UnknownPluginError,
    UsageError,
)
from lockgate.host import AuditRecord, Host, LogLine, Progress
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

TREE = Tree.of({"a.txt": "one\ntwo\n"})
IMPL = "@hookimpl\ndef transform(tree): ..."

SHOUT = """
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree, options, context):
    context.progress("half way", 0.5)
    context.log("info", "shouting", files=len(tree))
    print("to standard output")
    return Transformation(Tree.of({f.path: f.text.upper() for f in tree}))
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def shouting(site: Site) -> Iterator[Host]:
    site.add("shout", SHOUT)
    with site.open() as host:
        yield host


def test_an_answer_comes_back_typed_and_with_its_circumstances(shouting: Host) -> None:
    answers = shouting.call("transform", tree=TREE)

    (answer,) = answers.items
    assert answers.first.tree["a.txt"].text == "ONE\nTWO\n"
    assert (answer.plugin, answer.version, answer.tier) == ("shout", "1.0", "read-only")
    assert answer.output == "to standard output\n"
    assert answer.seconds > 0
    layers = answer.posture["layers"]
    assert isinstance(layers, list)
    assert layers


def test_the_host_never_imports_a_sealed_plugin(shouting: Host) -> None:
    shouting.call("transform", tree=TREE)

    assert not [name for name in sys.modules if name.startswith("shout_plugin")]


def test_the_diff_is_the_hosts_own(shouting: Host) -> None:
    diff = shouting.call("transform", tree=TREE).first.diff

    assert diff == "--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n-one\n-two\n+ONE\n+TWO\n"


def test_progress_and_log_lines_reach_their_callbacks(site: Site) -> None:
    site.add("shout", SHOUT)
    progress: list[Progress] = []
    lines: list[LogLine] = []

    with site.open(on_progress=progress.append, on_log=lines.append) as host:
        host.call("transform", tree=TREE)

    assert progress == [Progress("shout", "transform", "half way", 0.5)]
    assert lines == [LogLine("shout", "transform", "info", "shouting", {"files": 1})]


def test_a_worker_starts_at_the_first_call_and_is_kept(site: Site) -> None:
    site.add("shout", SHOUT)
    audit: list[AuditRecord] = []

    with site.open(on_audit=audit.append) as host:
        assert audit == []
        host.call("transform", tree=TREE)
        host.call("transform", tree=TREE)

    assert [record.action for record in audit] == ["start"]


def test_a_refusal_carries_every_reason(site: Site) -> None:
    site.add(
        "strict",
        """
        from lockgate.plugin import Reason, RefusedError, hookimpl

        @hookimpl
        def generate(spec):
            raise RefusedError([
                Reason("pin-unknown", "pins.0", "there is no pin 99", "Use 0 to 13."),
                Reason("pin-twice", "pins.1", "pin 1 is taken"),
            ])
        """,
        manifest=manifest_of(
            "strict", kinds="generator", hooks={"generate": "generate"}
        ),
    )

    with site.open() as host, pytest.raises(InputRefusedError) as caught:
        host.call("generate", spec={})

    assert [reason.code for reason in caught.value.reasons] == [
        "pin-unknown",
        "pin-twice",
    ]
    assert caught.value.plugin == "strict"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("42", "should be a Transformation, but is int 42"),
        ("'text'", "but is the string 'text'"),
        ("{'tree': 1}", "but is an object"),
        ("Transformation(tree=7)", "the answer's tree should be a Tree"),
        ("Transformation(Tree(), notes=(1,))", r"notes\[0\] should be a Note"),
    ],
)
def test_a_wrong_answer_names_plugin_hook_and_path(
    site: Site, answer: str, words: str
) -> None:
    site.add(
        "wrong",
        f"""
        from lockgate.plugin import Transformation, Tree, hookimpl

        @hookimpl
        def transform(tree):
            return {answer}
        """,
    )

    with site.open() as host, pytest.raises(AnswerInvalidError, match=words) as caught:
        host.call("transform", tree=TREE)

    error = caught.value
    assert (error.plugin, error.hook, error.version) == ("wrong", "transform", "1.0")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "`net` under"),
        ("import urllib.request as u; u.urlopen('http://127.0.0.1:9')", "`net` under"),
        ("import subprocess; subprocess.run(['ls'])", "context.run_program"),
        ("import os; os.fork()", "refuses this call"),
        ("open('out.txt', 'w')", "context.scratch"),
        ("context.run_program('ruff', [])", "ask for it in its manifest"),
        ("import no_such_thing", "Add what brings 'no_such_thing'"),
    ],
)
def test_a_plugin_that_fails_for_the_seal_is_told_the_way_out(
    site: Site, line: str, hint: str
) -> None:
    site.add("shout", SHOUT.replace('print("to', f'{line}; print("to'))

    with site.open() as host, pytest.raises(HookError) as caught:
        host.call("transform", tree=TREE)

    assert hint in caught.value.hint


def test_a_traceback_begins_in_the_plugin(site: Site) -> None:
    site.add("shout", SHOUT.replace('print("to', '1 / 0; print("to'))

    with site.open() as host, pytest.raises(HookError) as caught:
        host.call("transform", tree=TREE)

    lines = caught.value.traceback.splitlines()
    assert lines[0].startswith("Traceback")
    assert "impl.py" in lines[1]
    assert "/lockgate/_guest/" not in caught.value.traceback


def test_what_a_plugin_imports_and_lacks_is_named_with_the_way_out(site: Site) -> None:
    site.add("shout", "import no_such_thing.at_all\ntransform = 1 + 1\n")

    with site.open() as host, pytest.raises(HookError) as caught:
        host.call("transform", tree=TREE)

    assert "Add what brings 'no_such_thing' to the dependencies" in caught.value.hint
    assert "impl.py" in caught.value.traceback
    assert "importlib" not in caught.value.traceback


@pytest.mark.parametrize(
    ("source", "cause", "words"),
    [
        # `globals` hides from the check of the source what the worker then sees.
        ("globals()", "impl-missing", "no function"),
        ("f = lambda tree: 1\ntransform = f", "impl-unmarked", "@hookimpl"),
        ("f = hookimpl(lambda wood: 1)\ntransform = f", "impl-mismatch", "wants wood"),
        (
            "transform = hookimpl(specname='x')(lambda tree: 1)",
            "impl-mismatch",
            "'x'",
        ),
        (f"import nowhere_at_all\n{IMPL}", "import-failed", "nowhere_at_all"),
        (f"raise RuntimeError('no')\n{IMPL}", "import-failed", "RuntimeError: no"),
        (f"raise SystemExit(3)\n{IMPL}", "import-failed", "SystemExit"),
    ],
)
def test_an_impl_that_cannot_be_had_names_its_file(
    site: Site, source: str, cause: str, words: str
) -> None:
    site.add("odd", f"from lockgate.plugin import hookimpl\n{source}\n")

    with site.open() as host, pytest.raises(HookError, match=words) as caught:
        host.call("transform", tree=TREE)

    assert caught.value.cause == cause
    assert caught.value.plugin == "odd"
    assert caught.value.fields["file"]


def test_an_exception_in_a_plugin_brings_its_traceback(site: Site) -> None:
    site.add(
        "weak",
        """
        from lockgate.plugin import hookimpl

        @hookimpl
        def transform(tree):
            return tree["missing"]
        """,
    )

    with site.open() as host, pytest.raises(HookError, match="KeyError") as caught:
        host.call("transform", tree=TREE)

    assert caught.value.cause == "remote-error"
    assert 'return tree["missing"]' in caught.value.traceback


def test_a_plugin_that_failed_answers_the_next_call(site: Site) -> None:
    """An exception is no crash: the worker goes on."""
    site.add(
        "moody",
        """
        from lockgate.plugin import Transformation, hookimpl

        @hookimpl
        def transform(tree, options):
            if options.get("fail"):
                raise SystemExit("going home")
            return Transformation(tree)
        """,
    )
    audit: list[AuditRecord] = []

    with site.open(on_audit=audit.append) as host:
        with pytest.raises(HookError, match="SystemExit"):
            host.call("transform", tree=TREE, options={"fail": True})
        assert host.call("transform", tree=TREE).first.tree == TREE

    assert [record.action for record in audit] == ["start"]


SLEEPY = """
import time
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree, options):
    time.sleep(options.get("seconds", 0))
    return Transformation(tree)
"""


REPORTING = """
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree, context):
    context.progress("under way")
    return Transformation(tree)
"""


def test_a_timeout_is_an_error_of_its_own_and_the_next_call_works(site: Site) -> None:
    site.add("sleepy", SLEEPY)

    with site.open() as host:
        host.call("transform", tree=TREE)
        with pytest.raises(HookTimeoutError, match=r"0\.3 seconds") as caught:
            host.call("transform", tree=TREE, options={"seconds": 30}, timeout=0.3)
        assert caught.value.cause == "wall-limit"
        assert host.call("transform", tree=TREE).first.tree == TREE


def test_a_limit_of_the_manifest_holds(site: Site) -> None:
    site.add(
        "greedy",
        """
        from lockgate.plugin import hookimpl

        @hookimpl
        def transform(tree):
            hoard = []
            while True:
                hoard.append(bytearray(1024 * 1024))
        """,
        manifest=manifest_of("greedy", more='[limits]\nmemory-bytes = "96 MiB"'),
    )

    with site.open() as host, pytest.raises(HookLimitError) as caught:
        host.call("transform", tree=TREE, timeout=30)

    assert caught.value.cause == "memory-limit"


def test_calls_to_different_plugins_run_side_by_side(site: Site) -> None:
    for name in ("one", "two"):
        site.add(name, REPORTING)
    # Neither call goes on before the other one has come as far.
    meeting = threading.Barrier(2, timeout=60)
    trees: list[Tree] = []

    def ask(host: Host, name: str) -> None:
        trees.append(host.call("transform", plugin=name, tree=TREE).first.tree)

    with site.open(on_progress=lambda _: meeting.wait()) as host:
        threads = [
            threading.Thread(target=ask, args=(host, name)) for name in ("one", "two")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert trees == [TREE, TREE]


def test_the_configuration_reaches_the_plugin_checked(site: Site) -> None:
    from dataclasses import replace

    from lockgate.errors import ConfigError

    site.add(
        "tuned",
        """
        from lockgate.plugin import Transformation, Tree, hookimpl

        @hookimpl
        def transform(context):
            return Transformation(Tree.of({"width": str(context.config["width"])}))
        """,
        manifest=manifest_of(
            "tuned", more='[config-schema]\nproperties.width.type = "integer"'
        ),
    )
    good = replace(site.config, plugins={"tuned": {"width": 88}})
    bad = replace(site.config, plugins={"tuned": {"width": "wide"}})

    with site.open(config=good) as host:
        assert host.call("transform", tree=TREE).first.tree["width"].text == "88"
    with (
        site.open(config=bad) as host,
        pytest.raises(ConfigError, match="'wide' is not of type 'integer'") as caught,
    ):
        host.call("transform", tree=TREE)
    assert caught.value.key == "plugins.tuned.width"


def test_a_plugin_can_be_left_out_of_the_question(shouting: Host) -> None:
    with pytest.raises(UnknownHookError):
        shouting.call("transfrom", tree=TREE)
    with pytest.raises(UnknownPluginError) as caught:
        shouting.call("transform", plugin="shouts", tree=TREE)
    assert "shout" in caught.value.hint
    with pytest.raises(UsageError, match="does not answer"):
        shouting.call("generate", plugin="shout", spec={})
    with pytest.raises(NoAnswerError):
        _ = shouting.call("generate", spec={}).first


def test_a_broken_plugin_says_why_when_it_is_asked_by_name(site: Site) -> None:
    site.add("shout", SHOUT)
    site.add("bad", SHOUT, manifest="this is no manifest")

    with site.open() as host:
        assert len(host.call("transform", tree=TREE)) == 1
        with pytest.raises(PluginUnavailableError, match="not TOML"):
            host.call("transform", plugin="bad", tree=TREE)


def test_safe_mode_calls_no_plugin_but_the_trusted_base(site: Site) -> None:
    site.add("shout", SHOUT)

    with site.open(safe=True) as host:
        (state,) = host.plugins()
        assert "safe mode" in state.reason
        assert host.implementers("transform") == ()


def test_an_edited_plugin_that_needs_no_grant_still_runs(site: Site) -> None:
    package = site.add("shout", SHOUT)

    with site.open() as host:
        host.call("transform", tree=TREE)
    (package / "impl.py").write_text(SHOUT.replace("upper", "title"), "utf-8")

    with site.open() as host:
        assert (
            host.call("transform", tree=TREE).first.tree["a.txt"].text == "One\nTwo\n"
        )


# -- plugins without a manifest --------------------------------------------------


def test_a_classic_entry_point_is_loaded_in_a_worker(site: Site) -> None:
    site.add(
        "old",
        SHOUT + "\nclass Plugin:\n    transform = staticmethod(transform)\n",
        entry_points="[lockgate.transformer]\nold = old_plugin.impl\n",
    )
    site.add(
        "older",
        SHOUT + "\nclass Plugin:\n    transform = staticmethod(transform)\n",
        entry_points="[lockgate.transformer]\nolder = older_plugin.impl:Plugin\n",
    )

    with site.open() as host:
        assert {state.state for state in host.plugins()} == {"legacy"}
        answers = host.call("transform", tree=TREE)

    assert [answer.plugin for answer in answers] == ["old", "older"]
    assert {answer.tier for answer in answers} == {"read-only"}
    assert not [name for name in sys.modules if name.startswith("old")]


def test_a_single_file_is_a_plugin(site: Site) -> None:
    from dataclasses import replace

    folder = site.root / "plugins"
    folder.mkdir()
    (folder / "tiny.py").write_text(SHOUT, "utf-8")
    (folder / "secret.txt").write_text("neighbour", "utf-8")
    config = replace(site.config, plugin_folders=(str(folder),))

    with site.open(config=config) as host:
        answers = host.call("transform", tree=TREE)
        assert answers.first.tree["a.txt"].text == "ONE\nTWO\n"
        # It has no generator, which only its worker could tell.
        assert len(host.call("generate", spec={})) == 0


def test_a_plugin_without_a_manifest_that_cannot_load_is_blamed(site: Site) -> None:
    site.add(
        "old",
        "raise SystemExit('never')",
        entry_points="[lockgate.transformer]\nold = old_plugin.impl\n",
    )

    with site.open() as host, pytest.raises(HookError, match="never") as caught:
        host.call("transform", tree=TREE)

    assert caught.value.plugin == "old"
    assert caught.value.cause == "import-failed"
