"""The attacks, as data: what is tried, and which layers each hold it alone."""

from __future__ import annotations

from tests.sandbox.attacks.catalogue import (
    aio,
    bpf,
    controls,
    families,
    files,
    folders,
    kernel,
    language,
    machine,
    namespaces,
    newest,
    proc,
    processes,
    programs,
    resources,
    sockets,
    spellings,
    steps,
    terminals,
    uring,
)
from tests.sandbox.attacks.catalogue.attack import PAST, RUNGS, Answer, Attack

__all__ = ["ATTACKS", "PAST", "RUNGS", "Answer", "Attack"]

ATTACKS: tuple[Attack, ...] = (
    *files.ATTACKS,
    *folders.ATTACKS,
    *proc.ATTACKS,
    *processes.ATTACKS,
    *sockets.ATTACKS,
    *families.ATTACKS,
    *namespaces.ATTACKS,
    *kernel.ATTACKS,
    *uring.ATTACKS,
    *aio.ATTACKS,
    *bpf.ATTACKS,
    *machine.ATTACKS,
    *controls.ATTACKS,
    *terminals.ATTACKS,
    *programs.ATTACKS,
    *resources.ATTACKS,
    *language.ATTACKS,
    *newest.ATTACKS,
    *steps.ATTACKS,
    *spellings.ATTACKS,
)
