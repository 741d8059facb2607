"""The how-to page runs as it stands: each block, in order, in one folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.meta.workspace import ROOT
from tests.support.sandbox import open_folder

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

PAGE = (ROOT / "docs" / "how-to" / "run-untrusted-python.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(python|sh)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")
RUN = [block for block in BLOCKS if not FILE.match(block[1])]


def expected(snippet: str) -> list[str]:
    """What the comments behind a snippet's prints promise."""
    return re.findall(r"^ *print\(.*\) +# (.*)$", snippet, re.MULTILINE)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """What the page's reader has: a file, a folder with data, one for results."""
    with open_folder() as made:
        (made / "untrusted.py").write_text(
            "import sys\nprint(sys.argv, file=sys.stderr)\n"
        )
        (made / "data").mkdir()
        (made / "data" / "in.csv").write_text("1,2\n")
        (made / "out").mkdir()
        for _, text in BLOCKS:
            if named := FILE.match(text):
                (made / named[1]).write_text(text)
        yield made


@pytest.mark.parametrize(("language", "text"), RUN, ids=range(len(RUN)))
def test_a_block_of_the_page_runs(language: str, text: str, folder: Path) -> None:
    if language == "python":
        (folder / "snippet.py").write_text(text)
        command = [sys.executable, "snippet.py"]
    else:
        command = ["sh", "-ec", text]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
        env={**os.environ, "PATH": path},
    )

    assert done.returncode == 0, done.stderr
    if language == "python":
        assert done.stdout.splitlines() == expected(text)
        assert expected(text)


def test_the_page_has_a_snippet_of_each_kind() -> None:
    text = "\n".join(text for _, text in RUN)

    for name in ("run_python(", "Interpreter.open(", "tools=", "run_file(", ".pool("):
        assert name in text
    for name in (".map(", ".submit(", ".stream(", "--report", "--allow-write"):
        assert name in text
