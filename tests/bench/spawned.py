"""What a python that multiprocessing has spawned does; imports nothing of ours."""

from __future__ import annotations

import sys
import time
from importlib import import_module

__all__ = ["echo_and_rest"]


def echo_and_rest(folder: str, site: str, *modules: str) -> None:
    """Import `modules` of `site`, build the target in `folder`, answer, and rest."""
    if modules:
        sys.path.insert(0, site)
    for name in modules:
        import_module(name)
    if folder not in sys.path:
        sys.path.append(folder)
    import_module("echo").build(None)("echo", {})
    time.sleep(0.5)
