"""What a python that multiprocessing has spawned does; imports nothing of ours."""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module

__all__ = ["echo", "rest"]


def echo(folder: str, site: str, modules: tuple[str, ...]) -> None:
    """Import `modules` of `site`, build the target in `folder`, and answer a call."""
    if modules:
        sys.path.insert(0, site)
    for name in modules:
        import_module(name)
    if folder not in sys.path:
        sys.path.append(folder)
    import_module("echo").build(None)("echo", {})


def rest() -> int:
    """Keep this process for a moment, so that another one takes the next turn."""
    time.sleep(0.1)
    return os.getpid()
