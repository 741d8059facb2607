"""Importing pydantic without the code that installed distributions hook into it.

pydantic imports every entry point of the group ``pydantic`` when the first model
is built: any distribution could run code in the host that way, before a single
plugin was called. Its own switch for that is an environment variable, which is
set here only while our models are built, since they are built once.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["pydantic_alone"]

_SWITCH = "PYDANTIC_DISABLE_PLUGINS"


@contextmanager
def pydantic_alone() -> Generator[None]:
    """Within it, pydantic looks for no plugins. Import models inside."""
    before = os.environ.get(_SWITCH)
    os.environ[_SWITCH] = "__all__"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_SWITCH, None)
        else:
            os.environ[_SWITCH] = before
