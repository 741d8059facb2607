"""The sandbox alone: its wheel in an empty environment, and its README as it stands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

import pytest

from tests.meta.workspace import ROOT, tracked_files
from tests.support.sandbox import open_folder

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

README = (ROOT / "sandbox" / "README.md").read_text("utf-8")
_BUILD = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"


def snippets(language: str) -> list[str]:
    """The README's blocks of `language`."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def expected(snippet: str) -> list[str]:
    """What the comments behind a snippet's prints promise."""
    return re.findall(r"^ *print\(.*\) +# (.*)$", snippet, re.MULTILINE)


def build_wheel(folder: Path) -> Path:
    """The wheel of the sandbox, built from the files that git knows."""
    source = folder / "source"
    here = ROOT / "sandbox"
    for path in tracked_files():
        if path.is_relative_to(here):
            target = source / path.relative_to(here)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    command = [sys.executable, "-c", _BUILD, str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    return wheel


class Alone:
    """An environment with msgspec and the sandbox's wheel, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home = folder / "environment"
        venv.create(home, with_pip=False, symlinks=True)
        self.python = home / "bin" / "python"
        tree = "venv", {"base": str(home), "platbase": str(home)}
        site = Path(sysconfig.get_path("purelib", *tree))
        _copy_distribution("msgspec", site)
        wheel = build_wheel(folder)
        _install(wheel, self.python)
        self.bin = home / "bin"
        self.site = site

    def run(
        self, argv: Sequence[str], cwd: Path, status: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the environment, isolated from ours."""
        done = subprocess.run(
            argv,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(cwd)},
        )
        assert done.returncode == status, done.stderr
        return done


def _copy_distribution(name: str, site: Path) -> None:
    for file in metadata.files(name) or ():
        if ".." not in file.parts:
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(str(file.locate())), target)


def _install(wheel: Path, python: Path) -> None:
    """Install the wheel with a real installer, which asks no index."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if uv:
        command = [uv, "pip", "install", "--offline", "--python", str(python)]
    else:
        pip = [sys.executable, "-m", "pip"]
        if subprocess.run([*pip, "--version"], capture_output=True).returncode:
            base = str(getattr(sys, "_base_executable", sys.executable))
            pip = [base, "-m", "pip"]
        command = [*pip, "--python", str(python), "install"]
    done = subprocess.run(
        [*command, "--no-index", "--no-cache-dir", str(wheel)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def alone() -> Iterator[Alone]:
    with open_folder() as folder:
        yield Alone(folder)


@pytest.fixture
def work(alone: Alone, tmp_path: Path) -> Iterator[Path]:
    """A folder as the README's reader has it."""
    with open_folder() as folder:
        (folder / "data.csv").write_text("width,height\n3,4\n")
        code = "import sys; print(len(open(sys.argv[1]).readlines()))\n"
        (folder / "untrusted.py").write_text(code)
        yield folder


def test_it_brings_msgspec_and_nothing_else(alone: Alone, work: Path) -> None:
    code = (
        "from importlib import metadata as m; "
        "print(sorted(d.name for d in m.distributions()))"
    )
    done = alone.run([str(alone.python), "-c", code], work)

    assert done.stdout == "['lockgate-sandbox', 'msgspec']\n"


def test_the_wheel_holds_the_code_and_its_data(alone: Alone) -> None:
    package = alone.site / "lockgate_sandbox"
    source = ROOT / "sandbox" / "src" / "lockgate_sandbox"
    tracked = {
        str(path.relative_to(source))
        for path in tracked_files()
        if path.is_relative_to(source)
    }
    installed = {
        str(path.relative_to(package))
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert installed == tracked


def test_the_first_example_is_five_lines(alone: Alone, work: Path) -> None:
    first = snippets("python")[0]
    (work / "example.py").write_text(first)

    done = alone.run([str(alone.python), "example.py"], work)

    assert len(first.splitlines()) == 5
    assert done.stdout.splitlines() == expected(first)
    assert len(expected(first)) == 3


def test_the_shell_example_runs_line_by_line(alone: Alone, work: Path) -> None:
    lines = snippets("sh")[0].splitlines()

    said = [alone.run(["sh", "-ec", line], work).stdout for line in lines]

    assert said[0] == "2\n"
    assert len(lines) >= 1


def test_the_worker_example_runs_behind_the_file_that_it_needs(
    alone: Alone, work: Path
) -> None:
    _, plugin, host = snippets("python")
    (work / "plugins").mkdir()
    (work / "plugins" / "plugin.py").write_text(plugin)
    (work / "host.py").write_text(host)

    done = alone.run([str(alone.python), "host.py"], work)

    assert done.stdout.splitlines() == expected(host)


def test_the_module_is_the_command(alone: Alone, work: Path) -> None:
    command = [str(alone.python), "-m", "lockgate_sandbox", "run"]
    options = ["--report", "report.json", "untrusted.py", "untrusted.py"]

    done = alone.run([*command, *options], work)

    assert done.stdout == "1\n"
    report = json.loads((work / "report.json").read_text())
    assert {layer["name"] for layer in report["posture"]["layers"]} >= {"landlock"}


def test_nothing_of_the_repository_is_used(alone: Alone, work: Path) -> None:
    code = "import lockgate_sandbox, sys; print(lockgate_sandbox.__file__)"
    done = alone.run([str(alone.python), "-c", code], work)

    assert done.stdout.strip() == str(alone.site / "lockgate_sandbox" / "__init__.py")
    gone = alone.run([str(alone.python), "-c", "import lockgate"], work, status=1)
    assert "No module named 'lockgate'" in gone.stderr


def test_the_doctor_names_nothing_that_is_not_there(alone: Alone, work: Path) -> None:
    told = alone.run([str(alone.bin / "lockgate-sandbox"), "doctor"], work).stdout

    assert "docs/" not in told
    (way,) = re.findall(r"doctor --not-promised", told)
    listed = alone.run([str(alone.bin / "lockgate-sandbox"), *way.split()], work)
    assert "instead: " in listed.stdout
