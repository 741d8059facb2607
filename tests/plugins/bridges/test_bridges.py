"""Foreign plugins run as they are, sealed, and a hostile one gets nothing."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lockgate import Host
from lockgate.config import Config
from lockgate.errors import HookError, PluginUnavailableError
from lockgate.values import Tree
from tests.plugins.bridges.samples import SAMPLES
from tests.plugins.bridges.survey import ECOSYSTEMS, PAGE, bridged, render, survey
from tests.support.dists import SitePackages

pytestmark = pytest.mark.kernel


def without_numbers(page: str) -> str:
    """What one release of a linter finds more than another is not ours to hold."""
    return re.sub(r"[\d.]+", "N", page)


@pytest.fixture(scope="module")
def bridges() -> Iterator[Host]:
    with bridged(*ECOSYSTEMS) as host:
        yield host


@pytest.mark.slow
def test_foreign_entry_points_run_sealed_and_the_page_tells_which(
    bridges: Host,
) -> None:
    rows = survey(bridges)
    ran = [row for row in rows if row.did]

    assert len(ran) >= 200
    assert len({row.group for row in ran}) >= 8
    assert {row.ecosystem for row in ran} == set(ECOSYSTEMS)
    assert without_numbers(render(rows)) == without_numbers(PAGE.read_text("utf-8"))


@pytest.mark.slow
def test_all_of_flake8_finds_what_plain_flake8_finds(
    bridges: Host, tmp_path: Path
) -> None:
    """Each file, rule, line and column, what is ignored by default or by ``# noqa``."""
    tree = Tree.of({**SAMPLES["flake8"], "quiet.py": _NOQA})
    checkers = [
        state.name
        for state in bridges.plugins()
        if any(group == "flake8.extension" for group, _ in state.entries)
    ]
    ours = {
        (f.path, f.rule, f.range.start.line, f.range.start.column)
        for name in checkers
        for answer in bridges.call(
            "analyze", plugin=name, tree=tree, contract={}
        ).values
        for f in answer.findings
        if f.range
    }

    said = plain(
        tmp_path,
        tree,
        "flake8",
        "--format=%(path)s %(code)s %(row)d %(col)d",
    )
    theirs = {
        (path.removeprefix("./"), code, int(row), int(column))
        for path, code, row, column in map(str.split, said.splitlines())
    }
    assert len(theirs) > 60
    assert ours == theirs


def test_bandit_finds_what_plain_bandit_finds(bridges: Host, tmp_path: Path) -> None:
    tree = Tree.of({**SAMPLES["bandit"], "broken.py": "def (:\n"})
    answer = bridges.call(
        "analyze", plugin="bandit.bandit", tree=tree, contract={}
    ).first
    ours = {(f.path, f.rule, f.range and f.range.start.line) for f in answer.findings}

    said = json.loads(plain(tmp_path, tree, "bandit", "-r", "-q", "-f", "json"))
    theirs = {
        (one["filename"].removeprefix("./"), one["test_id"], one["line_number"])
        for one in said["results"]
    }
    assert len(theirs) > 40
    assert ours == theirs
    assert [note.subject for note in answer.notes] == ["broken.py"]
    assert "syntax error" in answer.notes[0].message


_NOQA = """\
import os  # noqa: E501
import re  # noqa: F401
import sys  # NOQA

long = "a line that is longer than the seventy-nine characters"  # noqa: F401, F811
x = 1 + \\
    2
"""


def plain(folder: Path, tree: Tree, tool: str, *options: str) -> str:
    """What the tool itself says of the same files, outside of any sandbox."""
    for file in tree:
        (folder / file.path).write_bytes(file.content)
    isolated = ["--isolated"] if tool == "flake8" else []
    command = [sys.executable, "-m", tool, *isolated, *options, "."]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    return done.stdout


def test_the_answers_are_the_ecosystems_own() -> None:
    python = "import os\nimport subprocess\nsubprocess.call('ls', shell=True)\n"
    tree = Tree.of({"a.py": python, "b.md": "a | b\n--|--\n1 | 2\n"})
    with bridged("flake8", "bandit", "markdown") as host:
        linted = host.call("analyze", plugin="flake8.flake8", tree=tree, contract={})
        judged = host.call("analyze", plugin="bandit.bandit", tree=tree, contract={})
        made = host.call(
            "transform",
            plugin="markdown.markdown",
            tree=tree,
            options={"use": ["tables"]},
        )

    (unused,) = (f for f in linted.first.findings if f.rule == "F401")
    assert (unused.path, unused.range and unused.range.start.line) == ("a.py", 1)
    assert "B602" in {finding.rule for finding in judged.first.findings}
    assert "<table>" in made.first.tree["b.html"].text


