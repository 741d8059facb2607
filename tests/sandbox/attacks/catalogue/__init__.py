"""The attacks, as data: what is tried, and which layers each hold it alone."""

from __future__ import annotations

from tests.sandbox.attacks.catalogue import (
    controls,
    files,
    folders,
    kernel,
    language,
    namespaces,
    newest,
    proc,
    processes,
    programs,
    resources,
    sockets,
)
from tests.sandbox.attacks.catalogue.attack import RUNGS, Attack

__all__ = ["ATTACKS", "RUNGS", "Attack"]

ATTACKS: tuple[Attack, ...] = (
    *files.ATTACKS,
    *folders.ATTACKS,
    *proc.ATTACKS,
    *processes.ATTACKS,
    *sockets.ATTACKS,
    *namespaces.ATTACKS,
    *kernel.ATTACKS,
    *controls.ATTACKS,
    *programs.ATTACKS,
    *resources.ATTACKS,
    *language.ATTACKS,
    *newest.ATTACKS,
)
