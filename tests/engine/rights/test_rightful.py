"""Whose a name is: nobody who comes later puts out of use who was there."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.discovery import PluginState, discover
from tests.support.dists import SitePackages, manifest_text
from tests.support.stores import Kept

KIND = """
[[added-kinds]]
name = "{kind}"
about = "Something of ours."

[[added-kinds.hooks]]
name = "{hook}"
doc = "Do it."
arguments = {{ text = {{ type = "string" }} }}
answer = {{ type = "string" }}
"""


def adding(name: str, kind: str = "audio", hook: str = "process_audio") -> str:
    extra = KIND.format(kind=kind, hook=hook)
    return manifest_text(name, kinds='["service"]', extra=f"[hooks]\n{extra}")


def with_noun(name: str, noun: str) -> str:
    rows = f'noun = "{noun}"\nverb = "go"\nhelp = "Go."\npipeline = "go.yaml"\n'
    return manifest_text(name, extra=f"[[commands]]\n{rows}")


class Place:
    def __init__(self, root: Path) -> None:
        self.site = SitePackages(root / "site")
        self.kept = Kept(root / "data")

    def found(self) -> dict[str, PluginState]:
        data = str(self.kept.data)
        states = discover([self.site.path], data_dir=data).plugins
        return {state.distribution: state for state in states}

    def states(self) -> dict[str, str]:
        return {name: state.state for name, state in self.found().items()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize(
    ("kind", "hook"), [("audio", "louder"), ("noise", "process_audio")]
)
def test_the_kind_that_was_there_stays_in_use(
    place: Place, kind: str, hook: str
) -> None:
    place.kept.install("zeta", manifest=adding("zeta"))
    place.kept.install("alpha", manifest=adding("alpha", kind, hook))

    found = place.found()

    assert found["zeta"].state == "ok"
    assert found["alpha"].state == "conflict"
    assert "it is zeta's" in found["alpha"].reason


def test_an_upgrade_keeps_its_place_and_a_new_start_does_not(place: Place) -> None:
    place.kept.install("zeta", manifest=adding("zeta"))
    place.kept.install("alpha", manifest=adding("alpha"))
    place.kept.install("zeta", "2.0", manifest=adding("zeta"))
    assert place.states() == {"zeta": "ok", "alpha": "conflict"}

    with place.kept.store.locked():
        without = place.kept.store.read().without("zeta")
        place.kept.store.commit(without, "uninstall zeta")
    place.kept.install("zeta", manifest=adding("zeta"))

    assert place.states() == {"zeta": "conflict", "alpha": "ok"}


def test_the_store_takes_nothing_from_what_the_host_came_with(place: Place) -> None:
    place.kept.install("alpha", manifest=adding("alpha"))
    place.kept.install("loud", manifest=with_noun("loud", "loud"))
    place.site.wheel("zeta", plugin="zeta", manifest=adding("zeta"))
    place.site.wheel("other", plugin="other", manifest=with_noun("other", "loud"))

    assert place.states() == {
        "zeta": "ok", "alpha": "conflict", "other": "ok", "loud": "conflict"
    }  # fmt: skip


def test_a_stored_stranger_with_a_first_party_name_wins_nothing(place: Place) -> None:
    """It shadows the host's own copy, and that is all that its name is good for."""
    place.kept.install("zeta", manifest=with_noun("zeta", "polish"))
    place.kept.install("sound", manifest=adding("sound"))
    place.kept.install(
        "lockgate-lint", plugin="lint", manifest=with_noun("lint", "polish")
    )
    place.kept.install("lockgate-format", plugin="format", manifest=adding("format"))

    assert place.states() == {
        "zeta": "ok", "sound": "ok",
        "lockgate-lint": "conflict", "lockgate-format": "conflict",
    }  # fmt: skip


def test_a_first_party_plugin_keeps_its_noun_though_another_has_its_name(
    place: Place,
) -> None:
    place.site.wheel("lockgate-lint", plugin="lint", manifest=with_noun("lint", "gold"))
    place.site.wheel("gold", plugin="gold", manifest=with_noun("gold", "gold"))

    assert place.states() == {"lockgate-lint": "ok", "gold": "conflict"}


def test_where_nothing_tells_who_was_first_a_noun_is_its_namesakes(
    place: Place,
) -> None:
    place.site.wheel("loud", plugin="loud", manifest=with_noun("loud", "loud"))
    place.site.wheel("other", plugin="other", manifest=with_noun("other", "loud"))
    place.site.wheel("one", plugin="one", manifest=with_noun("one", "same"))
    place.site.wheel("two", plugin="two", manifest=with_noun("two", "same"))

    assert place.states() == {
        "loud": "ok", "other": "conflict", "one": "conflict", "two": "conflict"
    }  # fmt: skip


def test_a_plugins_name_stays_who_had_it_in_the_store(place: Place) -> None:
    place.kept.install("zeta", plugin="same", manifest=manifest_text("same"))
    place.kept.install("alpha", plugin="same", manifest=manifest_text("same"))

    assert place.states() == {"zeta": "ok", "alpha": "duplicate"}

    place.site.wheel("third", plugin="same", manifest=manifest_text("same"))
    assert set(place.states().values()) == {"duplicate"}, "nobody can know any more"


def test_a_file_of_a_checkout_takes_no_installed_plugins_name(
    place: Place, tmp_path: Path
) -> None:
    folder = tmp_path / "checkout" / "plugins"
    folder.mkdir(parents=True)
    for name in ("zeta", "alpha", "own"):
        (folder / f"{name}.py").write_text("x = 1\n")
    other = tmp_path / "checkout" / "more"
    other.mkdir()
    (other / "own.py").write_text("x = 1\n")
    place.kept.install("zeta", manifest=manifest_text("zeta"))
    place.site.wheel("alpha", plugin="alpha")

    found = discover(
        [place.site.path],
        data_dir=str(place.kept.data),
        plugin_folders=[str(folder), str(other)],
    ).plugins
    states = {(state.name, state.distribution): state.state for state in found}

    assert states["zeta", "zeta"] == states["alpha", "alpha"] == "ok"
    assert states["zeta", "zeta.py"] == states["alpha", "alpha.py"] == "duplicate"
    assert states["own", "own.py"] in ("legacy", "shadowed")
