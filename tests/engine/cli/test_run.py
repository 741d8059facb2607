"""``lockgate run``: a pipeline file, its inputs, its files, its exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.cli._pipelines import pipeline_files
from lockgate.errors import UsageError
from lockgate.values import Document
from tests.engine.cli.conftest import Shell
from tests.support.dists import manifest_text

PLUGIN = """
from lockgate.plugin import *

@hookimpl
def transform(tree, options):
    if options.get("refuse"):
        reason = Reason("no", "tree", "not this one", "Bring another.")
        raise RefusedError([reason])
    notes = [Note("substituted", name, "No echo.") for name in ("a.txt", "b.txt")] * 2
    tree = Tree.of({f.path: f.text.upper() for f in tree})
    return Transformation(tree, notes=tuple(notes) if options.get("note") else ())
"""

PIPELINE = """
schema: 1
name: shout
inputs:
  tree: {type: document}
  options: {type: document, default: {}}
steps:
  - id: shout
    hook: transform
    plugin: acme
    with: {tree: "${inputs.tree}", options: "${inputs.options}"}
outputs: {tree: "${steps.shout.value.tree}"}
"""

INNER = """
schema: 1
name: inner
inputs:
  about: {type: document}
  tree: {type: document}
steps:
  - id: shout
    hook: transform
    plugin: acme
    with: {tree: "${inputs.tree}"}
"""

EACH = """
schema: 1
name: each
inputs:
  tree: {type: document}
steps:
  - id: build
    foreach: [{title: "Red\\nlamp"}, {title: LONG}, {}]
    as: about
    pipeline: inner.yaml
    with: {about: "${about}", tree: "${inputs.tree}"}
"""

LONG = PIPELINE.replace(
    "outputs:",
    """
  - {id: never, hook: transform, plugin: acme, needs: [shout],
     when: "len(inputs.options) > 0", with: {tree: "${inputs.tree}"}}
  - {id: second, hook: transform, plugin: acme, needs: [shout],
     with: {tree: "${inputs.tree}"}}
  - {id: third, hook: transform, plugin: acme, needs: [shout],
     with: {tree: "${inputs.tree}"}}
