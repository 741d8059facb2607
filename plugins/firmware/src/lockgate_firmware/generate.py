"""From a spec to files: the library's one entrance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockgate_firmware._data import Document
from lockgate_firmware.contract import build_contract
from lockgate_firmware.emit.arduino import arduino
from lockgate_firmware.emit.micropython import micropython
from lockgate_firmware.emit.pages import pin_table, readme
from lockgate_firmware.emit.sdk import sdk
from lockgate_firmware.model import Model
from lockgate_firmware.problems import Remark, Review, did_you_mean, shown
from lockgate_firmware.resolve import resolve

__all__ = ["TARGETS", "Product", "generate"]

TARGETS = ("micropython", "arduino", "sdk", "pins")
"""What can be asked for; the contract and the read-me always come with it."""


@dataclass(frozen=True, slots=True)
class Product:
    """The files by path, what to know of them, and the contract that binds them."""

    files: Mapping[str, str]
    remarks: tuple[Remark, ...]
    contract: Document
    targets: tuple[str, ...]


def generate(document: object, targets: Sequence[str] = ()) -> Product:
    """Make `targets` (all that suit, if empty) from the spec `document`.

    Raises:
        SpecRefusedError: With every problem of the spec, or of `targets`.
    """
    review = Review()
    model = resolve(document, review)
    chosen = _choose(model, targets, review)
    paths = {
        "micropython": "micropython/main.py",
        "arduino": f"arduino/{model.name}/{model.name}.ino",
        "sdk": f"sdk/{model.name}.py",
        "pins": "pins.md",
    }
    writers = {
        "micropython": micropython,
        "arduino": arduino,
        "sdk": sdk,
        "pins": pin_table,
    }
    artifacts = {target: paths[target] for target in chosen}
    files = {paths[target]: writers[target](model) for target in chosen}
    contract = build_contract(model, artifacts)
    files["contract.json"] = json.dumps(contract, indent=2) + "\n"
    files["README.md"] = readme(model, artifacts, review.remarks)
    return Product(files, tuple(review.remarks), contract, chosen)


def _choose(model: Model, targets: Sequence[str], review: Review) -> tuple[str, ...]:
    for target in targets:
        if target not in TARGETS:
            review.refuse(
                "unknown-target",
                "targets",
                f"{shown(target)} is unknown",
                did_you_mean(target, TARGETS, f"Known: {', '.join(TARGETS)}."),
            )
    avr = model.board.avr
    if "arduino" in targets and not avr:
        review.refuse(
            "target-unavailable",
            "targets",
            f"no Arduino C++ is made for the {model.board.name}: there is no compile "
            "check for it yet",
            "Ask for micropython.",
        )
    review.check()
    if not avr and not targets:
        review.remark(
            "info",
            "arduino",
            f"No Arduino C++ is made for the {model.board.name}: there is no compile "
            "check for it yet.",
        )
    chosen = tuple(
        target
        for target in TARGETS
        if (target in targets or not targets) and (avr or target != "arduino")
    )
    if "micropython" in chosen and not model.board.runs_micropython:
        review.remark(
            "info",
            "micropython",
            f"MicroPython does not run on the {model.board.name}; the file is a "
            "simulation twin.",
        )
    return chosen
