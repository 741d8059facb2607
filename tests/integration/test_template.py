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

from tests.meta.workspace import ROOT
from tests.support.fresh import fresh_environment, install_projects

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
            "PYTHONDONTWRITEBYTECODE": "1",
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
            "mypy": ["--python-executable", sys.executable, "--cache-dir=/dev/null"],
        }[tool]
        done = environment.run(str(program), *words, cwd=project)

        assert done.returncode == 0, f"{kind}: {done.stdout}{done.stderr}"
