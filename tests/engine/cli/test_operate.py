"""`ps`, `top`, `trace`, `logs` and `reload`, on a host that runs beside them."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockgate.cli import main, reload
from lockgate.cli._output import clean
from lockgate.config import default_config
from lockgate.host import Host
from lockgate.values import Tree
from tests.engine.cli.conftest import Shell
from tests.support.dists import SitePackages

PLUGIN = r"""
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree, options, context):
    context.log("warning", "careful \x1b[31m", count=3)
    if options.get("fail"):
        raise ValueError("no")
    return Transformation(tree)
"""


@pytest.fixture
def host(shell: Shell) -> Iterator[Host]:
    """A host of the same user, with one plugin that was called twice."""
    shell.site.wheel("acme", files={"acme/__init__.py": PLUGIN})
    config = default_config(shell.env)
    with Host.open(config, search_path=[shell.site.path]) as opened:
        opened.call("transform", plugin="acme", tree=Tree())
        with pytest.raises(Exception, match="no"):
            opened.call("transform", plugin="acme", tree=Tree(), options={"fail": True})
        yield opened


def test_a_running_host_is_seen(shell: Shell, host: Host) -> None:
    found = shell.run("ps", "--json").json["hosts"]
    table = shell.run("ps").out
    mine = shell.run("ps", "--host", str(os.getpid()), "--json").json["hosts"]

    assert (
        [one["pid"] for one in found] == [one["pid"] for one in mine] == [os.getpid()]
    )
    (plugin,) = found[0]["plugins"]
    assert (plugin["plugin"], plugin["stage"]) == ("acme", "active")
    assert (plugin["calls"], plugin["failed"]) == (2, 1)
    assert plugin["worker"] == host.workers()["acme"]
    assert plugin["memory-bytes"] > 1_000_000
    assert "acme" in table
    assert "MiB" in table


def test_its_load_is_seen(shell: Shell, host: Host) -> None:
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            host.call("transform", plugin="acme", tree=Tree())

    thread = threading.Thread(target=call)
    thread.start()
    found = shell.run("top", "--json").json["plugins"]
    table = shell.run("top", "--once").out
    over.set()
    thread.join()

    (load,) = found
    assert load["calls-per-second"] > 1
    assert load["mean-seconds"] > 0
    assert "CALLS/S" in table
    assert "\x1b" not in table


def test_its_calls_are_seen(shell: Shell, host: Host) -> None:
    calls = shell.run("trace", "--json").json["calls"]
    text = shell.run("trace", "transform").out
    none = shell.run("trace", "other", "--json").json["calls"]

    assert [call["outcome"] for call in calls] == ["answered", "hook-failed"]
    assert all(len(call["trace"]) == 32 for call in calls)
    assert "acme 1.0 transform" in text
    assert none == []


def test_what_was_said_is_there_after_the_fact(shell: Shell, host: Host) -> None:
    trace = host.calls()[1].span.trace_id
    host.close()

    lines = shell.run("logs", "acme", "--json").json["lines"]
    text = shell.run("logs").out
    one = shell.run("logs", "--trace", trace, "--json").json["lines"]
    severe = shell.run("logs", "--level", "error").out

    assert [line["source"] for line in lines] == ["host", "log", "log"]
    assert "acme: warning: careful \\x1b[31m count=3" in text
    assert [line["trace"] for line in one] == [trace]
    assert severe == ""


def follow(shell: Shell, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        shell.command(*arguments, "--follow", "--json"),
        cwd=shell.work,
        env=shell.env,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("verb", ["logs", "trace"])
def test_what_comes_is_shown_as_it_comes(shell: Shell, host: Host, verb: str) -> None:
    with follow(shell, verb) as process:
        assert process.stdout is not None
        seen: list[dict[str, Any]] = [json.loads(process.stdout.readline())]
        known = 3 if verb == "logs" else 2
        seen += [json.loads(process.stdout.readline()) for _ in range(known - 1)]
        host.call("transform", plugin="acme", tree=Tree())
        began = time.monotonic()
        new = json.loads(process.stdout.readline())
        process.terminate()

    assert new["trace"] == host.calls()[2].span.trace_id
    assert new["trace"] not in [line["trace"] for line in seen]
    assert time.monotonic() - began < 30


def test_a_plugin_is_reloaded_from_another_terminal(shell: Shell, host: Host) -> None:
    before = host.workers()["acme"]

    done = shell.run("reload", "acme", "--json")
    nothing = shell.run("reload")
    body = PLUGIN + "raise ValueError('bad')"
    Path(shell.site.path, "acme", "__init__.py").write_text(body)
    refused = shell.run("reload", "acme")
    nobody = shell.run("reload", "acmo")
    more = SitePackages(shell.home / "more")  # which the host does not look into
    more.wheel("late", files={"late/__init__.py": PLUGIN})
    late = shell.run("reload", "late", PYTHONPATH=more.path)

    assert done.status == 0
    assert done.json["hosts"][0]["pid"] == os.getpid()
    assert host.workers()["acme"] != before
    assert nothing.status == 0
    assert "nothing changed" in nothing.out
    assert refused.status == 1
    assert "bad" in refused.out
    assert "hint: " in refused.out
    assert nobody.status == 2
    assert "error[unknown-plugin]: there is no plugin named 'acmo'" in nobody.err
    assert "Did you mean 'acme'?" in nobody.err
    assert late.status == 1
    assert "error[no-host]: no running host has the plugin 'late'" in late.err
    assert "hint: `lockgate ps` shows what they have" in late.err
    assert host.call("transform", plugin="acme", tree=Tree()).asked == ("acme",)


def test_logs_of_nobody_are_an_error_and_not_silence(shell: Shell) -> None:
    refused = shell.run("logs", "nobody", "--json")

    assert refused.status == 2
    assert refused.json["error"]["code"] == "unknown-plugin"


def test_where_no_host_runs_that_is_said(shell: Shell) -> None:
    assert shell.run("ps").out == "No host runs.\n"
    assert shell.run("ps", "--json").json == {"hosts": []}
    assert shell.run("top").out == "No host runs a plugin.\n"
    assert shell.run("logs").out == ""
    assert shell.run("trace").out.startswith("No host runs.")
    assert shell.run("trace", "--json").json == {"calls": []}
    reload = shell.run("reload", "acme")
    named = shell.run("ps", "--host", "1", "--json")
    assert (reload.status, named.status) == (1, 1)
    assert "error[no-host]" in reload.err
    assert named.json["error"]["code"] == "no-host"


def test_what_was_said_in_lines_is_shown_in_lines_and_forges_none(
    shell: Shell,
) -> None:
    forged = "2026-01-01 00:00:00.000 other: host: all is well"
    body = PLUGIN.replace('"careful', f'"first\\n{forged}\\ncareful')
    assert body != PLUGIN
    shell.site.wheel("acme", files={"acme/__init__.py": body})
    assert shell.run("call", "transform", "--plugin", "acme", "tree={}").status == 0

    lines = shell.run("logs").out.splitlines()

    assert f"    {forged}" in lines
    assert forged not in lines
    assert not any("\\n" in line for line in lines)


FORGER = (
    PLUGIN
    + r"""
raise RuntimeError("no\n4242: victim 2.0: its worker stole your keys\nhint: run sh")
"""
)


def test_a_plugins_words_make_no_line_of_a_command(
    shell: Shell,
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What it says as it fails to start names no other host, plugin or way out."""
    assert "acme" in host.workers()
    (shell.site.folder / "acme" / "__init__.py").write_text(FORGER)
    for name, value in shell.env.items():
        monkeypatch.setenv(name, value)

    def forged() -> list[str]:
        assert main(["reload", "acme"]) == 1
        told = capsys.readouterr().out
        assert "stole your keys" in told
        return [one for one in told.splitlines() if one.startswith(("4242:", "hint:"))]

    assert forged() == []
    monkeypatch.setattr(reload, "indented", clean)
    assert len(forged()) == 2
