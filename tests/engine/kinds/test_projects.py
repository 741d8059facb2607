"""A project that answers another plugin's kind: check, test, dev and docs know it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lockgate.cli import main
from lockgate.project import check_project, find_project, kinds_around
from tests.support.host_plugins import Site, manifest_of

KIND = """
[[added-kinds]]
name = "audio"
about = "Sound in, sound out."

[added-kinds.defs.Clip]
type = "object"
properties = { rate = { type = "integer" } }
required = ["rate"]
additionalProperties = false

[[added-kinds.hooks]]
name = "process_audio"
answer = { "$ref" = "#/$defs/Clip" }
arguments = { clip = { "$ref" = "#/$defs/Clip" } }

[[added-kinds.hooks]]
name = "follow_audio"
stream = true
answer = { type = "integer" }
arguments = { count = { type = "integer" } }
"""

PYPROJECT = """
[build-system]
build-backend = "hatchling.build"
[project]
name = "lockgate-louder"
version = "1.0"
[project.entry-points."lockgate.manifest"]
louder = "lockgate_louder:lockgate.toml"
[tool.pytest.ini_options]
addopts = ["-p", "lockgate.testing", "--strict-markers", "-q", "-p", "no:cacheprovider"]
filterwarnings = ["error"]
"""

MANIFEST = """\
schema = 1
name = "louder"
summary = "Louder."
kinds = ["audio"]
hook-api = ">=1,<2"
tier = "read-only"
"""

PLUGIN = '''
from collections.abc import Iterator
from dataclasses import dataclass
from lockgate.plugin import hookimpl


@dataclass(frozen=True)
class Clip:
    rate: int


@hookimpl
def process_audio(clip: Clip) -> Clip:
    """Twice."""
    return Clip(clip.rate * 2)


@hookimpl
def follow_audio(count: int) -> Iterator[int]:
    """Count."""
    yield from range(count)
'''

TESTS = """
from collections.abc import Mapping
import pytest
from lockgate.errors import LockgateError

def test_it(plugin):
    clip = plugin.call("process_audio", Mapping, clip={"rate": 3})
    assert clip == {"rate": 6}
    assert plugin.call("follow_audio", tuple, count=3) == (0, 1, 2)
    with pytest.raises(LockgateError, match="process_video"):
        plugin.answer("process_video")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, and the plugin of its kind installed beside lockgate."""
    site = Site(tmp_path)
    more = manifest_of("sound", kinds="service", hooks={}, more=KIND)
    site.add("sound", "raise SystemExit", manifest=more)
    monkeypatch.setattr(sys, "path", [*sys.path, str(site.folder)])
    folder = tmp_path / "louder"
    package = folder / "src" / "lockgate_louder"
    package.mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "tests" / "test_it.py").write_text(TESTS)
    (package / "__init__.py").write_text(PLUGIN)
    (package / "lockgate.toml").write_text(MANIFEST)
    assert main(["check", str(folder), "--write"]) == 0
    return folder


def test_check_writes_the_hooks_of_the_kind(project: Path) -> None:
    text = (project / "src" / "lockgate_louder" / "lockgate.toml").read_text()

    assert text.startswith(MANIFEST)
    assert text.endswith(
        '[hooks]\nprocess_audio = "lockgate_louder:process_audio"\n'
        'follow_audio = "lockgate_louder:follow_audio"\n'
    )


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("clip: Clip)", "clop: Clip)", "impl-arguments"),
        ("count: int", "count: str", "impl-annotation"),
        ("Iterator[int]", "int", "impl-annotation"),
        ("process_audio", "proces_audio", "hook-unknown"),
        ('    """Twice."""\n    return', "    yield", "impl-form"),
    ],
)
def test_check_judges_the_impls_by_the_kind(
    project: Path, old: str, new: str, rule: str
) -> None:
    module = project / "src" / "lockgate_louder" / "__init__.py"
    module.write_text(PLUGIN.replace(old, new))
    found = find_project(project)

    findings = check_project(found, kinds_around(found)).findings

    assert rule in {finding.rule for finding in findings}


def test_without_the_plugin_of_the_kind_its_hooks_are_unknown(project: Path) -> None:
    checked = check_project(find_project(project))

    unknown = [f for f in checked.findings if f.rule == "hook-unknown"]
    assert [f.message.split("'")[3] for f in unknown] == [
        "process_audio",
        "follow_audio",
    ]
    assert "installed beside lockgate" in unknown[0].hint


@pytest.mark.kernel
def test_its_tests_run_in_both_places(project: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "pytest", "tests"]
    done = subprocess.run(
        command, cwd=project, env=env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.kernel
def test_dev_calls_it_from_its_folder(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["dev", str(project), "--json", "--call"]
    capsys.readouterr()
    assert main([*words, "process_audio", 'clip={"rate": 4}']) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert main([*words, "follow_audio", "count=2"]) == 0
    stream = json.loads(capsys.readouterr().out)

    assert answers["answers"][0]["value"] == {"rate": 8}
    assert [item["value"] for item in stream["items"]] == [0, 1]


def test_docs_show_its_types(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["docs", str(project)]) == 0

    page = capsys.readouterr().out
    assert "process_audio(clip: Clip) -> Clip | None" in page
    assert "follow_audio(count: int) -> Iterator[int] | None" in page
