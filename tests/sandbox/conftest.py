"""Fixtures: one sandbox for a module, since opening one takes tens of ms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from lockgate_sandbox import Sandbox
from tests.support.sandbox import Lab, open_folder


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A sandbox with every layer, ready to run code."""
    with open_folder() as folder, Sandbox.open() as sandbox:
        yield Lab(sandbox, folder)


@pytest.fixture(scope="module")
def lab_without() -> Iterator[Callable[..., Lab]]:
    """Gives sandboxes with the named layers switched off."""
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        made: dict[frozenset[str], Lab] = {}

        def make(*layers: str) -> Lab:
            key = frozenset(layers)
            if key not in made:
                modes = dict.fromkeys(layers, "off")
                opened = stack.enter_context(Sandbox.open(layers=modes))  # type: ignore[arg-type]
                made[key] = Lab(opened, folder)
            return made[key]

        yield make
