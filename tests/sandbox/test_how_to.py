"""Pages run as they stand: each block, in order, in one folder for each page."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.meta.workspace import ROOT
from tests.support.sandbox import open_folder

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

PAGES = {
    name: (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    for name in (
        "how-to/run-untrusted-python",
        "how-to/learn-a-policy",
        "reference/sandbox",
        "reference/sandbox-broker",
    )
}
HOW_TO = PAGES["how-to/run-untrusted-python"]
_BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")
BLOCKS = [
    pytest.param(name, *block, id=f"{name.partition('/')[2]}-{number}")
    for name, page in PAGES.items()
    for number, block in enumerate(_BLOCK.findall(page))
]
_PORT = "8080"
"""Of the server that a page starts: here one that is free."""


def expected(snippet: str) -> list[str]:
    """What the comments behind a snippet's prints promise."""
    return re.findall(r"^ *print\(.*\) +# (.*)$", snippet, re.MULTILINE)


@pytest.fixture(scope="module")
def port() -> str:
    """One that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


@pytest.fixture(scope="module")
def folders() -> Iterator[dict[str, Path]]:
    """An empty folder for each page's reader."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(open_folder()) for name in PAGES}


@pytest.fixture(scope="module")
def servers(folders: dict[str, Path]) -> Iterator[None]:
    """What a page left running is ended: it says where its number is."""
    yield
    for folder in folders.values():
        for note in folder.glob("*.pid"):
            os.kill(int(note.read_text()), 15)


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize(("page", "language", "text"), BLOCKS)
def test_a_block_of_a_page_runs(
    page: str, language: str, text: str, folders: dict[str, Path], port: str
) -> None:
    folder, text = folders[page], text.replace(_PORT, port)
    if named := FILE.match(text):
        (folder / named[1]).write_text(text)
        return
    if language == "python":
        (folder / "snippet.py").write_text(text)
        command = [sys.executable, "snippet.py"]
    else:
        # What it starts beside it is told, and may not hold our pipes.
        note = "\njobs -p > server.pid; test -s server.pid || rm server.pid\n"
        command = ["bash", "-ec", text + (note if " & " in text else "")]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with (folder / "told").open("w+") as told, (folder / "failed").open("w+") as failed:
        done = subprocess.run(
            command,
            stdout=told,
            stderr=failed,
            check=False,
            timeout=120,
            cwd=folder,
            env={**os.environ, "PATH": path},
        )

    assert done.returncode == 0, (folder / "failed").read_text()
    if language == "python":
        assert (folder / "told").read_text().splitlines() == expected(text)
        assert expected(text)


def test_the_page_has_a_snippet_of_each_kind() -> None:
    text = "\n".join(text for _, text in _BLOCK.findall(HOW_TO))

    for name in ("run_python(", "Interpreter.open(", "tools=", "run_file(", ".pool("):
        assert name in text
    for name in (".map(", ".submit(", ".stream(", "--report", "--allow-write"):
        assert name in text
    for name in ("run_program(", "asyncio.timeout("):
        assert name in text
