"""Tasks for the assistant, and the two judges: ``patch`` and the firmware plugin."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from lockgate.values import Completion, Data, Patch, Task, Tree
from lockgate_assistant.fix import Fixer
from lockgate_firmware.generate import Product, generate
from lockgate_firmware.problems import Problem, SpecRefusedError

__all__ = ["apply_patches", "build", "fix", "reasons_of"]


def reasons_of(text: str) -> list[Problem]:
    """Why the firmware plugin refuses the spec `text`; empty if it does not."""
    try:
        generate(yaml.safe_load(text))
    except SpecRefusedError as error:
        return list(error.problems)
    return []


def build(text: str) -> Product:
    """What the firmware plugin makes of the spec `text`."""
    return generate(yaml.safe_load(text))


def fix(text: str, problems: Sequence[Problem], path: str = "spec.yaml") -> Completion:
    """The fixer's answer to a refusal of `text`."""
    reasons: list[Data] = [
        {"code": p.code, "where": p.where, "message": p.message, "hint": p.hint}
        for p in problems
    ]
    task = Task("fix", "", {"reasons": reasons}, Tree.of({path: text}))
    return Fixer().complete(task)


def apply_patches(
    folder: Path, text: str, patches: Sequence[Patch], path: str = "spec.yaml"
) -> str:
    """`text` after ``patch -p1`` applied each of `patches`, in order."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text.encode())
    for number, change in enumerate(patches):
        (folder / f"{number}.diff").write_bytes(change.diff.encode())
        subprocess.run(
            ["patch", "-p1", "--fuzz=0", "--batch", "--binary", "-i", f"{number}.diff"],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    return target.read_bytes().decode()
