"""Wishes about the plugins of a hook that can't be kept: a state for their plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.config import HookOrder
from lockgate.discovery import PluginState, discover
from tests.support.dists import SitePackages, manifest_text


class Folder:
    """Plugins that answer `transform`, each with its wishes."""

    def __init__(self, folder: Path) -> None:
        self.site = SitePackages(folder)

    def add(self, name: str, wishes: str = "", more: str = "") -> None:
        hooks = f'[hooks.transform]\nimpl = "{name}:transform"\n{wishes}\n{more}'
        self.site.wheel(name, manifest=manifest_text(name, extra=hooks))

    def found(self, **orders: HookOrder) -> dict[str, PluginState]:
        return {p.name: p for p in discover([self.site.path], hooks=orders).plugins}

    def states(self, **orders: HookOrder) -> dict[str, str]:
        return {name: p.state for name, p in self.found(**orders).items()}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "site")
    made.add("bystander")
    return made


def test_a_cycle_names_each_edge_with_its_line_and_spares_the_others(
    folder: Folder,
) -> None:
    folder.add("one", 'before = ["two"]')
    folder.add("two", 'before = ["three"]')
    folder.add("three", 'before = ["one"]')

    found = folder.found()

    assert folder.states() == {
        "bystander": "ok", "one": "conflict", "two": "conflict", "three": "conflict"
    }  # fmt: skip
    reason = found["two"].reason
    for name, other in (("one", "two"), ("two", "three"), ("three", "one")):
        place = f"{found[name].manifest_path}:9 hooks.transform.before"
        assert f"{name} before {other} ({place})" in reason
    assert "[hooks.transform] order" in found["two"].hint


def test_the_owners_order_settles_a_cycle(folder: Folder) -> None:
    folder.add("one", 'before = ["two"]')
    folder.add("two", 'before = ["one"]')

    assert set(folder.states(transform=HookOrder(("two",))).values()) == {"ok"}
    assert set(folder.states(transform=HookOrder((), ("one",))).values()) == {"ok"}


def test_who_closes_a_circle_around_others_is_out_alone(folder: Folder) -> None:
    folder.add("victim", 'before = ["popular"]')
    folder.add("popular")
    folder.add("hostile", 'before = ["victim"]\nafter = ["popular"]')

    assert folder.states() == {
        "bystander": "ok", "hostile": "conflict", "popular": "ok", "victim": "ok"
    }  # fmt: skip


def test_what_is_needed_must_answer_the_same_hook(folder: Folder) -> None:
    folder.add("content", 'requires = ["bystander"]')
    folder.add("wanting", 'requires = ["elsewhere"]')
    folder.add("next", 'requires = ["wanting"]')

    found = folder.found()

    assert folder.states() == {
        "bystander": "ok", "content": "ok",
        "wanting": "missing-requirement", "next": "missing-requirement",
    }  # fmt: skip
    assert "lockgate.toml:9 hooks.transform.requires" in found["wanting"].reason
    assert "needs elsewhere to answer 'transform' too" in found["wanting"].reason


def test_who_does_not_work_beside_another_yields(folder: Folder) -> None:
    folder.add("shy", 'conflicts = ["bystander"]')

    found = folder.found()

    assert (found["shy"].state, found["bystander"].state) == ("conflict", "ok")
    assert "does not work beside bystander" in found["shy"].reason
    off = HookOrder((), ("bystander",))
    assert folder.states(transform=off)["shy"] == "ok"
