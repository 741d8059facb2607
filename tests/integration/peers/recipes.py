"""What each peer's suite needs, what is run of it, and what of ours takes part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a suite is run.

    `needs` is installed beside the checkout (``{checkout}`` stands for it) and
    `tests` are paths in it. `part` is what of ours stands in: ``manager`` puts our
    `PluginManager` in the place of pluggy's, for the suite and for the pytest that
    runs it; ``sandbox`` runs the suite in a sealed process of tier basic, which is
    where plugins without a manifest meet that peer. `leave_out` are tests that need
    a network, or compare words of messages, with pytest's ``-k``.
    """

    needs: tuple[str, ...]
    tests: tuple[str, ...]
    part: Literal["manager", "sandbox"] = "manager"
    leave_out: str = ""
    version: str = "9.9.9"
    """What the checkout is called: an archive has no tags to tell."""


RECIPES: Mapping[str, Recipe] = {
    "pluggy": Recipe(
        needs=("-e", "{checkout}", "pytest", "pytest-benchmark"),
        tests=("testing",),
        version="1.7.99",
    ),
    "stevedore": Recipe(
        needs=("-e", "{checkout}", "pytest", "sphinx"),
        tests=("stevedore/tests",),
        part="sandbox",
    ),
    "datasette": Recipe(
        needs=(
            "-e",
            "{checkout}",
            "pytest>=9",
            "pytest-asyncio",
            "pytest-timeout",
            "beautifulsoup4",
            "trustme",
            "cogapp",
        ),
        tests=("tests/test_plugins.py",),
    ),
    "llm": Recipe(
        needs=(
            "-e",
            "{checkout}",
            "pytest",
            "pytest-asyncio",
            "pytest-httpx",
            "pytest-recording",
            "syrupy",
            "cogapp",
            "numpy",
            "llm-echo",
        ),
        tests=(
            "tests/test_plugins.py",
            "tests/test_tools.py",
            "tests/test_cli_options.py",
        ),
    ),
    "pytest": Recipe(
        needs=(
            "-e",
            "{checkout}[dev]",
        ),
        tests=("testing/test_pluginmanager.py", "testing/test_conftest.py"),
    ),
}
