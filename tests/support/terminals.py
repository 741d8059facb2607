"""What a program shows on a terminal."""

from __future__ import annotations

import os
from contextlib import suppress

__all__ = ["all_shown"]


def all_shown(screen: int) -> bytes:
    """What came to `screen`, a pty's own end, until nobody has the other; closes it.

    The kernel hands it over a little after it was written: who reads once may miss it.
    """
    shown = b""
    try:
        with suppress(OSError):  # how a terminal tells its end
            while piece := os.read(screen, 65536):
                shown += piece
    finally:
        os.close(screen)
    return shown
