"""``lockgate demo``: a plugin's bundled pipeline, run and written whole."""

from __future__ import annotations

import pytest

from tests.engine.cli.conftest import Shell
from tests.support.dists import manifest_text

PLUGIN = """
from lockgate.plugin import Generation, Tree, hookimpl

@hookimpl
def generate(spec):
    return Generation(Tree.of({"report.html": f"<p>{spec['name']}</p>"}))
"""

PIPELINE = """
schema: 1
name: small-demo
steps:
  - id: make
    hook: generate
    plugin: acme
    with: {spec: {name: lamp}}
outputs: {tree: "${steps.make.value.tree}"}
"""


@pytest.fixture
def acme(shell: Shell) -> Shell:
    hooks = '[hooks]\ngenerate = "acme:generate"\n'
    extra = f'{hooks}[demo]\npipeline = "pipelines/demo.yaml"\n'
    manifest = manifest_text("acme", kinds='["generator"]', extra=extra)
    shell.site.wheel(
        "acme",
        manifest=manifest,
        files={"acme/__init__.py": PLUGIN, "acme/pipelines/demo.yaml": PIPELINE},
    )
    return shell


def test_the_demo_writes_its_files_and_names_the_report(acme: Shell) -> None:
    result = acme.run("demo", "--plugin", "acme", "--out", "shown")

    assert result.status == 0, result.err
    report = acme.work / "shown" / "report.html"
    assert report.read_text("utf-8") == "<p>lamp</p>"
    assert f"Report: {report.resolve()}" in result.out


def test_it_writes_into_a_folder_of_its_own_if_none_is_named(acme: Shell) -> None:
    for _ in range(2):  # again is fine: the folder is lockgate's own
        assert acme.run("demo", "--plugin", "acme").status == 0

    assert (acme.work / "lockgate-demo" / "report.html").is_file()


def test_json_is_the_run_document(acme: Shell) -> None:
    document = acme.run("demo", "--plugin=acme", "--out=shown", "--json").json

    assert (document["name"], document["state"]) == ("small-demo", "done")


def test_no_demo_is_said_with_a_way_out(acme: Shell) -> None:
    result = acme.run("demo", "--plugin", "lint", "--json")

    assert result.status == 2
    assert "lockgate list" in result.json["error"]["hint"]
