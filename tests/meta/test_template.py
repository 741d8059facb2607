"""The template that lockgate ships is the cookiecutter of docs/template."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockgate._manifest.kind_names import ADAPTER
from lockgate.hookspecs import Kind
from lockgate.project import check_project, find_project
from lockgate.project._template import kinds, rendered
from tests.meta import template_data
from tests.meta.workspace import ROOT, Member, members, table


def test_the_shipped_template_is_the_one_in_docs() -> None:
    assert template_data.FILE.read_text("utf-8") == template_data.render(), (
        "run `python -m tests.meta.template_data`"
    )


def test_there_is_a_template_of_every_kind() -> None:
    built_in = set(Kind.__args__)  # type: ignore[attr-defined]
    assert set(kinds()) == {*built_in, ADAPTER}


def test_a_baked_project_has_the_licence_and_needs_this_lockgate() -> None:
    _, files = rendered("analyzer", "acme", "")
    version = table(ROOT / "engine" / "pyproject.toml")["project"]["version"]
    major, minor = version.split(".")[:2]
    wanted = f'"lockgate>={major}.{minor},<{major}.{int(minor) + 1}"'

    assert files["LICENSE"] == (ROOT / "LICENSE").read_text("utf-8")
    assert wanted in files["pyproject.toml"]


@pytest.mark.parametrize("kind", kinds())
def test_cookiecutter_makes_the_same_of_it(kind: str, tmp_path: Path) -> None:
    main = pytest.importorskip("cookiecutter.main")
    made = main.cookiecutter(
        str(template_data.TEMPLATE),
        no_input=True,
        extra_context={"kind": kind, "name": "two-words", "summary": "It's & more."},
        output_dir=str(tmp_path),
        default_config=True,
    )
    found = {
        path.relative_to(made).as_posix(): path.read_text("utf-8")
        for path in Path(made).rglob("*")
        if path.is_file()
    }
    project, files = rendered(kind, "two-words", "It's & more.")

    assert Path(made).name == project
    assert found == files


@pytest.mark.parametrize(
    "member",
    [member for member in members() if member.is_plugin],
    ids=lambda member: member.distribution,
)
def test_a_plugin_of_ours_passes_the_check_that_others_must_pass(
    member: Member,
) -> None:
    """Their tests stand in tests/plugins, and one of them runs what it is given."""
    checked = check_project(find_project(member.folder))
    rules = {finding.rule for finding in checked.findings}

    assert rules <= {"tests-missing", "source-opaque"}


def test_the_data_file_is_read_as_data() -> None:
    files = json.loads(template_data.FILE.read_text("utf-8"))

    assert all(isinstance(text, str) for text in files.values())
