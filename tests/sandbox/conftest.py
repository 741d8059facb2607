"""Fixtures: one sandbox for a module, since opening one takes tens of ms."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from lockgate_sandbox import Interpreter, Sandbox
from tests.sandbox.attacks.catalogue import Attack
from tests.support.everywhere import (
    NAMESPACES,
    Host,
    Setting,
    open_host,
    settings,
    there,
)
from tests.support.layers import Base, Cell, cell_base, open_cell, users
from tests.support.residue import Residue
from tests.support.sandbox import Lab, open_folder


def _is_about(item: pytest.Item) -> bool:
    """Whether a test says anything about the user that its cell runs as.

    An attack that only root can try, and a layer that holds it only for root,
    say nothing where the host is an ordinary user, and the other way round.
    """
    params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    if "cell" not in params:
        return True
    uid: int = params["cell"]
    root = (os.geteuid() if uid < 0 else uid) == 0
    marker = item.get_closest_marker("host")
    attack: Attack | None = params.get("attack")
    who = {marker.args[0] if marker else "all", attack.who if attack else "all"}
    layer: str | None = params.get("layer")
    if attack and layer and layer not in attack.layers(root=root):
        return False
    return ("user" if root else "root") not in who


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave out what says nothing about its user: there is nothing to skip."""
    pointless = [item for item in items if not _is_about(item)]
    if pointless:
        config.hook.pytest_deselected(items=pointless)
        items[:] = [item for item in items if item not in set(pointless)]


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Fails the last test if the session left anything of ours on the machine."""
    residue = Residue()
    with residue.record():
        yield
    assert not residue.left()


@pytest.fixture(scope="session")
def base() -> Iterator[Base]:
    """An interpreter that everybody may read, with all that the sandbox needs."""
    with cell_base() as made:
        yield made


@pytest.fixture(scope="session", params=users(), ids=lambda uid: f"uid{uid}")
def cell(base: Base, request: pytest.FixtureRequest) -> Iterator[Cell]:
    """A host process: the tests' own user, and as root an ordinary one too."""
    uid: int = request.param
    with open_cell(base, uid) as made:
        yield made


@pytest.fixture(scope="session", params=settings(), ids=str)
def everywhere(base: Base, request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host in each setting: as root and as an ordinary user, namespaces or none.

    It says in the posture of its workers that it is as it should be, and in the end
    nothing is left of them.
    """
    setting: Setting = request.param
    with open_host(base, setting) as host:
        names = NAMESPACES if setting.root else (*NAMESPACES, "user-namespace")
        for layers in host.postures().values():
            states = {name: layers[name]["state"] for name in names}
            if setting.namespaces and set(states.values()) != {"active"}:
                pytest.skip(f"not to be had here: {states}")
            assert setting.namespaces or "active" not in states.values()
        yield host
        assert not host.call("tests.support.everywhere_host:left")


@pytest.fixture(scope="session", params=settings(), ids=str)
def placed(
    base: Base, request: pytest.FixtureRequest
) -> Iterator[tuple[Cell, Setting]]:
    """A cell in each setting, for what runs in workers of a sandbox of its own."""
    setting: Setting = request.param
    with open_cell(base, wrap=lambda argv: there(argv, setting)) as made:
        yield made, setting


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with every layer."""
    with Sandbox.open() as opened:
        yield opened


@pytest.fixture
def python(sandbox: Sandbox) -> Iterator[Interpreter]:
    """An interpreter with nothing granted."""
    with Interpreter.open(sandbox=sandbox) as opened:
        yield opened


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


@pytest.fixture
def unmounted(lab_without: Callable[..., Lab]) -> Lab:
    """What a plain container has: no tmpfs bounds the scratch folder."""
    return lab_without("mount-namespace")
