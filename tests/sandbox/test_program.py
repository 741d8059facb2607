"""Programs of the machine in a sandbox of their own, and what they leave."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox import (
    CancelledError,
    CpuLimitError,
    DiskLimitError,
    MemoryLimitError,
    OutputLimitError,
    PolicyError,
    ProgramResult,
    StartError,
    Tier,
    WallLimitError,
)
from lockgate_sandbox._watch.collect import collect
from lockgate_sandbox._watch.patterns import pattern_to_regex
from lockgate_sandbox.policy import Policy
from tests.support.sandbox import Lab, policy, task_count, wait_until

pytestmark = pytest.mark.kernel

_TOOLS = ("/bin", "/usr/bin")


def _sh(
    lab: Lab,
    script: str,
    *,
    given: Policy | None = None,
    collect: tuple[str, ...] = (),
    files: dict[str, bytes] | None = None,
    stdin: bytes = b"",
) -> ProgramResult:
    return lab.sandbox.run_program(
        given or policy(Tier.ADMIN),
        ["sh", "-c", script],
        executable=_TOOLS,
        collect=collect,
        files=files,
        stdin=stdin,
    )


def test_streams_status_and_files_come_back(lab: Lab) -> None:
    done = _sh(
        lab,
        "cat in/a; cat; echo oops >&2; mkdir -p b/c; echo x > b/c/o.hex; exit 3",
        files={"in/a": b"A\n"},
        stdin=b"stdin\n",
        collect=("**/*.hex",),
    )
    assert (done.status, done.stdout, done.stderr) == (3, b"A\nstdin\n", b"oops\n")
    assert done.files == {"b/c/o.hex": b"x\n"}
    assert done.usage.cpu_seconds > 0
    assert done.posture["landlock"].state == "active"


def test_a_program_sees_its_folder_and_no_other(lab: Lab) -> None:
    done = _sh(lab, "pwd; ls -A; cat /etc/passwd; ls /home; touch /tmp/x")
    assert b"root:" not in done.stdout
    assert done.stderr.count(b"ermission denied") == 3


def test_environment_is_what_was_given(lab: Lab) -> None:
    done = lab.sandbox.run_program(
        policy(Tier.ADMIN), ["env"], env={"A": "1"}, executable=_TOOLS
    )
    names = {line.partition(b"=")[0] for line in done.stdout.splitlines()}
    assert names == {b"A", b"HOME", b"LANG", b"LC_ALL", b"PATH", b"TMPDIR"}


def test_a_signal_is_a_negative_status(lab: Lab) -> None:
    assert _sh(lab, "kill -9 $$").status == -9


def test_large_streams_do_not_dead_lock(lab: Lab) -> None:
    data = os.urandom(1 << 20)
    assert _sh(lab, "cat", stdin=data).stdout == data


def test_unread_input_is_no_error(lab: Lab) -> None:
    assert _sh(lab, "exec <&-; sleep 0.1", stdin=bytes(1 << 20)).status == 0


def test_output_is_bounded_with_a_marker(lab: Lab) -> None:
    given = policy(Tier.ADMIN, limits={"output_bytes": 100})
    done = _sh(lab, "head -c 5000 /dev/zero | tr '\\0' x", given=given)
    assert done.stdout == b"x" * 100 + b"\n[output truncated: 4900 bytes dropped]\n"


def test_a_flood_is_an_error(lab: Lab) -> None:
    given = policy(Tier.ADMIN, limits={"output_bytes": 100})
    with pytest.raises(OutputLimitError):
        _sh(lab, "yes", given=given)


def test_wall_limit_ends_the_whole_tree(lab: Lab) -> None:
    marker = f"7{time.time_ns()}"
    given = policy(Tier.ADMIN, limits={"wall_seconds": 0.5})
    with pytest.raises(WallLimitError):
        _sh(
            lab, f"sleep {marker} & setsid sleep {marker} & sleep {marker}", given=given
        )
    assert wait_until(lambda: not task_count(marker))


def test_background_processes_end_with_the_program(lab: Lab) -> None:
    marker = f"7{time.time_ns()}"
    started = time.monotonic()
    assert _sh(lab, f"setsid sleep {marker} >/dev/null & exit 0").status == 0
    assert time.monotonic() - started < 30
    assert wait_until(lambda: not task_count(marker))


def test_cpu_limit_counts(lab: Lab) -> None:
    given = policy(Tier.ADMIN, limits={"cpu_seconds": 1})
    with pytest.raises(CpuLimitError):
        _sh(lab, "while :; do :; done", given=given)


def test_cpu_limit_counts_the_whole_tree(lab: Lab) -> None:
    given = policy(Tier.ADMIN, limits={"cpu_seconds": 1, "wall_seconds": 30})
    spin = "(while :; do :; done)"
    with pytest.raises(CpuLimitError):
        _sh(lab, f"{spin} & {spin} & {spin} & wait", given=given)


@pytest.mark.parametrize("layers", [(), ("cgroup", "process-limit")])
def test_memory_limit_counts_the_whole_tree(
    lab_without: Callable[..., Lab], layers: tuple[str, ...]
) -> None:
    given = policy(Tier.ADMIN, limits={"memory_bytes": 96 << 20, "wall_seconds": 30})
    # tail keeps what it reads: four times 40 MiB, each below the limit.
    hog = "(head -c 40M /dev/zero; sleep 20) | tail -c 40M >/dev/null"
    with pytest.raises(MemoryLimitError):
        _sh(lab_without(*layers), f"{hog} & {hog} & {hog} & {hog} & wait", given=given)


def test_an_unknown_program_is_a_start_error(lab: Lab) -> None:
    with pytest.raises(StartError, match="no-such-program") as caught:
        lab.sandbox.run_program(policy(Tier.ADMIN), ["no-such-program"])
    assert caught.value.hint


def test_a_file_that_is_no_program_is_a_start_error(lab: Lab) -> None:
    file = lab.folder / "junk"
    file.write_text("no program")
    file.chmod(0o755)
    with pytest.raises(StartError) as caught:
        lab.sandbox.run_program(policy(Tier.ADMIN), [str(file)])
    assert caught.value.stage == "exec"


@pytest.mark.parametrize("path", ["/abs", "../up", "a/../../b", "", "a//b", "."])
def test_a_file_outside_of_the_folder_is_refused(lab: Lab, path: str) -> None:
    with pytest.raises(PolicyError):
        _sh(lab, "true", files={path: b""})


def test_a_tier_without_programs_is_refused(lab: Lab) -> None:
    with pytest.raises(PolicyError):
        _sh(lab, "true", given=policy(Tier.BASIC))


def test_an_empty_argv_is_refused(lab: Lab) -> None:
    with pytest.raises(PolicyError, match="argv is empty"):
        lab.sandbox.run_program(policy(Tier.ADMIN), [])


def test_hostile_output_files_are_not_followed_nor_read(lab: Lab) -> None:
    done = _sh(
        lab,
        """
        ln -s /etc/passwd link; ln -s /etc folder; mkfifo pipe; mkdir d; echo ok > d/f
        """,
        collect=("**",),
    )
    assert done.files == {"d/f": b"ok\n"}


def test_a_sparse_file_is_refused_by_its_size(lab: Lab) -> None:
    given = policy(Tier.ADMIN, limits={"disk_bytes": 1 << 20})
    with pytest.raises(DiskLimitError):
        _sh(
            lab,
            "truncate -s 900K a; truncate -s 900K b",
            given=given,
            collect=("*",),
        )


def test_depth_and_number_of_collected_files_are_bounded(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(100):
        deep /= "d"
        deep.mkdir()
        (deep / "f").write_text("x")
    for index in range(50):
        (tmp_path / f"many{index}").write_text("x")
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        all_files = collect(folder, ["**"], bytes_limit=1 << 20, count_limit=10_000)
        assert len([name for name in all_files if name.endswith("/f")]) == 32
        few = collect(folder, ["**"], bytes_limit=1 << 20, count_limit=20)
        assert len(few) <= 20
    finally:
        os.close(folder)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.hex", "a.hex", True),
        ("*.hex", "b/a.hex", False),
        ("**/*.hex", "a.hex", True),
        ("**/*.hex", "b/c/a.hex", True),
        ("b/**", "b/c/d", True),
        ("b/**", "bc/d", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("a.c", "abc", False),
    ],
)
def test_patterns_match_like_globs(pattern: str, path: str, matches: bool) -> None:
    assert bool(pattern_to_regex(pattern).fullmatch(path)) is matches


@given(
    parts=st.lists(st.sampled_from(["a", "b", "?", "*", "/"]), min_size=1, max_size=8),
    deep=st.lists(st.sampled_from(["**", "a/**/", "b"]), max_size=2),
    path=st.text("ab/", min_size=1, max_size=12).filter(lambda p: "//" not in p),
)
def test_patterns_mean_what_a_searching_expression_means(
    parts: list[str], deep: list[str], path: str
) -> None:
    pattern = f"b{''.join(parts)}{''.join(deep)}a*"
    if "***" in pattern or re.search(r"[^/]\*\*/", pattern):
        return  # what that means is nobody's promise
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    plain = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    searching = "".join(plain.get(piece, re.escape(piece)) for piece in pieces)
    path = path.strip("/") or "b"
    expected = bool(re.fullmatch(searching, path))
    assert bool(pattern_to_regex(pattern).fullmatch(path)) is expected


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 60 + "b", "a" * 255),
        ("**/*a" * 30 + "**b", "/".join(["a" * 250] * 15)),
        ("**a*" * 40 + "c", "a/" * 250 + "b"),
    ],
)
def test_a_pattern_made_to_search_forever_is_answered_at_once(
    pattern: str, path: str
) -> None:
    started = time.monotonic()
    assert pattern_to_regex(pattern).fullmatch(path) is None
    assert time.monotonic() - started < 5


def test_patterns_are_bounded_in_length_and_number(tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        pattern_to_regex("a" * 300)
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with pytest.raises(PolicyError):
            collect(folder, ["*"] * 65, bytes_limit=1, count_limit=1)
    finally:
        os.close(folder)


@pytest.mark.parametrize("pattern", ["", "/etc/*", "../*", "a/../b"])
def test_patterns_out_of_the_folder_are_refused(pattern: str) -> None:
    with pytest.raises(PolicyError):
        pattern_to_regex(pattern)


def test_a_program_ends_when_another_thread_says_so(lab: Lab) -> None:
    stop = threading.Event()
    given = Policy.for_tier(Tier.ADMIN)
    threading.Timer(0.3, stop.set).start()
    started = time.monotonic()
    with pytest.raises(CancelledError, match="the program"):
        lab.sandbox.run_program(given, ["sleep", "600"], stop=stop)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"stdin": "yo"}, "stdin is bytes"),
        ({"files": {"a": "b"}}, "the file 'a' is bytes"),
        ({"files": {1: b""}}, "files holds text"),
        ({"files": ["a"]}, "files is a mapping"),
        ({"env": ["HOME"]}, "env is a mapping"),
        ({"argv": ["cat", 1]}, "argv holds text"),
    ],
)
def test_an_argument_of_the_wrong_kind_is_told(
    lab: Lab, wrong: dict[str, Any], told: str
) -> None:
    arguments = dict(wrong)
    with pytest.raises(PolicyError, match=told) as refused:
        lab.sandbox.run_program("elevated", arguments.pop("argv", ["cat"]), **arguments)
    assert refused.value.hint
