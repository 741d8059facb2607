"""Single packages for a worker: importable, and nothing that lies beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate_sandbox import Policy, PolicyError, Sandbox, Tier
from tests.support.sandbox import open_folder

TARGET = """
import os

def build(session):
    def answer(method, arguments):
        from given import part
        found = [part.NAME, __import__("given").__name__]
        trials = [(__import__, "neighbour"), (os.listdir, arguments["beside"])]
        for trial, what in trials:
            try:
                trial(what)
                found.append("seen")
            except (ImportError, OSError) as error:
                found.append(type(error).__name__)
        return found
    return answer
"""


def packages(folder: Path) -> Path:
    beside = folder / "site"
    (beside / "given").mkdir(parents=True)
    (beside / "given" / "__init__.py").write_text("")
    (beside / "given" / "part.py").write_text("NAME = __name__\n")
    (beside / "neighbour.py").write_text("")
    own = folder / "own"
    own.mkdir()
    (own / "plugin.py").write_text(TARGET)
    return beside


def test_a_package_is_imported_without_its_neighbours() -> None:
    with open_folder() as folder, Sandbox.open() as sandbox:
        beside = packages(folder)
        given = {"given": str(beside / "given")}
        own = str(folder / "own")
        policy = Policy.for_tier(Tier.READ_ONLY)
        with sandbox.worker(
            policy, target="plugin:build", path=[own], packages=given
        ) as worker:
            alone = worker.call("look", {"beside": str(beside)}).value
        with sandbox.worker(
            policy, target="plugin:build", path=[own, str(beside)]
        ) as worker:
            shared = worker.call("look", {"beside": str(beside)}).value

    assert alone == ["given.part", "given", "ModuleNotFoundError", "PermissionError"]
    assert shared == ["given.part", "given", "seen", "seen"]


def test_an_environments_own_package_of_that_name_counts() -> None:
    with open_folder() as folder, Sandbox.open() as sandbox:
        beside = packages(folder)
        (folder / "own" / "given").mkdir()
        (folder / "own" / "given" / "__init__.py").write_text("")
        (folder / "own" / "given" / "part.py").write_text("NAME = 'its own'\n")
        with sandbox.worker(
            Policy.for_tier(Tier.READ_ONLY),
            target="plugin:build",
            path=[str(folder / "own")],
            packages={"given": str(beside / "given")},
        ) as worker:
            found = worker.call("look", {"beside": str(beside)}).value

    assert isinstance(found, list)
    assert found[0] == "its own"


@pytest.mark.parametrize(
    ("name", "folder"), [("given", "/tmp/other"), ("not a name", "/tmp/not a name")]
)
def test_what_cannot_be_that_package_is_refused(name: str, folder: str) -> None:
    with Sandbox.open() as sandbox, pytest.raises(PolicyError, match="no folder of"):
        sandbox.worker(
            Policy.for_tier(Tier.READ_ONLY), target="a:b", packages={name: folder}
        )


def test_preloading_and_single_packages_do_not_go_together() -> None:
    with Sandbox.open() as sandbox, pytest.raises(PolicyError, match="not both"):
        sandbox.worker(
            Policy.for_tier(Tier.READ_ONLY),
            target="a:b",
            preload=["json"],
            packages={"given": "/tmp/given"},
        )
