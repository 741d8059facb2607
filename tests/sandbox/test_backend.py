"""The seam: what a backend must offer, what is chosen, and a run through it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lockgate_sandbox import Interpreter, PlatformError, PolicyError, Sandbox
from lockgate_sandbox import backend as seam
from lockgate_sandbox.backend import Backend, Confined, Confinement
from lockgate_sandbox.worker import Worker

if TYPE_CHECKING:
    from lockgate_sandbox.layers import Layers

pytestmark = pytest.mark.kernel


class Named:
    """A backend that is Linux's own, with all namespaces demanded."""

    def __init__(self, name: str, why: str = "") -> None:
        self.name = name
        self._why = why

    def refusal(self) -> str:
        return self._why

    def open(self, *, layers: Layers | None = None) -> Confinement:
        return Sandbox.open(layers={"session": "strict", **(layers or {})})


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backends of one test are not there in the next."""
    monkeypatch.setattr(seam, "_known", dict(vars(seam)["_known"]))


def test_the_kernels_own_is_what_the_protocols_say(tmp_path: Path) -> None:
    """Mypy and pyright judge the assignments; the rest is that it runs."""
    with Sandbox.open() as sandbox:
        opened: Confinement = sandbox
        with Interpreter.open(sandbox=opened) as python:
            assert python.run("6 * 7").value == 42


def confined(worker: Worker) -> Confined:
    """A worker is confined: the type checkers' word."""
    return worker


def test_a_backend_is_chosen_by_name() -> None:
    mine: Backend = Named("mine")
    seam.register(mine)

    assert seam.backends() == ("linux", "mine")
    with (
        seam.open_confinement("mine") as confinement,
        Interpreter.open(sandbox=confinement) as python,
    ):
        assert python.run("6 * 7").value == 42
        assert python.posture["seccomp"].state == "active"


def test_without_a_name_the_first_that_works_is_taken() -> None:
    seam.register(Named("broken", "it is broken"))

    with seam.open_confinement() as confinement:
        assert isinstance(confinement, Sandbox)
    with pytest.raises(PlatformError, match="broken: it is broken"):
        seam.open_confinement("broken")


@pytest.mark.parametrize("name", ["", "two words", "linux"])
def test_a_name_that_is_none_or_taken_is_refused(name: str) -> None:
    with pytest.raises(PolicyError):
        seam.register(Named(name))
    assert seam.backends() == ("linux",)


def test_an_unknown_backend_is_named_with_those_that_are_known() -> None:
    with pytest.raises(PolicyError, match="no backend 'other'") as caught:
        seam.open_confinement("other")
    assert caught.value.hint == "known: linux"


def test_on_another_system_a_registered_backend_is_used() -> None:
    """The platform's name is faked; what the backend opens is real."""
    code = """
import sys
sys.platform = "darwin"
from lockgate_sandbox import PlatformError, backend, run_python

class Machine:
    name = "machine"
    def refusal(self):
        return ""
    def open(self, *, layers=None):
        sys.platform = "linux"
        from lockgate_sandbox.sandbox import Sandbox
        return Sandbox.open(layers=layers)

try:
    run_python("6 * 7")
except PlatformError as error:
    print(error.code)
backend.register(Machine())
print(run_python("6 * 7").check().value)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("platform-unsupported\n42\n", "")
