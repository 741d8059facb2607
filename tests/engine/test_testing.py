"""`lockgate.testing`: projects of a test, whose own tests are run by pytest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from lockgate.testing import FakeSerial

PYPROJECT = """\
[project]
name = "lockgate-acme"
version = "1.2"
[project.entry-points."lockgate.manifest"]
acme = "lockgate_acme:lockgate.toml"
[tool.pytest.ini_options]
addopts = ["-p", "lockgate.testing", "--strict-markers", "-q", "-p", "no:cacheprovider"]
filterwarnings = ["error"]
"""
MANIFEST = """\
schema = 1
name = "acme"
summary = "A."
kinds = ["analyzer", "transformer"]
hook-api = ">=1,<2"
tier = "elevated"
[hooks]
analyze = "lockgate_acme:analyze"
transform = "lockgate_acme:transform"
[rights]
secrets = ["api"]
devices = ["/dev/ttyUSB0"]
workers = true
[config-schema]
type = "object"
additionalProperties = false
[config-schema.properties.word]
type = "string"
"""
PLUGIN = """\
import os, socket, time
from lockgate.plugin import *
from lockgate.plugin import hookimpl

@hookimpl
def transform(tree, options, context):
    if options.get("refuse"):
        raise RefusedError([Reason("no", "options", "not so", "Leave it.")])
    if options.get("pid"):
        return Transformation(Tree.of({"pid": str(os.getpid())}))
    if options.get("scratch"):
        return Transformation(Tree.of({"scratch": str(context.scratch is not None)}))
    if options.get("outside"):
        with open("/etc/hostname") as file:
            file.read()
    if options.get("python"):
        code = Tree.of({"m.py": "def f(n): return n * 2"})
        run = context.run_python(code, "m:f", {"n": 21})
        return Transformation(Tree.of({"n": str(run.value) + run.error}))
    context.progress("working", 0.5)
    context.log("info", "hello", n=1)
    word = str(context.config.get("word", "-"))
    return Transformation(Tree.of({"word": word, "clock": str(int(time.time()))}))

@hookimpl
def analyze(tree, context):
    try:
        return AnalysisReport((Finding("a", "secret", "note", context.secret("api")),))
    except PermissionError as error:
        return AnalysisReport((Finding("a", "denied", "note", str(error)),))
"""
HEAD = """\
import os
import pytest
from lockgate.errors import ConfigError, LockgateError
from lockgate.plugin import *
from lockgate.plugin import Transformation, RefusedError, AnalysisReport, Tree
TREE = Tree.of({})

def transform(plugin, **options):
    return plugin.call("transform", Transformation, tree=TREE, options=options)
"""

pytestmark = pytest.mark.kernel


class Author:
    """Writes tests for the plugin, and runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        package = folder / "src" / "lockgate_acme"
        package.mkdir(parents=True)
        (folder / "tests").mkdir()
        (folder / "pyproject.toml").write_text(PYPROJECT)
        (package / "lockgate.toml").write_text(MANIFEST)
        (package / "__init__.py").write_text(PLUGIN)

    def run(self, tests: str, *words: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "tests" / "test_it.py").write_text(HEAD + dedent(tests))
        env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
        return subprocess.run(
            [sys.executable, "-m", "pytest", *words],
            cwd=self.folder,
            env=env | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path / "acme")


