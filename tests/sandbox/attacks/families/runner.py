"""Runs a family in a host: each attack at each rung, protected from and not."""

from __future__ import annotations

import importlib
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from tests.sandbox.attacks.catalogue.attack import RUNGS
from tests.sandbox.attacks.families.field import Attack, Field, Ground

__all__ = ["attack_all"]


def attack_all(family: str) -> dict[str, dict[str, list[Any]]]:
    """What comes of the attacks of a module of this package, by rung and name.

    With all in its place and without the protection: whether the attack succeeded, or
    the traceback of what happened that nobody expected. As many at a time as the
    module says (`TOGETHER`): most of them wait.
    """
    module = importlib.import_module(f"{__package__}.{family}")
    attacks: dict[str, Attack] = module.ATTACKS
    with ExitStack() as stack:
        ground = Ground(stack)
        pool = stack.enter_context(ThreadPoolExecutor(module.TOGETHER))
        begun = {
            rung: {
                name: [
                    pool.submit(_outcome, attack, Field(ground, rung, held))
                    for held in (True, False)
                ]
                for name, attack in attacks.items()
            }
            for rung in RUNGS
        }
        return {
            rung: {name: [one.result() for one in both] for name, both in named.items()}
            for rung, named in begun.items()
        }


def _outcome(attack: Attack, field: Field) -> bool | str:
    try:
        return attack(field)
    except BaseException:
        return traceback.format_exc()
