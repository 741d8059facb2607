"""Denials become grants that name one thing, where they lead where they say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox import Denial, Limits, Policy, Program, Tier
from lockgate_sandbox.learning import Proposal, propose
from tests.sandbox.test_policy import policies

LEAST = Policy.for_tier("read-only")


def one(right: str, what: object, policy: Policy = LEAST, grant: str = "") -> Proposal:
    """The only proposal for one denial."""
    (found,) = propose([Denial(right, str(what), grant)], policy).wanted
    return found


def why_not(right: str, what: object, policy: Policy = LEAST, **given: object) -> str:
    """Why nothing is proposed for one denial."""
    found = propose([Denial(right, str(what))], policy, **given)  # type: ignore[arg-type]
    assert found.wanted == ()
    return found.left[0].grant


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """A folder with a file and a folder in it."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "in.csv").write_text("1,2")
    return tmp_path


def test_a_file_that_was_to_be_read_is_proposed_and_its_folder_is_wider(
    folder: Path,
) -> None:
    found = one("read", folder / "data" / "in.csv")

    assert found.added_to(LEAST).read == (f"{folder}/data/in.csv",)
    assert found.added_to(LEAST).tier is Tier.READ_ONLY
    assert found.wider is not None
    assert found.wider.added_to(LEAST).read == (f"{folder}/data",)
    assert found.wider.phrase == f"read '{folder}/data' and everything below"


def test_a_file_that_was_to_be_changed_raises_the_tier_and_no_time(
    folder: Path,
) -> None:
    held = one("write", folder / "data" / "in.csv").added_to(LEAST)
    plain = LEAST.limits

    assert (held.tier, held.write) == (Tier.ELEVATED, (f"{folder}/data/in.csv",))
    assert held.limits.file_bytes == Limits.for_tier("basic").file_bytes
    assert (held.limits.cpu_seconds, held.limits.memory_bytes) == (
        plain.cpu_seconds,
        plain.memory_bytes,
    )
    assert held.limits.disk_bytes == 0


def test_a_new_file_needs_the_folder_that_it_comes_into(folder: Path) -> None:
    found = one("write", folder / "data" / "new" / "out.csv")

    assert (found.item, found.wider) == (f"{folder}/data", None)


def test_a_temporary_file_needs_a_scratch_folder_and_no_right_to_write() -> None:
    held = one("write", "/tmp/abcdefgh").added_to(LEAST)

    assert (held.tier, held.write) == (Tier.BASIC, ())
    assert held.limits == Limits.for_tier("basic")


def test_where_tempfile_looked_for_a_folder_only_scratch_is_proposed() -> None:
    here = os.path.realpath(os.curdir)
    tries = [f"{place}/abcdefg8" for place in ("/tmp", "/var/tmp", here)]
    found = propose([Denial("write", path) for path in tries], LEAST)

    assert [one.right for one in found.wanted] == ["scratch"]
    assert [item.what for item in found.wanted[0].denials] == tries


def test_each_grant_is_proposed_once_for_all_that_it_allows(folder: Path) -> None:
    tries = [Denial("write", f"{folder}/data/{name}") for name in "ab"]
    (found,) = propose(tries, LEAST).wanted

    assert found.denials == tuple(tries)


def test_a_host_is_proposed_as_it_was_named_and_a_bare_socket_is_not() -> None:
    tries = [
        Denial("net", "db.example.com:5432"),
        Denial("net", "a socket of family 2"),
    ]
    (found,) = propose(tries, LEAST).wanted
    held = found.added_to(LEAST)

    assert [host.origin for host in held.hosts] == ["db.example.com:5432"]
    assert found.wider is None
    assert "which host" in why_not("net", "a socket of family 2")


@pytest.mark.parametrize("form", ["{}", "hosts=({!r},)", "hosts=({!r},) in the policy"])
def test_what_a_broker_would_carry_is_proposed_and_the_whole_host_is_wider(
    form: str,
) -> None:
    text = "https://api.example.com/ methods=GET"
    found = one("net", "GET https://api.example.com/x", grant=form.format(text))

    (host,) = found.added_to(LEAST).hosts
    assert (host.scheme, host.methods) == ("https", ("GET",))
    assert found.wider is not None
    (host,) = found.wider.added_to(LEAST).hosts
    assert (host.scheme, host.methods) == ("https", ())


def test_a_host_with_other_amounts_takes_the_place_of_the_one_before() -> None:
    before = one("net", "a.example:443").added_to(LEAST)
    after = one("net", "x", before, grant="a.example:443 private").added_to(before)

    assert [host.allow_private for host in before.hosts] == [False]
    assert [host.allow_private for host in after.hosts] == [True]


def test_a_variable_is_proposed_by_name_and_its_value_is_in_no_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2hunter2")
    found = one("env", "TOKEN")

    assert found.added_to(LEAST).env == (("TOKEN", "hunter2hunter2"),)
    assert "hunter2" not in f"{found!r}{found.phrase}{found.to_dict()}"
    monkeypatch.delenv("TOKEN")
    assert "no variable" in why_not("env", "TOKEN")


