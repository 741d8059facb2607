"""Whose fault a start that failed is said to be."""

from __future__ import annotations

import pytest

from lockgate._call.blame import Blame
from lockgate.grants import Identity
from lockgate_sandbox import StartError

BLAME = Blame(Identity("acme", "lockgate-acme", "1.0", "0" * 64), "analyze")


@pytest.mark.parametrize("stage", ["scratch", "keeper", "probe", "zygote", "fork"])
def test_what_failed_before_the_plugin_ran_is_the_machines(stage: str) -> None:
    told = BLAME.of(StartError(stage, "Resource temporarily unavailable"), seconds=1)

    assert "Nothing of the plugin ran" in told.hint
    assert "author" not in told.hint


def test_the_sandboxs_own_way_out_comes_first() -> None:
    told = BLAME.of(StartError("keeper", "gone", hint="set sys.executable"), seconds=1)

    assert told.hint == "set sys.executable"


@pytest.mark.parametrize("stage", ["import", "target"])
def test_what_failed_in_the_plugin_is_the_plugins(stage: str) -> None:
    told = BLAME.of(StartError(stage, "NameError: x", traceback="tb"), seconds=1)

    assert "The fault is in acme" in told.hint
    assert told.to_dict()["traceback"] == "tb"
