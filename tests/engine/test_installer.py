"""The command that installs: what a hint says is run, in environments that are real."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from importlib import invalidate_caches
from pathlib import Path

import pytest

from lockgate._installer import pip_command, source_of
from tests.support.fresh import base_python

PIP = "import pip, sys; sys.exit(pip.__version__ < '22.3')"


def venv(folder: Path, *options: str) -> str:
    """A new environment; the way to its Python."""
    base = [base_python(), "-I"]
    subprocess.run([*base, "-m", "venv", *options, folder], check=True)
    return str(folder / "bin" / "python")


def test_a_python_without_pip_is_given_what_really_installs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = venv(tmp_path / "bare", "--without-pip")
    monkeypatch.setenv("PATH", "/nowhere")  # nor uv
    command = shlex.split(pip_command("install", "thing", python=python))
    if subprocess.run([command[0], "-c", PIP], check=False).returncode:
        pytest.skip(f"{command[0]} has no pip that knows --python")
    project = tmp_path / "thing"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "thing"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "build"\nbackend-path = ["."]\n'
    )
    (project / "build.py").write_text(
        "import pathlib, zipfile\n"
        "def build_wheel(folder, config=None, metadata=None):\n"
        "    name = 'thing-1-py3-none-any.whl'\n"
        "    info = 'thing-1.dist-info/'\n"
        "    with zipfile.ZipFile(pathlib.Path(folder, name), 'w') as wheel:\n"
        "        wheel.writestr('thing.py', 'HERE = 1')\n"
        "        meta = 'Metadata-Version: 2.1\\nName: thing\\nVersion: 1\\n'\n"
        "        wheel.writestr(info + 'METADATA', meta)\n"
        "        wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\n"
        "Root-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
        "        record = 'thing.py,,\\n' + info + 'RECORD,,\\n'\n"
        "        wheel.writestr(info + 'RECORD', record)\n"
        "    return name\n"
    )
    quiet = ["--no-index", "--no-build-isolation", "--disable-pip-version-check", "-q"]
    words = [str(project) if word == "thing" else word for word in command]
    subprocess.run([*words, *quiet], check=True, env=dict(os.environ))

    assert subprocess.run([python, "-c", "import thing"], check=False).returncode == 0
    naive = [python, "-m", "pip", "install", str(project), *quiet]
    assert subprocess.run(naive, check=False, capture_output=True).returncode != 0


def test_pip_is_named_where_it_is(tmp_path: Path) -> None:
    python = venv(tmp_path / "with pip")

    assert pip_command("check", python=python) == f"'{python}' -m pip check"


def test_uv_is_named_where_it_is(tmp_path: Path) -> None:
    bare = tmp_path / "bin" / "python"
    bare.parent.mkdir()
    bare.symlink_to(sys.executable)
    (uv := bare.with_name("uv")).write_text("#!/bin/sh\n")
    uv.chmod(0o755)

    found = shlex.split(pip_command("install", "a b", python=str(bare)))
    assert found[1:] == ["pip", "install", "--python", str(bare), "a b"]
    assert Path(found[0]).name == "uv"


def test_what_came_from_a_checkout_is_named_by_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("engine", "marketplace", "plugins/format"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "pyproject.toml").write_text("")
    info = tmp_path / "site" / "lockgate-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lockgate\n")
    monkeypatch.setattr(sys, "path", [str(info.parent), *sys.path])
    invalidate_caches()

    assert source_of("lockgate-marketplace") == "lockgate-marketplace"
    origin = {"url": (tmp_path / "engine").as_uri()}
    (info / "direct_url.json").write_text(json.dumps(origin))
    assert source_of("lockgate-marketplace") == str(tmp_path / "marketplace")
    assert source_of("lockgate-format") == str(tmp_path / "plugins" / "format")
    assert source_of("lockgate-other") == "lockgate-other"
