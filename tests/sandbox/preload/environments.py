"""Workers of environments with foreign code."""

from __future__ import annotations

from lockgate_sandbox import (
    Policy,
    Worker,
)
from tests.support.sandbox import Lab

__all__ = ["worker_of"]


def worker_of(
    lab: Lab, given: Policy, *names: str, target: str = "lab_target:build"
) -> Worker:
    return lab.sandbox.worker(
        given, target=target, path=[str(lab.folder)], preload=names
    )
