"""From `lockgate new` to a plugin that a host calls, for every kind.

One fresh environment for all: lockgate and the plugins are installed into it from
local folders, as their authors would. The report says how long each kind took.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lockgate.documents import parse_document
from tests.meta.workspace import ROOT
from tests.support.fresh import base_python, fresh_environment, install_projects

KINDS = [
    "generator", "analyzer", "transformer", "hardware", "ai", "service", "adapter",
]  # fmt: skip
CALLS = {
    "generator": [
        "generate",
        'spec={"kind": "record", "name": "P", "fields": {"x": "float"}}',
    ],
    "analyzer": ["analyze", "tree=@in/"],
    "transformer": ["transform", "tree=@in/"],
    "hardware": ["discover_devices"],
    "ai": ["complete", 'task={"kind": "summarise", "prompt": "One. Two."}'],
    "service": ["diagnose"],
    "adapter": ["analyze", "tree=@in/"],
    "audio": ["process_audio", "wav=bytes", "change={}"],
    "units": ["convert", 'quantity={"value": 1, "unit": "m"}', "to=km"],
}  # fmt: skip
ADDED = {"audio": "audio", "units": "custom"}
"""Kinds that plugins of docs/examples add, and which."""

SANE_SECONDS = 300.0
"""No measure: on a machine this slow something is broken."""

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


@dataclass
class Environment:
    """A virtual environment, and a home and a folder to work in."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    def run(
        self, *words: str, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        env = {
            "HOME": str(self.folder / "home"),
            "PATH": f"{self.python.parent}:{os.environ.get('PATH', '')}",
        }
        return subprocess.run(
            words,
            cwd=cwd or self.folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=SANE_SECONDS,
            check=False,
        )

    def lockgate(self, *words: str, cwd: Path | None = None) -> Any:
        """A command's JSON; it must succeed."""
        done = self.run(str(self.python), "-m", "lockgate", *words, "--json", cwd=cwd)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Fresh, but for what lockgate needs, which comes from this environment."""
    made = Environment(tmp_path_factory.mktemp("template"))
    (made.folder / "home").mkdir()
    (made.folder / "in").mkdir()
    (made.folder / "in" / "a.txt").write_text("x  \n")
    fresh_environment(made.folder / "venv", borrowed=made.folder / "borrowed")
    install_projects(made.python, ROOT / "sandbox", ROOT / "engine")
    return made


@pytest.mark.parametrize("kind", [*KINDS, *ADDED])
def test_a_new_plugin_is_installed_checked_tested_and_called(
    environment: Environment, kind: str, record_property: Callable[[str, object], None]
) -> None:
    if kind in ADDED:
        example = environment.folder / "example" / ADDED[kind]
        shutil.copytree(ROOT / "docs" / "examples" / ADDED[kind], example)
        install_projects(environment.python, example)
    started = time.monotonic()
    name = f"my-{kind}"
    made = environment.lockgate("new", kind, name)
    project = Path(made["folder"])
    install_projects(environment.python, project)

    checked = environment.lockgate("check", cwd=project)
    tested = environment.lockgate("test", cwd=project)
    hook, *words = CALLS[kind]
    before: list[str] = []
    asked = name
    if kind == "adapter":
        before, asked = ["--set", f"bridges={name}"], _foreign_plugin(environment, name)
    called = environment.lockgate(*before, "call", hook, "--plugin", asked, *words)
    seconds = time.monotonic() - started
    record_property("seconds", round(seconds, 1))
    sys.stdout.write(f"{kind}: {seconds:.1f} s from `lockgate new` to an answer\n")

    assert (checked["level"], tested["passed"]) == ("gold", True)
    (answer,) = called["answers"]
    assert answer["plugin"] == asked
    assert answer["value"] is not None
    assert seconds < SANE_SECONDS
    assert _visible(environment, name)


def _foreign_plugin(environment: Environment, ecosystem: str) -> str:
    """Install another program's plugin, which never heard of lockgate; its name."""
    site = next((environment.folder / "venv" / "lib").glob("python*/site-packages"))
    (site / "spell_check.py").write_text("def check(text): return [text.strip()]\n")
    info = site / "spell_check-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spell-check\n")
    points = f"[{ecosystem}.checks]\nspelling = spell_check:check\n"
    (info / "entry_points.txt").write_text(points)
    lines = [
        f"{p.relative_to(site)},," for p in (info / "METADATA", site / "spell_check.py")
    ]
    (info / "RECORD").write_text("\n".join(lines) + "\n")
    return f"{ecosystem}.spell-check"


