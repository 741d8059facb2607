"""The author's tutorial, from its first line to its last, as a reader follows it.

Its blocks are taken from the page: a shell runs its commands, in order, and its code
goes where the sentence before it says. Only what lockgate needs is there already.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.meta.workspace import ROOT
from tests.support.fresh import base_python, fresh_environment, install_projects

PAGE = ROOT / "docs" / "tutorial" / "write-a-plugin.md"
CODE = "src/lockgate_word_count/plugin.py"
MANIFEST = "src/lockgate_word_count/lockgate.toml"
TESTS = "tests/test_plugin.py"
HTTPX = (
    "httpx", "httpcore", "h11", "anyio", "certifi", "idna", "typing_extensions",
    "click", "rich", "pygments", "markdown_it", "mdurl",
)  # fmt: skip
"""httpx, and what it imports where it is there."""

ALIAS = 'alias lockgate="$CLONE/.venv/bin/lockgate"'

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


def steps() -> Iterator[tuple[str, str, str]]:
    """Each block: the prose before it, its language, its text."""
    pieces = re.split(r"^```(\w*)\n(.*?)^```\n", PAGE.read_text(), flags=re.M | re.S)
    yield from zip(pieces[0::3], pieces[1::3], pieces[2::3], strict=False)


def commands(block: str) -> list[str]:
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def as_said(before: str, language: str, block: str, project: Path) -> None:
    """Put a block of code where the sentence before it says."""
    *_, said = before.strip().split("\n\n")
    if language == "python":
        tests = "def test_" in block
        file = project / (TESTS if tests else CODE)
        whole = block.startswith('"""')
        assert whole == ("whole file" in said or "becomes" in said), said
        old = "" if whole else file.read_text() + "\n\n"
        file.write_text(old + block)
        return
    file = project / MANIFEST
    text = file.read_text()
    instead = re.search(r"instead of(?: the table)?\s+`([^`]+)`", said)
    if instead is None:
        assert "at its end" in said, said
        file.write_text(f"{text}\n{block}")
    elif instead[1].startswith("["):
        head, _, rest = text.partition(instead[1])
        after = re.search(r"^\[", rest, re.M)
        file.write_text(head + block + (rest[after.start() :] if after else ""))
    else:
        assert instead[1] in text
        file.write_text(text.replace(instead[1], block.strip()))


def test_every_command_and_every_line_of_the_tutorial_works(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    clone.mkdir()
    (tmp_path / "home").mkdir()
    python = fresh_environment(clone / ".venv", borrowed=tmp_path / "borrowed")
    install_projects(python, ROOT / "sandbox", ROOT / "engine")
    # A worker reads nothing of what is borrowed: what the plugin needs is its own.
    site = next((clone / ".venv" / "lib").glob("python*/site-packages"))
    for name in HTTPX:
        for entry in (tmp_path / "borrowed").glob(f"{name}*"):
            copy = shutil.copytree if entry.is_dir() else shutil.copyfile
            copy(entry, site / entry.name)
    env = {
        "HOME": str(tmp_path / "home"),
        "PATH": f"{Path(base_python()).parent}:/usr/bin:/bin",
        # What pip would fetch is there; it asks no index.
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "false",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    folder, ran = clone, 0
    for before, language, block in steps():
        if language in ("python", "toml"):
            as_said(before, language, block, folder)
        for command in commands(block) if language == "console" else ():
            script = f"shopt -s expand_aliases\n{ALIAS}\ncd {folder}\n{command}\npwd"
            done = subprocess.run(
                ["bash", "-euc", script],
                env={**env, "CLONE": str(clone)},
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            folder, ran = Path(done.stdout.splitlines()[-1]), ran + 1
            shown = block.split(f"$ {command}\n", 1)[1].partition("$ ")[0]
            assert shown in done.stdout, command
            if "||" in command:
                assert "refused" in done.stdout

    assert ran >= 15
    assert (folder / "dist" / "lockgate_word_count-0.1.0-py3-none-any.whl").is_file()
    assert "api.example.com" in (folder / "PLUGIN.md").read_text()
