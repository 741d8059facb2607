"""The format plugin's programs, as its own environment brings them."""

from __future__ import annotations

import pytest

from tests.support.context import LocalContext, wheel_program


@pytest.fixture
def context() -> LocalContext:
    return LocalContext(
        programs={
            "ruff": wheel_program("ruff", "bin/ruff"),
            "clang-format": wheel_program(
                "clang-format", "clang_format/data/bin/clang-format"
            ),
        }
    )
