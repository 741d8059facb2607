"""An owner's word about installed plugins, written and read again by the settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lockgate._record.logbook import log_files, read_lines
from lockgate.config import Config, default_config
from lockgate.discovery import PluginState
from lockgate.errors import GrantsError
from lockgate.granting import (
    consent_now,
    effective_tier,
    grant_exactly,
    grant_now,
    grant_of,
    writers_of,
)
from lockgate.inventory import found_by
from tests.support.dists import SitePackages, manifest_text


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return replace(
        default_config(),
        grants_file=str(tmp_path / "grants.toml"),
        data_dir=str(tmp_path / "data"),
        cache_dir=str(tmp_path / "cache"),
        state_dir=str(tmp_path / "state"),
    )


@pytest.fixture
def state(tmp_path: Path, config: Config) -> PluginState:
    rights = f'[rights]\nenv = ["TOKEN"]\nwrite = ["{tmp_path}/out"]\n'
    manifest = manifest_text("acme", tier='"elevated"', extra=rights)
    site = SitePackages(tmp_path / "site")
    site.wheel("acme", manifest=manifest)
    found = found_by(config, [site.path]).get("acme")
    assert found is not None
    return found


def test_what_is_granted_is_had_and_the_tier_with_it(
    state: PluginState, config: Config
) -> None:
    assert (grant_of("acme", config), effective_tier(state, config)) == (None, "basic")

    grant_now(state, config, ["env:TOKEN", "tier:elevated"])

    given, grant = consent_now(state, config)
    assert grant == grant_of("acme", config)
    assert given.granted == {"env:TOKEN", "tier:elevated"}
    assert effective_tier(state, config) == "elevated"


def test_nothing_is_granted_that_is_not_asked_for(
    state: PluginState, config: Config
) -> None:
    with pytest.raises(ValueError, match="does not ask for all of"):
        grant_now(state, config, ["env:TOKEN", "env:HOME"])

    assert grant_of("acme", config) is None


def test_what_a_rule_gave_stands_in_the_plugins_log(
    state: PluginState, config: Config, tmp_path: Path
) -> None:
    given = {"env:TOKEN": "policy team", f"write:{tmp_path}/out": ""}
    grant_exactly([(state, given)], config, {"acme": None})

    (file,) = log_files(config.state_dir, "acme")
    (line,) = read_lines(file.read_bytes())
    assert line["message"] == "grant env:TOKEN by the policy team"


def test_a_grant_that_changed_meanwhile_is_not_written_over(
    state: PluginState, config: Config
) -> None:
    grant_now(state, config, ["env:TOKEN"])

    with pytest.raises(GrantsError, match="was changed meanwhile"):
        grant_exactly([(state, {})], config, {"acme": None})

    grant = grant_of("acme", config)
    assert grant is not None
    assert grant.granted == {"env:TOKEN"}


def test_who_may_write_to_a_place_is_told(
    state: PluginState, config: Config, tmp_path: Path
) -> None:
    grant_now(state, config, [f"write:{tmp_path}/out"])

    assert writers_of(f"{tmp_path}/out/policy.toml", config) == ("acme",)
    assert writers_of(f"{tmp_path}/policy.toml", config) == ()


@pytest.mark.parametrize("damage", ["schema = 1\nplugins = 1", "no TOML"])
def test_a_file_that_is_unsound_gives_nothing(
    damage: str, state: PluginState, config: Config
) -> None:
    grant_now(state, config, ["tier:elevated"])
    Path(config.grants_file).write_text(damage)

    assert effective_tier(state, config) == "basic"
    with pytest.raises(GrantsError):
        consent_now(state, config)
