"""The runner of peers' suites: that it compares two runs, and that ours took part.

The peers' own suites need a package index and are run by hand; here the runner
gets outcomes and a suite of our own, and the swap is seen to be real.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.peers.__main__ import main
from tests.integration.peers.recipes import RECIPES, Recipe
from tests.integration.peers.runs import SWAP, Environment, Outcome, SuiteError

SUITE = """
import pluggy
import pytest


def test_whose_manager():
    print(pluggy.PluginManager.__module__)
    assert pluggy.PluginManager.__module__.startswith({whose!r})


def test_a_hook_is_called_often():
    spec, impl = pluggy.HookspecMarker("own"), pluggy.HookimplMarker("own")

    class Specs:
        @spec
        def hook(self, a): ...

    class Plugin:
        @impl
        def hook(self, a):
            return a

    manager = pluggy.PluginManager("own")
    manager.add_hookspecs(Specs)
    manager.register(Plugin())
    assert [manager.hook.hook(a=n) for n in range(4)] == [[n] for n in range(4)]


@pytest.mark.skip(reason="to be counted")
def test_left_out(): ...
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "peer"
    (folder / "tests").mkdir(parents=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return folder


def environment(tmp_path: Path, checkout: Path) -> Environment:
    """This test's own environment, where everything is installed already."""
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    python = tmp_path / "venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return Environment(tmp_path / "venv", checkout)


def test_a_suite_runs_once_with_pluggys_manager_and_once_with_ours(
    tmp_path: Path, checkout: Path
) -> None:
    recipe = Recipe(needs=(), tests=("tests",))
    suite = checkout / "tests" / "test_own.py"
    place = environment(tmp_path, checkout)

    suite.write_text(SUITE.format(whose="pluggy"))
    plain, wrong = place.plain(recipe), place.swapped(recipe)
    suite.write_text(SUITE.format(whose="lockgate.inprocess"))
    swapped = place.swapped(recipe)

    assert len(plain.passed) == len(swapped.passed) == 2
    assert len(plain.skipped) == 1
    assert [name.rpartition("::")[2] for name in wrong.failed] == ["test_whose_manager"]


def test_the_swap_is_in_force_from_the_start() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import pluggy; print(pluggy.PluginManager.__module__)"],
        env={"PYTHONPATH": str(SWAP)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.strip() == "lockgate.inprocess._manager"


def test_a_suite_that_runs_nothing_is_an_error(tmp_path: Path, checkout: Path) -> None:
    with pytest.raises(SuiteError, match="ran no test"):
        environment(tmp_path, checkout).plain(Recipe(needs=(), tests=("tests",)))


def test_a_run_without_a_report_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no report"):
        Outcome.read(tmp_path / "none.xml")


def test_what_is_no_checkout_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["pluggy", str(tmp_path)])

    assert caught.value.code == 2
    assert set(RECIPES) == {"datasette", "llm", "pluggy", "pytest", "stevedore"}
