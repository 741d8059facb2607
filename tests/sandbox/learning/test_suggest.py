"""A policy of what lies within bounds, and what a grant covers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lockgate_sandbox import Denial, HostGrant, Policy, PolicyError, run_python
from lockgate_sandbox.learning import Bounds, Proposal, propose, suggest
from tests.support.sandbox import open_folder

LEAST = Policy.for_tier("read-only")


def hosts(text: str, bound: str) -> tuple[HostGrant, ...]:
    """What is granted of a host that a broker would carry, within a bound."""
    denial = Denial("net", "x", text)
    return suggest([denial], LEAST, within=Bounds(hosts=(bound,))).policy.hosts


@pytest.mark.kernel
def test_what_a_text_was_denied_is_allowed_by_what_is_suggested() -> None:
    with open_folder() as folder:
        (folder / "in.csv").write_text("1,2")
        code = f"open({str(folder / 'in.csv')!r}).read()"
        first = run_python(code)
        found = suggest(first.denials, LEAST, within=Bounds(read=(str(folder),)))

        assert first.error is not None
        assert [one.item for one in found.added] == [f"{folder}/in.csv"]
        assert run_python(code, found.policy).value == "1,2"


def test_without_bounds_all_that_can_be_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    tries = [Denial("read", f"{tmp_path}/a"), Denial("process", "fork")]
    found = suggest(tries, LEAST)

    assert found.policy.read == (f"{tmp_path}/a",)
    assert [item.what for item in found.left] == ["fork"]


def test_nothing_beyond_the_bounds_is_added(tmp_path: Path) -> None:
    for name in ("in", "in-other", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    tries = [
        Denial("read", f"{tmp_path}/in/file"),
        Denial("read", f"{tmp_path}/in-other/file"),
        Denial("read", f"{tmp_path}/out/file"),
        Denial("write", f"{tmp_path}/in/file"),
        Denial("write", f"{tmp_path}/out/file"),
        Denial("env", "PATH"),
        Denial("program", "ls"),
        Denial("net", "a.example:443"),
        Denial("write", "/tmp/abcdefgh"),
    ]
    bounds = Bounds(read=(f"{tmp_path}/in",), write=(f"{tmp_path}/out",))
    found = suggest(tries, LEAST, within=bounds)

    assert found.policy.read == (f"{tmp_path}/in/file",)
    assert found.policy.write == (f"{tmp_path}/out/file",)
    assert [item.what for item in found.left] == [
        tries[1].what,
        tries[3].what,
        "PATH",
        "ls",
        "a.example:443",
        tries[8].what,
    ]
    assert {item.grant for item in found.left} == {"none: it is not within the bounds"}


def test_a_bound_is_where_it_led_when_it_was_made(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "link").symlink_to("real")
    bounds = Bounds(read=(f"{tmp_path}/link",), env=("HOME",))
    (tmp_path / "link").unlink()

    assert bounds.read == (f"{tmp_path}/real",)
    assert suggest(
        [Denial("read", f"{tmp_path}/real/file")], LEAST, within=bounds
    ).added


def test_a_module_is_imported_from_what_may_be_read(tmp_path: Path) -> None:
    (tmp_path / "mate.py").touch()
    tries = [Denial("import", "mate")]
    given = suggest(
        tries,
        LEAST,
        within=Bounds(read=(str(tmp_path),)),
        script=tmp_path / "x.py",
    )

    assert (given.policy, given.path) == (LEAST, (str(tmp_path),))
    assert suggest(tries, LEAST, within=Bounds(), script=tmp_path / "x.py").path == ()


def test_a_host_within_a_bound_gets_the_bounds_quota() -> None:
    (host,) = hosts("https://a.example/ methods=GET", "https://a.example requests=3")

    assert (host.methods, host.quota.requests) == (("GET",), 3)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("a.example:443", "b.example:443"),
        ("a.example:80", "a.example:443"),
        ("a.example:443", "https://a.example"),
        ("a.example:443 private", "a.example:443"),
        ("https://a.example/", "https://a.example/ methods=GET"),
        ("https://a.example/ methods=GET", "https://a.example/v1/"),
        ("https://a.example/v10/ methods=GET", "https://a.example/v1"),
        ("http://a.example:443", "https://a.example:443"),
    ],
)
def test_a_host_beyond_the_bound_is_not_granted(text: str, bound: str) -> None:
    assert hosts(text, bound) == ()
    assert hosts(text, text)


def test_bounds_that_make_no_sense_are_refused() -> None:
    with pytest.raises(PolicyError, match="no absolute path"):
        Bounds(read=("data",))
    with pytest.raises(PolicyError, match="no credential"):
        Bounds(hosts=("https://a.example bearer=TOKEN",))
    assert not Bounds()
    assert Bounds(env=("HOME",))


def test_what_can_not_stand_together_is_not_added_together(tmp_path: Path) -> None:
    """Each of them alone could be granted."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "mate.py").touch()
    tries = [Denial("write", f"{tmp_path}/new"), Denial("import", "mate")]
    found = suggest(tries, LEAST, script=tmp_path / "lib" / "x.py")

    assert [one.right for one in found.added] == ["write"]
    assert "would lie where it may write" in found.left[0].grant
    found = suggest(tries[::-1], LEAST, script=tmp_path / "lib" / "x.py")
    assert [one.right for one in found.added] == ["path"]


def test_a_grant_covers_what_lies_below_and_no_neighbour(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    folder, file = str(tmp_path), f"{tmp_path}/a"

    assert Proposal("read", folder).covers(Proposal("read", file))
    assert Proposal("write", folder).covers(Proposal("read", file))
    assert not Proposal("read", folder).covers(Proposal("write", file))
    assert not Proposal("read", file).covers(Proposal("read", f"{file}b"))
    assert not Proposal("read", file).covers(Proposal("env", file))


def test_a_proposal_is_plain_data_for_whoever_asks(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "a")  # noqa: PTH102
    (one,) = propose([Denial("read", f"{tmp_path}/a")], LEAST).wanted

    assert one.to_dict() == {
        "right": "read",
        "what": f"{tmp_path}/a",
        "text": f"read '{tmp_path}/a' and everything below",
        "tried": [["read", f"{tmp_path}/a"]],
    }