def _visible(environment: Environment, name: str) -> bool:
    found = environment.lockgate("list")["plugins"]
    return {"ok"} == {one["state"] for one in found if one["name"] == name}


def _is_added(environment: Environment, kind: str) -> bool:
    found = environment.lockgate("list")["plugins"]
    return any(one["name"] == f"example-{ADDED[kind]}" for one in found)


@pytest.mark.parametrize("tool", ["ruff", "ruff format", "mypy"])
def test_what_is_baked_is_clean_for_linters_and_typed(
    environment: Environment, tool: str
) -> None:
    program = Path(sys.executable).parent / tool.partition(" ")[0]
    if not program.exists():
        pytest.skip(f"{tool} is not installed")
    kinds = [*KINDS, *(k for k in ADDED if _is_added(environment, k))]
    for kind in kinds:
        project = environment.folder / f"lockgate-my-{kind}"
        if not project.exists():
            environment.lockgate("new", kind, f"my-{kind}")
        words = {
            "ruff": ["check", "--no-cache", "."],
            "ruff format": ["format", "--check", "--no-cache", "."],
            "mypy": [
                "--python-executable",
                sys.executable,
                f"--cache-dir={environment.folder / 'mypy'}",
            ],
        }[tool]
        done = environment.run(str(program), *words, cwd=project)

        assert done.returncode == 0, f"{kind}: {done.stdout}{done.stderr}"


def test_the_commands_of_its_workflow_run(
    environment: Environment, tmp_path: Path
) -> None:
    """As the runner gives them to bash, one after the other, on a Python of its own."""
    project = Path(environment.lockgate("new", "analyzer", "in-ci")["folder"])
    raw = (project / ".github" / "workflows" / "ci.yml").read_bytes()
    workflow: Any = parse_document(raw, "yaml", name="ci.yml")
    job = workflow["jobs"]["check"]
    steps = [step["run"] for step in job["steps"] if "run" in step]
    runner = Runner(tmp_path, project, environment.folder / "mypy")

    refused = runner.run(steps[0], **job["env"])
    assert refused.returncode == 1
    assert "::error::say in ci.yml where lockgate is: env LOCKGATE" in refused.stdout
    for step in steps:
        done = runner.run(step, LOCKGATE=runner.repository())
        assert done.returncode == 0, f"{step}: {done.stdout}{done.stderr}"


@dataclass
class Runner:
    """What runs a workflow's steps: a Python with pip, and git; no index to ask."""

    folder: Path
    project: Path
    types: Path
    """Where mypy keeps what it knows of other people's code."""

    def __post_init__(self) -> None:
        borrowed = self.folder / "borrowed"
        self.bin = fresh_environment(self.folder / "venv", borrowed=borrowed).parent
        if not (borrowed / "pip").exists():
            where = [base_python(), "-c", "import pip; print(pip.__path__[0])"]
            found = subprocess.run(where, capture_output=True, text=True)
            if found.returncode:
                pytest.skip("there is no pip to lend")
            (borrowed / "pip").symlink_to(found.stdout.strip())
        if shutil.which("git") is None:
            pytest.skip("there is no git")
        for tool in ("ruff", "mypy"):
            script = Path(sys.executable).with_name(tool)
            if not script.exists():
                pytest.skip(f"{tool} is not installed")
            (self.bin / tool).symlink_to(script)

    def repository(self) -> str:
        """What an author's LOCKGATE names: a repository with this tree's code."""
        folder = self.folder / "repository"
        if not folder.exists():
            for part in ("sandbox", "engine"):
                leave = shutil.ignore_patterns("__pycache__", ".*")
                shutil.copytree(ROOT / part, folder / part, ignore=leave)
            who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
            for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"]):
                subprocess.run(["git", *who, *words], cwd=folder, check=True)
        return f"file://{folder}"

    def run(self, step: str, **env: str) -> subprocess.CompletedProcess[str]:
        shutil.rmtree(self.folder / "temp", ignore_errors=True)
        (self.folder / "temp").mkdir()
        home = {"HOME": str(self.folder), "RUNNER_TEMP": str(self.folder / "temp")}
        home["MYPY_CACHE_DIR"] = str(self.types)
        offline = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
        path = {"PATH": f"{self.bin}:{os.environ.get('PATH', os.defpath)}"}
        return subprocess.run(
            ["bash", "-e", "-c", step],
            cwd=self.project,
            env={**home, **offline, **path, **env},
            capture_output=True,
            text=True,
            timeout=SANE_SECONDS,
            check=False,
        )
