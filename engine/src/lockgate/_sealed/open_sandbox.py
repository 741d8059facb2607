"""The sandbox that a host starts its workers in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.config import Config
from lockgate.errors import SandboxUnavailableError

if TYPE_CHECKING:
    from lockgate_sandbox import Sandbox

__all__ = ["open_sandbox"]


def open_sandbox(config: Config) -> Sandbox:
    """A sandbox as the settings want it.

    Raises:
        SandboxUnavailableError: If it can't be started.
    """
    from lockgate_sandbox import Sandbox, SandboxError

    try:
        # What is granted was looked up when the rights were read (`_rights.places`).
        return Sandbox.open(layers=dict(config.layers) or None, follow_links=False)
    except SandboxError as error:
        raise SandboxUnavailableError(
            str(error), cause=error.code, hint=error.hint
        ) from error
    except ValueError as error:
        raise SandboxUnavailableError(str(error), cause="layers") from error
