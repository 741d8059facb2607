"""What the author's guide shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lockgate.project import check_project, find_project
from lockgate.project._new import make_project
from lockgate.values import Tree
from tests.meta.workspace import ROOT
from tests.support.host_plugins import Site

GUIDE = (ROOT / "docs/how-to/write-a-plugin.md").read_text("utf-8")
KINDS = (ROOT / "docs/how-to/add-a-kind.md").read_text("utf-8")


def blocks(language: str, words: str, page: str = GUIDE) -> str:
    """The first block of a language that holds `words`."""
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return next(block for block in found if words in block)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_the_first_plugin_of_the_guide_answers(site: Site) -> None:
    manifest = blocks("toml", 'name = "shout"\nsummary')
    manifest = manifest.replace("lockgate_shout.plugin", "shout_plugin.impl")
    site.add("shout", blocks("python", "shouting"), manifest=manifest)

    with site.open() as host:
        answer = host.call("transform", tree=Tree.of({"a": "quiet"})).first

    assert answer.tree["a"].text == "QUIET"


def test_the_manifest_of_the_guide_may_have_its_command(site: Site) -> None:
    manifest = blocks("toml", 'name = "shout"\nsummary') + blocks(
        "toml", "[[commands]]"
    )
    manifest = manifest.replace("lockgate_shout.plugin", "shout_plugin.impl")
    site.add(
        "shout",
        blocks("python", "shouting"),
        manifest=manifest,
        files={"pipelines/folder.yaml": blocks("yaml", "shout-folder")},
    )

    with site.open() as host:
        (state,) = [one for one in host.plugins() if one.name == "shout"]

    assert (state.state, state.reason) == ("ok", "")


def test_the_analyzer_of_the_guide_finds_and_places(site: Site) -> None:
    manifest = blocks("toml", 'name = "shout"\nsummary')
    manifest = manifest.replace('"transformer"', '"analyzer"').replace(
        'transform = "lockgate_shout.plugin:transform"',
        'analyze = "shout_plugin.impl:analyze"',
    )
    site.add("shout", blocks("python", "TODO"), manifest=manifest)

    with site.open() as host:
        report = host.call("analyze", tree=Tree.of({"a": "x\n# TODO y\n"})).first

    (finding,) = report.findings
    assert finding.range is not None
    assert (finding.rule, finding.range.start.line) == ("todo", 2)


def test_the_kind_of_the_guide_is_compiled_to_what_the_guide_shows(
    tmp_path: Path,
) -> None:
    folder = make_project("service", "acme-sound", summary="", out=tmp_path)
    package = folder / "src" / "lockgate_acme_sound"
    (package / "specs.py").write_text(blocks("python", "class Sound", KINDS))
    code = "from dataclasses import replace\nfrom lockgate.plugin import hookimpl\n"
    code += "from lockgate_acme_sound.specs import Clip\n\n\n"
    (package / "plugin.py").write_text(code + blocks("python", "replace(", KINDS))
    manifest = package / "lockgate.toml"

    manifest.write_text(check_project(find_project(folder)).text)
    checked = check_project(find_project(folder))

    assert checked.passed, checked.findings
    assert blocks("toml", "[added-kinds.defs.Clip]", KINDS) in manifest.read_text()
    assert checked.manifest is not None
    assert set(checked.manifest.answers) == {"shape_sound"}


def test_no_hook_of_the_guide_is_one_of_an_example() -> None:
    """A reader who follows both has both installed."""
    hooks = set(re.findall(r'^name = "(\w+_\w+)"', KINDS, re.MULTILINE))
    examples = "".join(
        path.read_text() for path in ROOT.glob("docs/examples/*/src/*/lockgate.toml")
    )

    assert hooks
    assert not [hook for hook in hooks if f'"{hook}"' in examples]
