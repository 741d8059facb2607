"""The page about embedding runs as it stands: each program, with the real plugins."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.meta.workspace import ROOT

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

PAGE = (ROOT / "docs" / "how-to" / "embed.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
OPENED = sum("host.call(" in block and "await" not in block for block in BLOCKS)
"""The first blocks, which stand inside the first one's ``with``."""

INSIDE = [BLOCKS[0], *(textwrap.indent(block, "    ") for block in BLOCKS[1:OPENED])]
PROGRAMS = ["\n".join(INSIDE), *BLOCKS[OPENED:]]
ALONE = [code for code in PROGRAMS if "Starlette(" not in code]

DRIVE = """
from starlette.testclient import TestClient
from web import app

spec = {"device_name": "lamp", "platform": "arduino"}
led = {"type": "led", "pin": 13}
with TestClient(app) as client:
    for peripherals in ([led], [led, led]):
        told = client.post("/generate", json={**spec, "peripherals": peripherals})
        print(told.status_code, sorted(told.json())[:2])
"""


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("code", ALONE, ids=range(len(ALONE)))
def test_a_program_of_the_page_runs(code: str, tmp_path: Path) -> None:
    run(code, tmp_path)


def test_the_web_server_of_the_page_answers_and_refuses(tmp_path: Path) -> None:
    pytest.importorskip("starlette", reason="the page's server needs starlette")
    (web,) = (code for code in PROGRAMS if "Starlette(" in code)
    (tmp_path / "web.py").write_text(web)

    assert run(DRIVE, tmp_path).splitlines() == [
        "200 ['README.md', 'arduino/lamp/lamp.ino']",
        "422 ['code', 'hint']",
    ]
