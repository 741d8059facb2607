"""What the manager does beyond pluggy's, and that nothing gets lost of pluggy's."""

from __future__ import annotations

import sys
from pathlib import Path

import pluggy
import pytest

from lockgate.errors import EntryPointClashError
from lockgate.inprocess import PluginManager, load_entry_points

impl = pluggy.HookimplMarker("case")
spec = pluggy.HookspecMarker("case")


class Spec:
    @spec
    def first(self, a: int) -> int: ...  # type: ignore[empty-body]

    @spec
    def second(self, a: int) -> int: ...  # type: ignore[empty-body]


@pytest.fixture
def manager() -> PluginManager:
    made = PluginManager("case")
    made.add_hookspecs(Spec)
    return made


def test_a_plugin_with_one_wrong_impl_registers_none(manager: PluginManager) -> None:
    class Wrong:
        @impl
        def first(self, a: int) -> int:
            return a

        @impl
        def second(self, unknown: int) -> int:
            return unknown

    with pytest.raises(pluggy.PluginValidationError, match="unknown"):
        manager.register(Wrong())

    assert manager.hook.first(a=1) == []
    assert not manager.get_plugins()


@pytest.mark.parametrize("kind", [pluggy.PluginManager, PluginManager])
@pytest.mark.parametrize("blocked", [False, True])
def test_a_plugin_that_is_not_registered_leaves_no_hook_behind(
    kind: type[pluggy.PluginManager], blocked: bool
) -> None:
    manager = kind("case")
    manager.add_hookspecs(Spec)
    if blocked:
        manager.set_blocked("wrong")

    class Wrong:
        @impl
        def another(self) -> None: ...

        @impl
        def second(self, unknown: int) -> int:
            return unknown

    if blocked:
        assert manager.register(Wrong(), name="wrong") is None
    else:
        with pytest.raises(pluggy.PluginValidationError, match="unknown"):
            manager.register(Wrong(), name="wrong")

    assert not hasattr(manager.hook, "another")
    assert not manager.get_plugins()


def test_a_spec_that_comes_late_holds_for_hot_callers() -> None:
    manager = PluginManager("case")

    class Early:
        @impl
        def first(self, a: int) -> int:
            return a

    manager.register(Early())
    assert [manager.hook.first(a=1) for _ in range(4)] == [[1]] * 4

    class Late:
        @spec(firstresult=True)
        def first(self, a: int) -> int: ...  # type: ignore[empty-body]

    manager.add_hookspecs(Late)

    assert [manager.hook.first(a=1) for _ in range(4)] == [1] * 4


def ten_times(a: int) -> int:
    return a * 10


def test_historic_and_extra_calls_are_pluggys() -> None:
    manager = PluginManager("case")
    seen: list[int] = []

    class Specs:
        @spec(historic=True)
        def past(self, a: int) -> None: ...

        @spec
        def first(self, a: int) -> int: ...  # type: ignore[empty-body]

    class Plugin:
        @impl
        def past(self, a: int) -> int:
            return a + 1

        @impl
        def first(self, a: int) -> int:
            return a

    manager.add_hookspecs(Specs)
    manager.hook.past.call_historic(seen.append, {"a": 1})
    manager.register(Plugin())
    for _ in range(4):
        manager.hook.first(a=1)

    assert seen == [2]
    assert manager.hook.first.call_extra([ten_times], {"a": 2}) == [20, 2]
    assert manager.subset_hook_caller("first", manager.get_plugins())(a=1) == []
    with pytest.raises(AssertionError, match="historic"):
        manager.hook.past(a=1)


def test_an_argument_of_a_strange_name_is_never_written_into_source() -> None:
    """A code object may call its variables anything: then pluggy's loop is used."""
    manager = PluginManager("case")

    def first(a: int) -> int:
        return a

    evil = "a=__import__('os').abort()"
    first.__code__ = first.__code__.replace(co_varnames=(evil,))
    manager.add_hookspecs(type("S", (), {"first": staticmethod(spec(first))}))
    manager.register(type("P", (), {"first": staticmethod(impl(first))}))

    assert [manager.hook.first(**{evil: 3}) for _ in range(4)] == [[3]] * 4


def dist(folder: Path, name: str, points: str, **modules: str) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[case]\n{points}\n")
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)


GOOD = """
import pluggy

@pluggy.HookimplMarker("case")
def first(a):
    return a
"""


def test_a_broken_entry_point_is_a_value(
    manager: PluginManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = "bad = ip_bad\nexits = ip_exits\ngood = ip_good\nnone = ip_none"
    dist(
        tmp_path, "one", points, ip_bad="1/0", ip_exits="raise SystemExit", ip_good=GOOD
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    try:
        found = {one.name: one for one in load_entry_points(manager, "case")}
    finally:
        sys.modules.pop("ip_good", None)

    assert {name: type(one.error) for name, one in found.items()} == {
        "bad": ZeroDivisionError,
        "exits": SystemExit,
        "good": type(None),
        "none": ModuleNotFoundError,
    }
    assert found["bad"].distribution == "one"
    assert manager.hook.first(a=1) == [1]
    again = [one.name for one in load_entry_points(manager, "case")]
    assert again == ["bad", "exits", "none"]


def test_two_distributions_with_one_name_are_an_error_that_names_both(
    manager: PluginManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dist(tmp_path, "one", "same = ip_first", ip_first="raise SystemExit")
    dist(tmp_path, "two", "same = ip_second")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    with pytest.raises(EntryPointClashError, match="one and two") as caught:
        load_entry_points(manager, "case")

    assert caught.value.code == "entry-point-clash"
    assert not manager.get_plugins()