def test_one_test_runs_here_and_in_a_sealed_worker(author: Author) -> None:
    done = author.run(
        """
        PIDS = {}

        def test_where(plugin):
            words = transform(plugin, pid=1)
            PIDS[plugin.where] = int(words.tree["pid"].text)

        def test_both():
            assert PIDS["in-process"] == os.getpid()
            assert PIDS["worker"] != os.getpid()

        def test_words(plugin):
            plugin.configure(word="w")
            answer = transform(plugin)
            assert answer.tree["word"].text == "w"
            (event,) = plugin.progress
            assert (event.message, event.fraction) == ("working", 0.5)
            assert [(e.level, e.message, dict(e.fields)) for e in plugin.logs] == [
                ("info", "hello", {"n": 1})
            ]

        def test_refusals(plugin):
            with pytest.raises(RefusedError) as caught:
                transform(plugin, refuse=1)
            assert caught.value.reasons[0].hint == "Leave it."

        def test_wrong_settings_are_refused(plugin):
            plugin.configure(word=3)
            with pytest.raises(ConfigError):
                transform(plugin)

        def test_python_of_its_own(plugin):
            plugin.grant("workers")
            answer = transform(plugin, python=1)
            assert answer.tree["n"].text == "42"
        """
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 passed" in done.stdout


def test_rights_are_what_the_test_grants(author: Author) -> None:
    done = author.run(
        """
        def test_denied(plugin):
            plugin.give_secret("api", "s3cret")
            with plugin.denied("secret:api"):
                report = plugin.call("analyze", AnalysisReport, tree=TREE)
            assert report.findings[0].rule == "denied"

        def test_granted(plugin):
            plugin.give_secret("api", "s3cret")
            plugin.grant("secret:api")
            report = plugin.call("analyze", AnalysisReport, tree=TREE)
            assert report.findings[0].message == "s3cret"
            assert plugin.denials == []

        def test_what_is_not_asked_for_cannot_be_granted(plugin):
            with pytest.raises(ValueError, match="asks for no net:a"):
                plugin.grant("net:a")

        @pytest.mark.lockgate(where=["worker"])
        def test_the_seal_holds(plugin):
            with pytest.raises(LockgateError, match="Permission denied"):
                transform(plugin, outside=1)

        @pytest.mark.lockgate(where=["in-process"])
        def test_without_the_seal_the_same_code_reads_it(plugin):
            transform(plugin, outside=1)
        """
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout


def test_tiers_and_the_clock(author: Author) -> None:
    manifest = author.folder / "src" / "lockgate_acme" / "lockgate.toml"
    head, _, tail = MANIFEST.partition("[rights]")
    manifest.write_text(head + tail[tail.index("[config-schema]") :])
    done = author.run(
        """
        @pytest.mark.lockgate(tiers=["read-only", "basic"])
        def test_scratch(plugin):
            answer = transform(plugin, scratch=1)
            assert answer.tree["scratch"].text == str(plugin.tier == "basic")

        @pytest.mark.lockgate(where=["in-process"])
        def test_clock(plugin):
            plugin.set_clock("2030-01-01T00:00:00+00:00")
            answer = transform(plugin)
            assert answer.tree["clock"].text == "1893456000"

        @pytest.mark.lockgate(where=["worker"])
        def test_only_here(plugin):
            with pytest.raises(NotImplementedError, match="in-process"):
                plugin.set_clock("2030-01-01")
        """,
        "-vv",
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for cell in ("in-process-read-only", "worker-basic"):
        assert f"test_scratch[{cell}] PASSED" in done.stdout


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ('where=["mars"]', "in-process, worker"),
        ('places=["worker"]', "not ['places']"),
        ('"worker"', "takes where="),
    ],
)
def test_a_marker_that_says_nothing_is_refused(
    author: Author, marker: str, said: str
) -> None:
    done = author.run(f"@pytest.mark.lockgate({marker})\ndef test_x(plugin): ...\n")

    assert done.returncode != 0
    assert said in done.stdout + done.stderr


def test_a_plugin_that_does_not_fit_its_hooks_fails_its_tests(author: Author) -> None:
    module = author.folder / "src" / "lockgate_acme" / "__init__.py"
    module.write_text(PLUGIN.replace("def analyze(tree,", "def analyze(wood,"))
    done = author.run("def test_x(plugin): ...\n")

    assert done.returncode == 1
    assert "the impl of 'analyze' wants wood" in done.stdout


def test_a_project_that_is_broken_says_so_in_two_lines_for_each_test(
    author: Author,
) -> None:
    (author.folder / "src/lockgate_acme/__init__.py").write_text("def transform(:\n")
    done = author.run("def test_x(plugin): ...\n")

    assert "error[plugin-broken]: plugin 'acme' is broken: " in done.stdout
    assert "__init__.py:1: no Python of this version" in done.stdout
    assert len(done.stdout.splitlines()) < 20, done.stdout


def test_a_failure_is_shown_at_the_tests_line_and_in_the_plugins_words(
    author: Author,
) -> None:
    fails = "print('seen', options)\n        raise KeyError('lost')"
    source = PLUGIN.replace(
        '    if options.get("pid"):',
        f"""\
    if options.get("fail"):
        {fails}
    if options.get("pid"):""",
    )
    (author.folder / "src/lockgate_acme/__init__.py").write_text(source)
    done = author.run("def test_x(plugin):\n    transform(plugin, fail=True)\n")

    assert done.returncode == 1
    told = done.stdout
    assert told.count("raise KeyError('lost')") == 2  # here, and in the worker
    assert "in the worker:" in told
    assert "printed:" in told
    assert "seen {'fail': True}" in told
    for ours in ("_dispatch/", "_sealed/", "lockgate_sandbox/", "_line/"):
        assert ours not in told
    assert len(told.splitlines()) < 110, told


def test_a_fake_serial_port_is_a_terminal_with_two_ends() -> None:
    line = FakeSerial("/dev/ttyUSB0")
    port = line.open()
    try:
        assert os.isatty(port)
        line.write(b"\x00\r\n\xff")
        assert os.read(port, 16) == b"\x00\r\n\xff"
        os.write(port, b"a\nb")
        assert line.read(3) == b"a\nb"
        assert line.read(1, timeout=0.01) == b""
    finally:
        os.close(port)
        line.close()


def test_streams_and_coroutines_are_answered_in_both_places(author: Author) -> None:
    package = author.folder / "src" / "lockgate_acme"
    head, _, _ = MANIFEST.partition("[hooks]")
    hooks = ("complete", "complete_stream")
    lines = "".join(f'{hook} = "lockgate_acme:{hook}"\n' for hook in hooks)
    kinds = '["analyzer", "transformer"]'
    (package / "lockgate.toml").write_text(
        head.replace(kinds, '["ai"]') + "[hooks]\n" + lines
    )
    (package / "__init__.py").write_text(
        dedent(
            """
            from lockgate.plugin import Completion, hookimpl

            @hookimpl
            async def complete(task):
                return Completion(task.prompt.upper(), "m")

            @hookimpl
            def complete_stream(task):
                yield from task.prompt.split()
            """
        )
    )
    done = author.run(
        """
        def test_both(plugin):
            task = Task("say", "a b")
            assert plugin.call("complete", Completion, task=task).text == "A B"
            assert plugin.call("complete_stream", tuple, task=task) == ("a", "b")
        """
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