def test_without_the_setting_nothing_foreign_is_there() -> None:
    with bridged() as host:
        assert [s.name for s in host.plugins() if s.state == "foreign"] == []
        assert [s.name for s in host.plugins() if "." in s.name] == []


def test_an_option_that_names_nothing_is_refused() -> None:
    tree = Tree.of({"b.md": "text\n"})
    with bridged("markdown") as host, pytest.raises(Exception, match="tables") as info:
        host.call(
            "transform",
            plugin="markdown.markdown",
            tree=tree,
            options={"use": "tabels"},
        )
    assert getattr(info.value, "code", "") == "input-refused"


HOSTILE = '''
import os, signal, socket

def _try(name, act):
    try:
        act()
    except BaseException:
        return
    DONE.append(name)

DONE = []
_try("secret", lambda: open({secret!r}).read())
_try("write", lambda: open({trace!r}, "w").write("was here"))
_try("network", lambda: socket.create_connection(("127.0.0.1", {port}), 2).close())
_try("fork", lambda: os.waitpid(os.fork() or os._exit(0), 0))
_try("signal", lambda: os.kill({host}, signal.SIGURG))


class Checker:
    """Says what it could do."""

    name, version = "evil", "1"

    def __init__(self, tree):
        self.tree = tree

    def run(self):
        yield 1, 0, "XX0 was here", type(self)
        for number, name in enumerate(DONE, 1):
            yield 1, 0, "XX%d did %s" % (number, name), type(self)
'''


class Evil:
    """A hostile flake8 extension, installed in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.secret = root / "secret.txt"
        self.secret.write_text("token")
        self.trace = root / "trace.txt"
        self.server = socket.create_server(("127.0.0.1", 0))
        port = self.server.getsockname()[1]
        self.calls: list[Any] = []
        threading.Thread(target=self._accept, daemon=True).start()
        self.site = SitePackages(root / "site")
        code = HOSTILE.format(
            secret=str(self.secret), trace=str(self.trace), port=port, host=os.getpid()
        )
        files = {"flake8_evil/__init__.py": code}
        self.site.wheel("flake8-evil", entry_points=_POINTS, files=files)

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self.server.accept()
            except OSError:
                return
            self.calls.append(one)
            one.close()


_POINTS = "[flake8.extension]\nXX = flake8_evil:Checker\n"


@pytest.fixture
def evil(tmp_path: Path) -> Any:
    made = Evil(tmp_path)
    yield made
    made.server.close()


def test_a_hostile_extension_gets_nothing(evil: Evil, tmp_path: Path) -> None:
    config = Config(
        grants_file=str(tmp_path / "grants.toml"),
        cache_dir=str(tmp_path / "cache"),
        data_dir=str(tmp_path / "data"),
        state_dir=str(tmp_path / "state"),
        bridges=("flake8",),
    )
    tree = Tree.of({"a.py": "x = 1\n"})
    with Host.open(config, search_path=[evil.site.path, *sys.path]) as host:
        found = host.call(
            "analyze", plugin="flake8.flake8-evil", tree=tree, contract={}
        )
        posture = found.first_answer.posture

    assert [finding.message for finding in found.first.findings] == ["was here"]
    assert not evil.trace.exists()
    assert evil.calls == []
    assert posture


def test_the_same_extension_in_plain_flake8_gets_all(
    evil: Evil, tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "flake8", "--isolated", "--select", "XX", "a.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": evil.site.path, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    for what in ("secret", "write", "network", "fork", "signal"):
        assert f"did {what}" in done.stdout, done.stderr
    assert evil.trace.exists()
    assert evil.calls


def test_without_its_adapter_a_foreign_plugin_is_not_used(tmp_path: Path) -> None:
    with bridged("flake8") as host:
        config = replace(host.config, disabled=("bridges",))
    with Host.open(config) as host:
        (state,) = (s for s in host.plugins() if s.name == "flake8.flake8")
        assert state.state == "missing-requirement"
        with pytest.raises(PluginUnavailableError, match="bridges"):
            host.call("analyze", plugin="flake8.flake8", tree=Tree(), contract={})


def test_a_foreign_plugin_that_cannot_be_imported_says_so(tmp_path: Path) -> None:
    site = SitePackages(tmp_path / "site")
    code = "raise SystemExit('no')\n"
    points = _POINTS.replace("evil", "broken")
    files = {"flake8_broken/__init__.py": code}
    site.wheel("flake8-broken", entry_points=points, files=files)
    with bridged("flake8") as made:
        config = made.config
    tree = Tree.of({"a.py": "x = 1\n"})
    with (
        Host.open(config, search_path=[site.path, *sys.path]) as host,
        pytest.raises(HookError) as caught,
    ):
        host.call("analyze", plugin="flake8.flake8-broken", tree=tree, contract={})
    assert "flake8-broken" in str(caught.value)
