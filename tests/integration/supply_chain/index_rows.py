"""Rows about what an index does: `tests.support.index_attacks`, over loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from lockgate_marketplace.errors import MarketplaceError
from tests.integration.supply_chain.environments import Environment
from tests.integration.supply_chain.rows import Outcome, Part, Row, Tool
from tests.support.index_attacks import (
    ATTACKS,
    PLANTED,
    IndexAttack,
    Stage,
    lured,
    stage,
)

__all__ = ["PART"]

_PATIENCE_SECONDS = 30
_COSTLY_MB = 400


@dataclass(frozen=True)
class _Run:
    status: int | None
    """None if it was still at it when the patience was over."""
    peak_mb: int


def _run(tool: Tool, environment: Environment, on: Stage, attack: IndexAttack) -> _Run:
    python, cache = str(environment.python), str(environment.base / "cache")
    commands: dict[str, list[str]] = {
        "pip": [sys.executable, "-m", "pip", "--python", python, "--isolated"],
        "uv": [find_uv_bin(), "--no-config", "--no-progress", "--cache-dir", cache],
    }
    options: dict[str, list[str]] = {
        "pip": ["install", "--disable-pip-version-check", "--no-cache-dir"],
        "uv": ["pip", "install", "--python", python],
    }
    command = [*commands[tool], *options[tool], "--index-url", on.index.url]
    if attack.both:
        command += ["--extra-index-url", on.other.url]
    keep = ("PATH", "HOME", "TMPDIR", "LANG")
    process = subprocess.Popen(
        [*command, attack.want.rpartition("/")[2]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={key: os.environ[key] for key in keep if key in os.environ},
    )
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        found, status, usage = os.wait4(process.pid, os.WNOHANG)
        if found:
            process.returncode = os.waitstatus_to_exitcode(status)
            return _Run(process.returncode, usage.ru_maxrss >> 10)
        if time.monotonic() > end:
            process.kill()
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = -9
            return _Run(None, usage.ru_maxrss >> 10)
        time.sleep(0.05)


def _by_tool(attack: IndexAttack, tool: Tool, base: Path) -> Outcome:
    """Install from the index with pip or uv, and look at what is there afterwards."""
    environment = Environment(base)
    with stage(base) as on:
        attack.prepare(on)
        run = _run(tool, environment, on, attack)
    planted = (environment.site / PLANTED).exists()
    if attack.costly and run.peak_mb > _COSTLY_MB:
        return Outcome("succeeded", f"takes {run.peak_mb:,} MB of memory")
    if run.status is None:
        text = f"still at it after {_PATIENCE_SECONDS} s"
        return Outcome("succeeded", text)
    if run.status != 0:
        return Outcome("refused", "refuses" if run.status > 0 else "crashes")
    if planted:
        return Outcome("succeeded", attack.effect)
    return Outcome("silent", "leaves it out")


def _by_us(attack: IndexAttack, base: Path) -> Outcome:
    with stage(base) as on:
        attack.prepare(on)
        try:
            _, wheels = lured(attack, on)
        except MarketplaceError as refused:
            return Outcome("refused", f"`{refused.code}`")
    if any(PLANTED.encode() in wheel.read_bytes() for wheel in wheels):
        return Outcome("succeeded", attack.effect)
    return Outcome("refused", "takes it from its own index")


def _row(attack: IndexAttack) -> Row:
    return Row(
        attack.name,
        attack.code,
        {
            "pip": lambda base: _by_tool(attack, "pip", base),
            "uv": lambda base: _by_tool(attack, "uv", base),
            "lockgate": lambda base: _by_us(attack, base),
        },
        slow=attack.slow,
    )


PART = Part(
    "What an index does",
    "The index is on loopback and offers an honest wheel, but for the one thing. Its "
    "hash always fits unless said. “Takes … MB” is the peak of memory.",
    tuple(map(_row, ATTACKS)),
)
