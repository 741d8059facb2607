"""The author's verbs as a person meets them: new, check, docs, dev."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.cli.conftest import Result, Shell
from tests.support.terminals import all_shown

MARKED = "from lockgate.plugin import *\nfrom lockgate.plugin import hookimpl\n"


@pytest.fixture
def project(shell: Shell) -> Path:
    made = shell.run("new", "transformer", "tidy-up", "--json").json
    return Path(made["folder"])


def rules(result: Result) -> set[str]:
    return {finding["rule"] for finding in result.json["findings"]}


def test_a_new_project_is_gold_and_another_kind_is_a_word_away(
    shell: Shell, project: Path
) -> None:
    checked = shell.run("check", str(project), "--json")

    assert checked.status == 0, checked.out + checked.err
    assert checked.json["findings"] == []
    assert checked.json["level"] == "gold"
    assert (project / "tests" / "test_plugin.py").is_file()
    assert not list(project.rglob("*cookiecutter*"))
    assert "{{" not in "".join(p.read_text() for p in project.rglob("*.py"))


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "KIND is missing"),
        ([], 2, "Kinds: generator, analyzer"),
        (["analyzer"], 2, "NAME is missing"),
        (["analyser", "x"], 2, "Did you mean 'analyzer'"),
        (["analyzer", "Bad Name"], 2, "like 'bad-name'"),
        (["analyzer", "list"], 2, "my-list"),
        (["analyzer", "lint"], 2, "is installed already: lockgate-lint"),
        (["analyzer", "y", "--summary", 'a "b"'], 2, "summary"),
        (["transformer", "tidy-up"], 2, "there already"),
    ],
)
def test_what_new_refuses_it_refuses_with_the_way_out(
    shell: Shell, project: Path, words: list[str], status: int, said: str
) -> None:
    before = sorted(project.parent.rglob("*"))
    result = shell.run("new", *words)

    assert result.status == status
    assert said in result.err
    assert sorted(project.parent.rglob("*")) == before


def test_new_asks_on_a_terminal(shell: Shell) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        shell.command("new"),
        cwd=shell.work,
        env=shell.env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.write(ours, b"2\nNot Good\nword-count\n")
        assert process.wait(60) == 0
    os.close(theirs)
    said = all_shown(ours).decode()

    assert "Which kind of plugin?" in said
    assert "can't be a plugin's name" in said
    manifest = shell.work / "lockgate-word-count/src/lockgate_word_count/lockgate.toml"
    assert 'kinds = ["analyzer"]' in manifest.read_text()


def test_drift_is_refused_with_a_diff_and_written(shell: Shell, project: Path) -> None:
    manifest = project / "src" / "lockgate_tidy_up" / "lockgate.toml"
    before = manifest.read_text()
    extra = project / "src" / "lockgate_tidy_up" / "look.py"
    extra.write_text(
        f'"""More."""\n{MARKED}\n@hookimpl\n'
        "def analyze(tree: Tree) -> AnalysisReport:\n"
        '    """Look."""\n    return AnalysisReport()\n'
    )
    drifted = shell.run("check", str(project), "--json")
    shown = shell.run("check", str(project))
    mended = shell.run("check", str(project), "--write", "--json")

    assert drifted.status == 1
    assert rules(drifted) == {"manifest-drift"}
    assert '+analyze = "lockgate_tidy_up.look:analyze"' in shown.out
    assert mended.status == 0
    assert mended.json["written"] is True
    after = manifest.read_text()
    assert 'kinds = ["analyzer", "transformer"]' in after
    assert "# `lockgate check --write` keeps this table" in after
    assert set(before.splitlines()) - set(after.splitlines()) == {
        'kinds = ["transformer"]'
    }


def test_what_is_wrong_is_told_by_rule_and_place(shell: Shell, project: Path) -> None:
    package = project / "src" / "lockgate_tidy_up"
    (package / "net.py").write_text(
        '"""Doors."""\nimport os\nimport socket\n\n\ndef f(context):\n'
        '    os.environ["TOKEN"]\n    socket.create_connection(("a", 1))\n'
        '    context.secret("api")\n    context.run_program("ruff", [])\n'
    )
    (package / "py.typed").unlink()
    (project / "README.md").unlink()
    text = (package / "lockgate.toml").read_text()
    (package / "lockgate.toml").write_text(text.replace('">=1,<2"', '">=1"'))
    result = shell.run("check", str(project), "--json")
    found = {
        (f["rule"], f["path"], f["range"] and f["range"]["start"]["line"])
        for f in result.json["findings"]
    }

    assert result.status == 1
    assert result.json["level"] == ""
    place = "src/lockgate_tidy_up/net.py"
    assert {("right-undeclared", place, line) for line in (7, 8, 9, 10)} <= found
    assert {rule for rule, _, _ in found} == {
        "right-undeclared", "typed-missing", "readme-missing", "hook-api-open",
    }  # fmt: skip

    (package / "lockgate.toml").write_text(text.replace('"read-only"', '"system"'))
    in_host = shell.run("check", str(project), "--json")
    # It would run in the host, where rights mean nothing.
    assert "right-undeclared" not in rules(in_host)


def test_a_right_that_nothing_uses_is_told(shell: Shell, project: Path) -> None:
    manifest = project / "src" / "lockgate_tidy_up" / "lockgate.toml"
    text = manifest.read_text().replace('"read-only"', '"elevated"')
    manifest.write_text(text + '\n[rights]\nsecrets = ["api"]\nenv = ["HOME"]\n')
    result = shell.run("check", str(project), "--json")

    assert result.status == 0
    assert [f["rule"] for f in result.json["findings"]] == ["right-unused"] * 2
    assert result.json["level"] == "bronze"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("pyproject.toml", "[project]\nname = 'x'\n", "names no manifest"),
        ("pyproject.toml", "[project", "not TOML"),
        ("pyproject.toml", None, "is missing"),
    ],
)
def test_what_is_no_project_is_told(
    shell: Shell, project: Path, file: str, text: str | None, said: str
) -> None:
    (project / file).unlink()
    if text is not None:
        (project / file).write_text(text)
    result = shell.run("check", str(project))

    assert result.status == 1
    assert "project-invalid" in result.err
    assert said in result.err


def test_a_broken_manifest_is_a_finding_with_its_line(
    shell: Shell, project: Path
) -> None:
    manifest = project / "src" / "lockgate_tidy_up" / "lockgate.toml"
    manifest.write_text(manifest.read_text().replace("schema = 1", "schema = 7"))
    result = shell.run("check", str(project), "--sarif")
    (run,) = result.json["runs"]
    (finding,) = run["results"]

    assert result.status == 1
    assert finding["ruleId"] == "manifest-invalid"
    region = finding["locations"][0]["physicalLocation"]["region"]
    assert region["startLine"] == 1


def test_check_imports_nothing_of_the_project(shell: Shell, project: Path) -> None:
    mark = shell.work / "imported"
    package = project / "src" / "lockgate_tidy_up"
    for name in ("__init__.py", "plugin.py"):
        text = (package / name).read_text()
        line = f"\nimport pathlib; pathlib.Path({str(mark)!r}).touch()\n"
        (package / name).write_text(text + line)
    shell.run("check", str(project))
    shell.run("docs", str(project))

    assert not mark.exists()
    done = subprocess.run(
        [sys.executable, "-c", "import lockgate_tidy_up"],
        env=shell.env | {"PYTHONPATH": str(project / "src")},
    )
    assert done.returncode == 0
    assert mark.exists()


def test_docs_makes_a_page_and_compares_it(shell: Shell, project: Path) -> None:
    page = project / "plugin.md"
    before = shell.run("docs", str(project), "--out", str(page), "--check")
    made = shell.run("docs", str(project), "--out", str(page))
    after = shell.run("docs", str(project), "--out", str(page), "--check")
    text = page.read_text()

    assert (before.status, made.status, after.status) == (1, 0, 0)
    assert "### transform" in text
    assert "Tidy the text files of `tree`" in text
    assert "| `suffixes` | array |" in text
    assert "It asks for no rights." in text


@pytest.mark.kernel
def test_dev_calls_the_plugin_from_its_folder(shell: Shell, project: Path) -> None:
    (shell.work / "in").mkdir()
    (shell.work / "in" / "a.txt").write_text("x  \n")
    words = ["--call", "transform", "tree=@in/"]
    done = shell.run("dev", str(project), "--json", *words)
    (answer,) = done.json["answers"]["answers"]

    assert done.status == 0, done.err
    assert answer["plugin"] == "tidy-up"
    assert "-x  " in answer["value"]["diff"]
    assert "tidy-up" not in shell.names()


@pytest.mark.kernel
def test_dev_looks_again_when_a_file_changes(shell: Shell, project: Path) -> None:
    plugin = project / "src" / "lockgate_tidy_up" / "plugin.py"
    words = ["dev", str(project), "--call", "transform", "tree={}"]
    with subprocess.Popen(
        shell.command(*words),
        cwd=shell.work,
        env=shell.env | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        seen = process.stdout.readline()
        text = plugin.read_text()
        plugin.write_text(text.replace("def transform(tree", "def transform(wood"))
        for line in process.stdout:
            seen += line
            if "impl-arguments" in line:
                break
        process.terminate()
        process.wait(30)

    assert seen.startswith("checked")
    assert "changed: src/lockgate_tidy_up/plugin.py" in seen


def test_a_kind_that_nobody_adds_is_the_first_error(
    shell: Shell, project: Path
) -> None:
    manifest = project / "src" / "lockgate_tidy_up" / "lockgate.toml"
    text = manifest.read_text().replace('["transformer"]', '["audio"]')
    manifest.write_text(text.replace("\ntransform = ", "\nprocess_audio = "))
    code = project / "src" / "lockgate_tidy_up" / "plugin.py"
    code.write_text(code.read_text().replace("def transform(", "def process_audio("))

    (first, *_) = shell.run("check", str(project), "--json").json["findings"]

    assert first["rule"] == "kind-unknown"
    assert "no plugin that adds the kind 'audio'" in first["message"]
    assert first["range"]["start"]["line"] == 4


def test_a_manifest_without_kinds_gets_them_where_a_reader_looks(
    shell: Shell, project: Path
) -> None:
    manifest = project / "src" / "lockgate_tidy_up" / "lockgate.toml"
    whole = manifest.read_text()
    manifest.write_text(whole.replace('kinds = ["transformer"]\n', ""))

    assert "kinds" in shell.run("check", str(project)).out
    shell.run("check", str(project), "--write")

    assert sorted(manifest.read_text().split("\n")) == sorted(whole.split("\n"))
    assert shell.run("check", str(project)).status == 0
