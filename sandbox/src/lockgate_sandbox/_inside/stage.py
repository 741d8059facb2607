"""What a target is served with: made with its job, or before."""

from __future__ import annotations

import sys
from types import ModuleType

from lockgate_sandbox._inside.serve import Server
from lockgate_sandbox._inside.serve_async import serve
from lockgate_sandbox._inside.session import Session
from lockgate_sandbox._watch.claims import Claims

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from lockgate_sandbox._wire.guest_end import GuestChannel
    from lockgate_sandbox.posture import Posture

__all__ = ["STDLIB", "UNKNOWN", "Stage", "build_ahead", "set_scene", "stage_for"]

UNKNOWN: dict[str, Any] = {
    "scratch": None,
    "programs": {},
    "tier": "",
    "name": "",
    "plan": {"rules": []},
}
"""What a session shows before there is a job."""


class Stage:
    """A worker's session, and the loop that answers its calls."""

    def __init__(
        self, channel: GuestChannel, job: Mapping[str, Any], posture: Posture
    ) -> None:
        self.session = Session(channel, job)
        self.claims = Claims.of(job["scratch"], posture)
        self.server = Server(self.session, channel, self.claims, serve)
        self.path: list[str] | None = None
        """The import folders for which all that its target finds is set already."""


STDLIB = tuple(sys.path)


def set_scene(path: list[str]) -> None:
    """Have a main module without content, and import from the folders of `path`."""
    sys.modules["__main__"] = ModuleType("__main__")
    sys.path[:] = [*STDLIB, *path]


_AHEAD: list[Stage] = []


def build_ahead(
    channel: GuestChannel, job: Mapping[str, Any], posture: Posture
) -> Stage:
    """Build what each process that is forked from this one serves its target with.

    They have one scratch folder and one posture; what else they show is still unknown.
    """
    _AHEAD[:] = [Stage(channel, {**UNKNOWN, **job}, posture)]
    return _AHEAD[0]


def stage_for(channel: GuestChannel, job: Mapping[str, Any], posture: Posture) -> Stage:
    """What serves the target of `job`: built before the fork, or now."""
    if not _AHEAD:
        return Stage(channel, job, posture)
    stage = _AHEAD.pop()
    stage.session.present(job)
    return stage