def test_a_variable_that_takes_a_process_over_is_not_proposed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LD_PRELOAD", "")

    assert "makes a loader" in why_not("env", "LD_PRELOAD")


def test_a_program_is_proposed_by_its_own_place() -> None:
    found = one("program", "ls")
    (program,) = found.added_to(LEAST).programs

    assert (program.name, program.path) == ("ls", os.path.realpath("/bin/ls"))
    assert "no such program" in why_not("program", "./ls")


def test_a_module_is_proposed_by_the_folder_that_has_it(folder: Path) -> None:
    (folder / "mate.py").touch()
    denial = Denial("import", "mate")
    (found,) = propose([denial], LEAST, script=folder / "x.py").wanted

    assert (found.right, found.item) == ("path", str(folder))
    assert found.added_to(LEAST) == LEAST
    assert "no folder" in why_not("import", "nothing_like_it")


@pytest.mark.parametrize(
    ("right", "what", "why"),
    [
        ("read", "/", "all of somebody's"),
        ("read", str(Path.home()), "all of somebody's"),
        ("read", "/etc", "the machine's"),
        ("read", "relative", "all of somebody's"),
        ("read", "/no/such/file", "not there"),
        ("read", "/dev/null", "no file"),
        ("write", "/dev/pts/0", "no file"),
        ("read", "/etc/pass\nwd", "terminal would show"),
        ("read", "/etc/\x1b[2Jpasswd", "terminal would show"),
        ("read", "/etc/\u202epasswd", "terminal would show"),
        ("read", "/var/tmp", "everybody's"),
        ("program", "l\x1bs", "terminal would show"),
        ("net", "ex\u0430mple.com:443", "which host"),
        ("net", "a.example private", "which host"),
        ("process", "fork", "not copy itself"),
        ("secret", "TOKEN", "owner"),
        ("tool", "gcc", "owner"),
        ("path", "/etc/passwd", "owner"),
        ("colour", "red", "nothing"),
        ("device", "/etc/passwd", "below /dev"),
    ],
)
def test_what_is_no_plain_name_of_one_thing_is_not_proposed(
    right: str, what: str, why: str
) -> None:
    assert why in why_not(right, what)


def test_a_way_through_a_link_is_not_proposed(folder: Path) -> None:
    (folder / "link").symlink_to("data")

    assert "a link lies on the way" in why_not("read", folder / "link" / "in.csv")
    assert "a link lies on the way" in why_not("read", folder / "link")


def test_what_is_granted_and_refused_by_something_else_is_told_so(
    folder: Path,
) -> None:
    path = folder / "data" / "in.csv"
    held = Policy.for_tier("read-only", read=[str(folder)])

    assert "something else" in why_not("read", path, held)


def test_nothing_lets_it_change_the_file_that_its_policy_is_kept_in(
    folder: Path,
) -> None:
    kept = folder / "data" / "policy.json"

    for what in (kept, folder / "data" / "x", folder / "x"):
        assert "which decides" in why_not("write", what, guarded=[kept])
    kept.touch()
    found = propose([Denial("write", f"{folder}/data/in.csv")], LEAST, guarded=[kept])
    assert found.wanted[0].wider is None  # the folder, where the policy lies


def test_a_place_to_write_takes_in_what_lay_below_it(folder: Path) -> None:
    """A link that is put in the place of what may be read would be followed."""
    inside = f"{folder}/data"
    held = Policy.for_tier(
        "elevated", read=[inside, "/srv"], write=[f"{inside}/in.csv"]
    )
    after = one("write", folder / "new", held).added_to(held)

    assert (after.read, after.write) == (("/srv",), (str(folder),))


def test_no_program_and_no_import_lies_where_it_may_write(folder: Path) -> None:
    tool = folder / "data" / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    held = Policy.for_tier("elevated", programs=[Program("tool", str(tool))])
    assert "would lie where" in why_not("write", folder / "data" / "x", held)
    held = Policy.for_tier("elevated", write=[str(folder)])
    assert "would lie where" in why_not("program", tool, held)
    (folder / "data" / "mate.py").touch()
    beside = folder / "data" / "x.py"
    assert "would lie where" in why_not("import", "mate", held, script=beside)
    path = [f"{folder}/data"]
    assert "would lie where" in why_not("write", folder / "x", LEAST, path=path)


@given(
    st.lists(
        st.builds(
            Denial,
            st.sampled_from(
                ["read", "write", "net", "env", "program", "import", "device", "path"]
            ),
            st.text() | st.sampled_from(["/etc/passwd", "a.example:1", "ls", "/tmp/x"]),
            st.text() | st.sampled_from(["a.example private", "hosts=('b.example',)"]),
        ),
        max_size=4,
    ),
    policies,
)
def test_no_words_of_a_stranger_break_it_or_take_anything_away(
    denials: list[Denial], policy: Policy
) -> None:
    found = propose(denials, policy)

    for proposal in found.wanted:
        assert proposal.added_to(LEAST).tier == proposal.tier
        told = proposal.phrase
        assert told.isprintable()
        changes = policy.diff(proposal.added_to(policy))
        assert [one for one in changes if one.effect == "narrower"] == [] or (
            proposal.right == "write"
        )
    assert all(item.grant.startswith("none: ") for item in found.left)
