"""Rows about what a wheel holds: `tests.support.wheel_attacks`, from a local file."""

from __future__ import annotations

import os
from pathlib import Path

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel import Surroundings, open_wheel, unpack
from tests.integration.supply_chain.environments import Environment, Installed
from tests.integration.supply_chain.rows import Outcome, Part, Row, Tool
from tests.support.wheel_attacks import ATTACKS, MARK, VICTIM, WheelAttack
from tests.support.wheels import forge_file

__all__ = ["PART"]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _by_tool(attack: WheelAttack, tool: Tool, base: Path) -> Outcome:
    """Install the wheel with pip or uv, and look at what is there afterwards."""
    environment = Environment(base)
    wheel = attack.write(base / "wheels")
    if attack.before:
        victim = {"victim.py": "x = 1\n"}
        points = {"lockgate.analyzer": {VICTIM: "victim"}}
        made = forge_file(base / "before", VICTIM, files=victim, entry_points=points)
        done = environment.install(tool, "--no-index", made)
        assert done.status == 0, done.output
    inside = [p for p in attack.planted if not p.startswith("outside/")]
    before = {name: _stamp(environment.place(name)) for name in inside}
    done = environment.install(tool, "--no-index", wheel)
    changed = [n for n in inside if _stamp(environment.place(n)) != before[n]]
    for name in attack.planted:
        if name.startswith("outside/"):
            changed += map(str, environment.outside(name.partition("/")[2]))
    if attack.runs and MARK in environment.start():
        changed.append("a start of Python")
    outcome = _judged(attack, done, environment, changed)
    _clean(attack)
    return outcome


def _judged(
    attack: WheelAttack, done: Installed, environment: Environment, changed: list[str]
) -> Outcome:
    if done.status != 0:
        left = ", leaves it behind" if changed else ""
        return Outcome("succeeded" if left else "refused", f"refuses{left}")
    if not changed:
        return Outcome("silent", "drops it and says nothing")
    text = attack.effect
    if attack.code == "wheel-file-type":
        link = environment.place(changed[0]).is_symlink()
        text = "makes the link" if link else "installs it as a plain file"
    return Outcome("succeeded", text)


def _clean(attack: WheelAttack) -> None:
    for name in attack.planted:
        if name.startswith("/"):
            Path(name).unlink(missing_ok=True)


def _by_us(attack: WheelAttack, base: Path) -> Outcome:
    wheel = attack.write(base)
    around = Surroundings(modules={VICTIM: VICTIM}, plugins={VICTIM: VICTIM})
    try:
        unpack(open_wheel(wheel, around=around), base / "out")
    except WheelError as refused:
        assert os.listdir(base) == [wheel.name]  # noqa: PTH208
        return Outcome("refused", f"`{refused.code}`")
    return Outcome("succeeded", attack.effect)


def _row(attack: WheelAttack) -> Row:
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
    "What a wheel holds",
    "The wheel lies in a local folder, its metadata fit and its RECORD is right but "
    "for the attack.",
    tuple(map(_row, ATTACKS)),
)
