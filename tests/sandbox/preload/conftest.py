"""A sandbox of each test's own, and a library to preload."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lockgate_sandbox import (
    Sandbox,
)
from tests.support.sandbox import Lab, open_folder


@pytest.fixture
def lab() -> Iterator[Lab]:
    with open_folder() as folder, Sandbox.open() as sandbox:
        made = Lab(sandbox, folder)
        made.write("library", "import os\nBORN_IN = os.getpid()\nSTATE = []\n")
        yield made
