"""What candidates mean for each other: shadows, duplicates, conflicts, needs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from lockgate.discovery import discover
from lockgate.discovery._relations import unshadow
from tests.engine.discovery.finding import find, only
from tests.support.dists import SitePackages, manifest_text


def test_two_distributions_with_one_name_put_both_out_of_use(
    site: SitePackages,
) -> None:
    site.wheel("acme-one", plugin="acme")
    site.wheel("acme-two", plugin="acme")

    one, two = find(site).plugins

    assert one.state == two.state == "duplicate"
    assert "acme-two" in one.reason
    assert "acme-one" in two.reason


def test_the_same_distribution_in_a_later_folder_is_shadowed(
    site: SitePackages, tmp_path: Path
) -> None:
    later = SitePackages(tmp_path / "later")
    site.wheel("acme", version="2.0")
    later.wheel("acme", version="1.0")

    states = find(site, later.path).plugins

    assert [(p.version, p.state) for p in states] == [
        ("2.0", "ok"),
        ("1.0", "shadowed"),
    ]


def test_two_metadata_folders_side_by_side_are_a_duplicate(site: SitePackages) -> None:
    info = site.wheel("acme", version="1.0")
    shutil.copytree(info, site.folder / "acme-1.1.dist-info")

    assert {p.state for p in find(site).plugins} == {"duplicate"}


def test_what_pip_is_removing_is_not_looked_at(site: SitePackages) -> None:
    info = site.wheel("acme")
    info.rename(site.folder / "~cme-1.0.dist-info")

    assert find(site).plugins == ()


def test_another_hook_api_is_incompatible(site: SitePackages) -> None:
    site.wheel("acme", manifest=manifest_text("acme", hook_api='">=7"'))

    plugin = only(find(site))

    assert plugin.state == "incompatible"
    assert ">=7" in plugin.reason


def test_only_the_plugin_that_declares_a_conflict_yields(site: SitePackages) -> None:
    relation = '[relations]\nconflicts = ["victim"]\n'
    site.wheel("bully", manifest=manifest_text("bully", extra=relation))
    site.wheel("victim")

    states = {p.name: p.state for p in find(site).plugins}

    assert states == {"bully": "conflict", "victim": "ok"}


def test_a_missing_requirement_spreads_to_those_who_need_it(site: SitePackages) -> None:
    for name, needed in [("a", "b"), ("b", "c"), ("c", "gone")]:
        relation = f'[relations]\nrequires = ["{needed}"]\n'
        site.wheel(name, manifest=manifest_text(name, extra=relation))

    states = {p.name: p for p in find(site).plugins}

    assert {p.state for p in states.values()} == {"missing-requirement"}
    assert "gone" in states["c"].reason


def test_a_disabled_plugin_does_not_meet_a_requirement(site: SitePackages) -> None:
    relation = '[relations]\nrequires = ["b"]\n'
    site.wheel("a", manifest=manifest_text("a", extra=relation))
    site.wheel("b")

    states = {p.name: p.state for p in find(site, disabled=["b"]).plugins}

    assert states == {"a": "missing-requirement", "b": "disabled"}


def test_a_command_noun_goes_to_the_plugin_of_that_name(site: SitePackages) -> None:
    command = '[[commands]]\nnoun = "a"\nverb = "x"\nhelp = "x"\npipeline = "x.yaml"\n'
    site.wheel("a", manifest=manifest_text("a", extra=command))
    site.wheel("b", manifest=manifest_text("b", extra=command))

    assert {p.name: p.state for p in find(site).plugins} == {"a": "ok", "b": "conflict"}


def test_a_stranger_cannot_put_a_first_party_plugin_out_of_use(
    site: SitePackages,
) -> None:
    site.wheel("lockgate-lint", plugin="lint")
    site.wheel("stranger", plugin="lint")

    states = {plugin.distribution: plugin.state for plugin in find(site).plugins}

    assert states == {"lockgate-lint": "ok", "stranger": "duplicate"}


def test_a_wheel_in_the_store_is_nobodys_first_party(site: SitePackages) -> None:
    """Whoever made it may have given it any name."""
    site.wheel("lockgate-lint", plugin="lint")
    site.wheel("stranger", plugin="lint")
    found = discover([site.path]).plugins
    stored = [replace(s, state="ok", stored=True, reason="") for s in found]

    assert [state.first_party for state in found].count(True) == 1
    assert not any(state.first_party for state in stored)
    assert {state.state for state in unshadow(stored)} == {"duplicate"}
