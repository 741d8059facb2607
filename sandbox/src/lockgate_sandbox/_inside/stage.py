"""What a target is served with: made with its job, or before."""

from __future__ import annotations

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

__all__ = ["Stage"]


class Stage:
    """A worker's session, and the loop that answers its calls."""

    def __init__(
        self, channel: GuestChannel, job: Mapping[str, Any], posture: Posture
    ) -> None:
        self.session = Session(channel, job)
        self.claims = Claims.of(job["scratch"], posture)
        self.server = Server(self.session, channel, self.claims, serve)