outputs:""",
)


@pytest.fixture
def acme(shell: Shell) -> Shell:
    shell.site.wheel(
        "acme", manifest=manifest_text("acme"), files={"acme/__init__.py": PLUGIN}
    )
    (shell.work / "shout.yaml").write_text(PIPELINE, "utf-8")
    (shell.work / "code").mkdir()
    (shell.work / "code" / "a.txt").write_text("quiet", "utf-8")
    return shell


def test_a_pipeline_runs_and_its_files_are_written(acme: Shell) -> None:
    result = acme.run("run", "shout.yaml", "tree=@code/", "--out", "made")

    assert result.status == 0, result.err
    assert "shout: done" in result.out
    assert (acme.work / "made" / "a.txt").read_text("utf-8") == "QUIET"


def test_json_is_the_run_document(acme: Shell) -> None:
    result = acme.run("run", "shout.yaml", "tree=@code/", "--json")

    document = result.json
    assert document["state"] == "done"
    assert [step["id"] for step in document["steps"]] == ["shout"]
    (answer,) = document["steps"][0]["answers"]
    assert (answer["plugin"], answer["tier"]) == ("acme", "read-only")


def test_the_reasons_of_a_refusal_are_told_once(acme: Shell) -> None:
    words = ("run", "shout.yaml", "tree=@code/", 'options={"refuse": true}')
    result = acme.run(*words)

    assert result.status == 3
    assert result.out.count("Bring another.") == 1


def test_what_was_not_made_as_asked_is_told(acme: Shell) -> None:
    words = ("run", "shout.yaml", "tree=@code/", 'options={"note": true}')
    result = acme.run(*words)

    assert result.status == 0
    assert result.out.count("not as asked: a.txt: No echo.") == 1
    assert result.out.count("not as asked: b.txt: No echo.") == 1


def test_runs_of_one_pipeline_are_told_apart_by_what_they_were_given(
    acme: Shell,
) -> None:
    (acme.work / "inner.yaml").write_text(INNER, "utf-8")
    (acme.work / "each.yaml").write_text(EACH.replace("LONG", "x" * 60), "utf-8")
    result = acme.run("run", "each.yaml", "tree=@code/")

    assert result.status == 0, result.out
    assert "inner (Red lamp): done" in result.out
    assert f"inner ({'x' * 39}…): done" in result.out
    assert "inner: done" in result.out


def test_steps_that_never_began_take_one_line_and_one_left_out_says_why(
    acme: Shell,
) -> None:
    (acme.work / "long.yaml").write_text(LONG, "utf-8")
    refused = acme.run("run", "long.yaml", "tree=@code/", 'options={"refuse": true}')
    done = acme.run("run", "long.yaml", "tree=@code/")

    assert "  cancelled   never, second, third\n" in refused.out
    assert refused.out.count("cancelled") == 1
    assert "when: len(inputs.options) > 0" in done.out


def test_a_refused_input_has_status_three_and_writes_nothing(acme: Shell) -> None:
    result = acme.run(
        "run",
        "shout.yaml",
        "tree=@code/",
        'options={"refuse": true}',
        "--out",
        "made",
    )

    assert result.status == 3
    assert "not this one" in result.out + result.err
    assert not (acme.work / "made").exists()


@pytest.mark.parametrize(
    ("words", "status"),
    [(["none.yaml"], 2), (["shout.yaml", "tree"], 2), (["list.yaml"], 3)],
)
def test_what_cannot_be_read_is_said(
    acme: Shell, words: list[str], status: int
) -> None:
    (acme.work / "list.yaml").write_text("[1, 2]", "utf-8")

    result = acme.run("run", *words, "--json")

    assert result.status == status
    assert result.json["error"]["message"]


def test_a_folder_with_other_files_is_refused_before_the_work(acme: Shell) -> None:
    result = acme.run("run", "shout.yaml", "tree=@code/", "--out", "code", "--json")

    assert result.status == 2
    assert result.json["error"]["code"] == "output-refused"
    assert (acme.work / "code" / "a.txt").read_text("utf-8") == "quiet"


def test_only_the_files_that_a_pipeline_names_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    (folder / "specs").mkdir(parents=True)
    (tmp_path / "outside.yaml").write_text("a: 1", "utf-8")
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (folder / "private.txt").write_text("mine", "utf-8")
    (folder / "specs" / "one.yaml").write_text("b: 2", "utf-8")
    (folder / "inner.yaml").write_text("with: specs/one.yaml", "utf-8")
    pipeline: Document = {
        "steps": [
            {"pipeline": "inner.yaml"},
            {"with": ["../outside.yaml", "link.yaml", "/etc/hostname", "none.yaml"]},
        ]
    }
    (folder / "main.yaml").write_text("steps: []", "utf-8")

    tree = pipeline_files(folder / "main.yaml", pipeline)

    assert [file.path for file in tree] == [
        "inner.yaml",
        "main.yaml",
        "specs/one.yaml",
    ]


def test_a_pipeline_that_names_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lockgate.cli import _pipelines

    monkeypatch.setattr(_pipelines, "FILES_LIMIT", 2)
    for name in ("main.yaml", "a.txt", "b.txt"):
        (tmp_path / name).write_text("", "utf-8")

    with pytest.raises(UsageError, match="more than 2 files"):
        pipeline_files(tmp_path / "main.yaml", {"with": ["a.txt", "b.txt"]})


def test_a_run_that_failed_writes_its_report_and_nothing_else(acme: Shell) -> None:
    tail = """
  - id: fails
    hook: transform
    plugin: acme
    with: {tree: "${inputs.tree}", options: {}}
    fail_when: "true"
outputs: {tree: "${steps.fails.value.tree}", report: "${steps.shout.value.tree}"}
"""
    (acme.work / "half.yaml").write_text(
        PIPELINE.partition("outputs:")[0].rstrip() + tail, "utf-8"
    )

    result = acme.run("run", "half.yaml", "tree=@code/", "--out", "made")

    assert result.status == 1, result.err
    assert (acme.work / "made" / "a.txt").read_text("utf-8") == "QUIET"
