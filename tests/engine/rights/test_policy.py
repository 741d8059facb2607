"""From rights to a kernel policy: what is given, and why something is not."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path

import pytest

from lockgate._rights.environment import import_folders, lockgate_folder
from lockgate._rights.policy import Plan, Tool, build_plan, tool_policy
from lockgate._rights.records import ProgramMissingError, find_program
from lockgate.discovery import discover
from lockgate.errors import ManifestError
from lockgate.grants import Consent, rights_asked
from lockgate.manifest import Manifest, parse_manifest
from lockgate.shipped import shipped_policy
from lockgate_sandbox import Limits, Tier
from tests.support.host_plugins import manifest_of


def manifest(more: str = "", tier: str = "elevated") -> Manifest:
    text = manifest_of("tools", tier=tier, more=more)
    return parse_manifest(text.encode(), file="lockgate.toml", distribution="d")


def plan(
    asking: Manifest,
    *,
    without: str = "",
    limits: Mapping[str, float] | None = None,
    secret: tuple[str, ...] = (),
    environ: Mapping[str, str] | None = None,
) -> Plan:
    """The plan where everything is granted but `without`."""
    asked = rights_asked(asking)
    keys = frozenset(right.key for right in asked) - {without}
    given = Consent(asked, keys, "owner", asking.tier)
    return build_plan(
        asking,
        given,
        path=(),
        limits=limits or {},
        secret=secret,
        environ=environ or {},
    )


def test_the_owners_limits_bound_what_the_host_starts_for_a_plugin() -> None:
    asking = manifest('[limits]\nmemory-bytes = "64 MiB"')
    made = plan(asking, limits={"memory_bytes": 1 << 30, "processes": 9})

    limits = tool_policy(Tool("cc", "/usr/bin/cc"), 5, made.owner_limits).limits

    # The plugin's own manifest speaks of the plugin alone.
    assert (limits.memory_bytes, limits.processes) == (1 << 30, 9)
    assert limits.wall_seconds == 5
    assert limits.cpu_seconds == Limits.for_tier(Tier.ADMIN).cpu_seconds


def test_limits_only_tighten() -> None:
    asking = manifest('[limits]\ncpu-seconds = 10\nmemory-bytes = "64 GiB"')

    limits = plan(asking, limits={"cpu_seconds": 7, "wall_seconds": 99}).policy.limits

    tier = Limits.for_tier(Tier.ELEVATED)
    assert limits.cpu_seconds == 7
    assert limits.wall_seconds == 99
    assert limits.memory_bytes == tier.memory_bytes


@pytest.mark.parametrize("tier", ["read-only", "basic"])
def test_a_path_to_read_is_no_reason_for_a_tier(tmp_path: Path, tier: str) -> None:
    (tmp_path / "data").mkdir()
    asking = manifest(f'[rights]\nread = ["{tmp_path}/data"]', tier=tier)

    policy = plan(asking).policy

    assert (policy.tier, policy.read) == (tier, (str((tmp_path / "data").resolve()),))
    assert plan(asking, without=f"read:{tmp_path}/data").policy.read == ()
    with pytest.raises(ManifestError, match="cannot hold the right 'write'"):
        manifest(f'[rights]\nwrite = ["{tmp_path}/data"]', tier=tier)


def test_granted_paths_are_opened_as_the_kernel_sees_them(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    asking = manifest(f'[rights]\nread = ["{tmp_path}/link"]')

    policy = plan(asking).policy

    assert policy.read == (str((tmp_path / "data").resolve()),)
    assert plan(asking, without=f"read:{tmp_path}/link").policy.read == ()


def test_a_path_that_is_not_there_is_absent_with_the_reason(tmp_path: Path) -> None:
    made = plan(manifest(f'[rights]\nread = ["{tmp_path}/gone"]'))

    assert made.policy.read == ()
    assert "does not exist" in made.absent[f"read:{tmp_path}/gone"]


@pytest.mark.parametrize("inner", ["", "/grants", "/grants/grants.toml"])
def test_no_grant_opens_lockgates_own_state(tmp_path: Path, inner: str) -> None:
    """Neither the folder, nor one above it, nor anything in it."""
    (tmp_path / "grants").mkdir()
    (tmp_path / "grants" / "grants.toml").touch()
    asking = manifest(f'[rights]\nwrite = ["{tmp_path}{inner}"]')

    made = plan(asking, secret=(str(tmp_path / "grants"),))

    assert made.policy.write == ()
    assert "own state" in made.absent[f"write:{tmp_path}{inner}"]


def test_a_link_to_lockgates_own_state_is_no_way_in(tmp_path: Path) -> None:
    (tmp_path / "grants").mkdir()
    (tmp_path / "innocent").symlink_to(tmp_path / "grants")
    asking = manifest(f'[rights]\nread = ["{tmp_path}/innocent"]')

    assert plan(asking, secret=(str(tmp_path / "grants"),)).policy.read == ()


def test_a_tool_that_would_read_lockgates_own_state_is_absent(tmp_path: Path) -> None:
    more = f'[[rights.tools]]\nname = "sh"\nread = ["{tmp_path}"]\nreason = "r"'

    made = plan(manifest(more, "admin"), secret=(str(tmp_path / "grants"),))

    assert made.tools == {}
    assert "own state" in made.absent["tool:sh"]


def test_granted_variables_are_handed_on_but_never_dangerous_ones() -> None:
    asking = manifest('[rights]\nenv = ["TOKEN", "LD_PRELOAD", "UNSET"]')

    made = plan(asking, environ={"TOKEN": "t", "LD_PRELOAD": "/x.so", "OTHER": "o"})

    assert made.policy.env == (("TOKEN", "t"),)
    assert "LD_PRELOAD" in made.absent["env:LD_PRELOAD"]
    assert "not set" in made.absent["env:UNSET"]


def test_a_tool_is_looked_for_in_the_systems_folders_not_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "sh"
    fake.write_text("#!/bin/true\n", "utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    more = '[[rights.tools]]\nname = "{}"\nread = []\nreason = "r"'

    assert (
        plan(manifest(more.format("sh"), "admin"))
        .tools["sh"]
        .path.startswith(("/bin/", "/usr/"))
    )
    made = plan(manifest(more.format("no-such-tool"), "admin"))
    assert made.tools == {}
    assert "not installed" in made.absent["tool:no-such-tool"]


RUFF = '[[rights.programs]]\nname = "ruff"\ndistribution = "{}"\nfile = "{}"'


def test_a_program_is_found_by_what_its_distribution_installed() -> None:
    (program,) = plan(manifest(RUFF.format("ruff", "bin/ruff"))).policy.programs

    assert program.name == "ruff"
    assert Path(program.path).name == "ruff"
    assert Path(program.path).is_file()


@pytest.mark.parametrize(
    ("distribution", "file", "words"),
    [
        ("no-such-thing", "bin/ruff", "not installed"),
        ("ruff", "bin/other", "no file"),
        ("ruff", "in/ruff", "no file"),
        ("ruff", "RECORD", "not executable"),
    ],
)
def test_a_program_that_cannot_be_had_is_absent_with_the_reason(
    distribution: str, file: str, words: str
) -> None:
    made = plan(manifest(RUFF.format(distribution, file)))

    assert made.policy.programs == ()
    assert words in made.absent["program:ruff"]


def record(folder: Path, *rows: str) -> None:
    info = folder / "odd-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text("\n".join(rows), "utf-8")


def test_a_record_cannot_name_a_program_outside_of_the_environment(
    tmp_path: Path,
) -> None:
    record(tmp_path / "site", "../../../../../../../../bin/sh,,")

    with pytest.raises(ProgramMissingError, match="outside"):
        find_program("odd", "bin/sh", folders=[str(tmp_path / "site")])


def test_a_link_out_of_the_environment_is_no_program_of_it(tmp_path: Path) -> None:
    record(tmp_path / "site", "bin/tool,,")
    (tmp_path / "site" / "bin").mkdir()
    (tmp_path / "site" / "bin" / "tool").symlink_to("/bin/sh")

    with pytest.raises(ProgramMissingError, match="outside"):
        find_program("odd", "bin/tool", folders=[str(tmp_path / "site")])


def test_a_record_that_is_a_pipe_is_refused_and_not_waited_for(
    tmp_path: Path,
) -> None:
    record(tmp_path / "site")
    file = tmp_path / "site" / "odd-1.0.dist-info" / "RECORD"
    file.unlink()
    os.mkfifo(file)

    with pytest.raises(ProgramMissingError, match="RECORD"):
        find_program("odd", "bin/tool", folders=[str(tmp_path / "site")])


def test_a_folder_is_no_program(tmp_path: Path) -> None:
    record(tmp_path / "site", "bin/tool,,")
    (tmp_path / "site" / "bin" / "tool").mkdir(parents=True)

    with pytest.raises(ProgramMissingError, match="no regular file"):
        find_program("odd", "bin/tool", folders=[str(tmp_path / "site")])


def test_a_worker_is_not_handed_the_folder_of_a_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``sys.path[0]`` may be anybody's home; a worker may read its whole path."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    folders = import_folders(())

    assert str(tmp_path) in sys.path
    assert str(tmp_path) not in folders
    assert lockgate_folder() in folders


def test_the_shipped_policy_covers_what_our_own_plugins_need() -> None:
    """Serial devices are the one thing that is left to the owner."""
    names = {name for dist in distributions() if (name := dist.metadata["Name"])}
    left: dict[str, set[str]] = {}
    for state in discover().plugins:
        party = shipped_policy().party(state.name, state.distribution)
        if party is None or state.manifest is None or state.distribution not in names:
            continue
        from lockgate._seating.seats import identity_of
        from lockgate.grants import consent

        given = consent(
            identity_of(state),
            rights_asked(state.manifest),
            tier=state.tier,
            grant=None,
            shipped=shipped_policy(),
        )
        missing = {key for key in given.missing if not key.startswith("device:")}
        left[state.name] = missing

    assert {name: keys for name, keys in left.items() if keys} == {}
