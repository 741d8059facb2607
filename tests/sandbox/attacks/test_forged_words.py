"""Texts and scripts whose words are meant for their host, or for whoever reads them.

The guest that tells of denials and files shares its process with the text: what it says
is the text's. Such words may keep nobody busy, and advise no one to give all away.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import (
    Denial,
    Interpreter,
    LimitError,
    Policy,
    ProtocolError,
    RemoteError,
    Sandbox,
    run_python,
)
from lockgate_sandbox._cells import Request
from lockgate_sandbox._watch.patterns import pattern_to_regex
from lockgate_sandbox._wire.remedy import existing_place, grant_for, way_out
from lockgate_sandbox.broker import Broker
from lockgate_sandbox.cli import _report
from lockgate_sandbox.grants import PathGrant
from tests.support.sandbox import TIERS, open_folder

_POLICY = Policy.for_tier("read-only")

pytestmark = pytest.mark.kernel


_FORGES = """
import sys, time
guest = sys.modules["lockgate_guest"]
"""

BASIC = Policy.for_tier("basic")

_NOTHING: list[object] = []

_SOON = 15
"""Seconds: the policy's wall limit is 60, and without the bounds it takes hours."""


# -- keeping the host busy -------------------------------------------------------------


@pytest.mark.parametrize(
    "lie",
    [
        "guest._collected = lambda *given: time.sleep(50)",
        "guest._collected = lambda *given: [0 for _ in iter(int, 1)]",
    ],
)
def test_a_text_that_failed_has_no_time_of_its_own_to_tell_of_it(
    sandbox: Sandbox, lie: str
) -> None:
    started = time.monotonic()
    result = run_python(
        f"{_FORGES}{lie}\n1 / 0", "basic", collect=["*"], timeout=1, sandbox=sandbox
    )
    assert time.monotonic() - started < _SOON
    assert isinstance(result.error, RemoteError)
    assert result.error.type == "ZeroDivisionError"


def test_what_a_text_that_failed_has_made_is_still_handed_over(
    sandbox: Sandbox,
) -> None:
    source = "import time; open('made', 'w').write('x'); time.sleep(0.3); 1 / 0"
    result = run_python(source, "basic", collect=["*"], timeout=0.4, sandbox=sandbox)
    assert result.files == {"made": b"x"}


def _ask(**wanted: Any) -> Request:
    given: dict[str, Any] = {"inputs": {}, "files": {}, "collect": (), **wanted}
    return Request("1", "a", policy=Policy.for_tier("basic"), **given)


def _seconds(answer: list[object], **wanted: Any) -> float:
    started = time.monotonic()
    with pytest.raises(ProtocolError):
        _ask(**wanted).left(answer)
    return time.monotonic() - started


@pytest.mark.parametrize(
    "path",
    ["_" * 4_000_000, "a/" * 2_000_000 + "b", "_" * 256, "x/" * 2_100 + "x"],
    ids=["one name", "many names", "a long name", "a long path"],
)
def test_names_that_no_file_has_are_compared_with_nothing(path: str) -> None:
    assert _seconds([[], {path: b""}], collect=["**_*.csv"]) < 1


def test_without_that_a_name_is_compared_for_hours() -> None:
    regex = pattern_to_regex("**_*.csv")

    def took(length: int) -> float:
        started = time.perf_counter()
        assert not regex.fullmatch("_" * length)
        return time.perf_counter() - started

    assert took(16_000) > 5 * took(4_000)  # with the square of its length


def test_more_files_than_a_folder_holds_are_no_result() -> None:
    most = Policy.for_tier("basic").limits.inodes
    many: dict[str, bytes] = {f"{number}.csv": b"" for number in range(most + 1)}
    assert _seconds([[], many], collect=["*"]) < _SOON
    many.popitem()
    assert len(_ask(collect=["*"]).left([_NOTHING, many]).files) == most


def test_the_worst_that_a_folder_may_hold_is_compared_in_time() -> None:
    patterns = [f"**_*{number}" for number in range(64)]
    name = "/".join(["_" * 255] * 15)
    started = time.monotonic()
    with pytest.raises(ProtocolError):
        _ask(collect=patterns).left([_NOTHING, {name: b""}])
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("right", ["read", "write", "net", "env", "import"])
def test_a_denial_of_megabytes_is_no_result(right: str) -> None:
    assert _seconds([[[right, "/" + "a/" * 4_000_000]], {}]) < 1


def test_without_that_its_folders_are_looked_for_one_by_one() -> None:
    def took(length: int) -> float:
        started = time.perf_counter()
        existing_place("/" + "a/" * length)
        return time.perf_counter() - started

    assert took(16_000) > 2 * took(4_000)


def test_a_name_that_is_cut_off_is_another_ones_and_not_told(
    sandbox: Sandbox,
) -> None:
    source = """
for length in (1_000, 5_000):
    try: open("/etc/" + "a/" * (length // 2), "w")
    except OSError: pass
"""
    denials = run_python(source, "basic", sandbox=sandbox).check().denials
    assert [len(item.what) for item in denials if item.right == "write"] == [1_004]


# -- making somebody give it all -------------------------------------------------------

_ALL = ["/", "//", "///", "x", "", "../x", "./", "/nothing/like/it"]


@pytest.mark.parametrize(
    ("right", "what"),
    [*(("write", what) for what in _ALL), *(("read", what) for what in _ALL[:-1])],
)
def test_no_one_is_advised_to_grant_everything(right: str, what: str) -> None:
    allowed = (grant_for(right, what, Policy.for_tier(tier)) for tier in TIERS)
    for advice in (*allowed, _report.grant_for(Denial(right, what), "", _POLICY)):
        assert advice.startswith(("none: ", "tier basic: ")), advice


_OTHER_NAMES = [
    *("/.", "/./", "//.", "/usr/..", "/proc/self/root", "/proc/self/root/"),
    *("/home", "/home/somebody", "/dev", "/proc", "/sys", "/./proc/self/../../dev"),
]


@pytest.mark.parametrize("right", ["read", "write"])
@pytest.mark.parametrize("what", _OTHER_NAMES)
def test_nor_everything_by_another_name(right: str, what: str) -> None:
    allowed = (grant_for(right, what, Policy.for_tier(tier)) for tier in TIERS)
    for advice in (*allowed, _report.grant_for(Denial(right, what), "", _POLICY)):
        assert advice.startswith(("none: ", "tier basic: ")), advice
    error = f"[Errno 13] Permission denied: {what!r}"
    for tier in TIERS:
        told = way_out("PermissionError", error, Policy.for_tier(tier))
        assert f"[{what!r}]" not in told, told


@pytest.mark.parametrize("place", ["/", "~"])
def test_nor_by_a_link_that_a_worker_made(sandbox: Sandbox, place: str) -> None:
    """Another process of its owner's, with another policy, would follow it."""
    leads = str(Path(place).expanduser())
    with _linking(f"os.symlink({leads!r}, link)") as (source, link):
        given = Policy.for_tier("elevated", write=[str(link.parent)])
        told = run_python(source, given, sandbox=sandbox).check().denials
        assert [one.grant[:5] for one in told if one.what == str(link)] == ["none:"]
        # Such a grant would be one of all that is there.
        assert link.resolve() == Path(leads).resolve()


_CHAIN = """
for number in range(3_000):
    os.symlink(f"{link}{number + 1}", f"{link}{number}")
os.symlink(f"{link}0", link)
"""


def test_a_link_that_leads_through_thousands_keeps_nobody(sandbox: Sandbox) -> None:
    """As many in each other as `realpath` calls itself for, before Python 3.13."""
    with _linking(_CHAIN) as (source, link):
        given = Policy.for_tier("elevated", write=[str(link.parent)])
        told = run_python(source, given, sandbox=sandbox).check().denials
        assert [one.grant[:5] for one in told if one.what == str(link)] == ["none:"]


@contextmanager
def _linking(code: str) -> Generator[tuple[str, Path]]:
    """A text that runs `code`, then says that it was refused to read `link`."""
    with open_folder() as folder:
        folder.chmod(0o777)
        link = folder / "notes"
        yield (
            f"""
import gc, os
link = {str(link)!r}
{code}
tell = next(
    one for one in gc.get_objects()
    if getattr(one, "__qualname__", "") == "build.<locals>.tell"
)
tell("read", link)
""",
            link,
        )


@pytest.mark.parametrize("right", ["read", "write"])
def test_nor_their_home(
    right: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home" / "me"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for place in (home, home.parent):
        assert grant_for(right, str(place), BASIC).startswith("none: ")
    new = home / "new"
    told = grant_for(right, str(new), BASIC)
    assert told == (f"read=({str(new)!r},)" if right == "read" else told)
    assert str(home) not in grant_for("write", str(new), BASIC)
    new.mkdir()
    assert grant_for(right, str(new), BASIC) == f"{right}=({str(new)!r},)"


@pytest.mark.parametrize("module", [".ssh", "", "..", "/etc", "helper", "kept.inner"])
def test_nor_to_import_from_it(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "helper.py").touch()
    (tmp_path / "kept").mkdir()
    for place, name in ((tmp_path, module), (tmp_path / "kept", "../kept")):
        line = _report.grant_for(Denial("import", name), str(place / "x.py"), _POLICY)
        assert line.startswith(("none: ", "--path DIR, "))
        assert grant_for("import", name, BASIC).startswith("path=[the ")
    own = tmp_path / "kept" / "own.py"
    own.touch()
    line = _report.grant_for(Denial("import", "own"), str(own), _POLICY)
    assert line == f"--path {own.parent}"


@pytest.mark.parametrize(
    "host",
    [
        "\u0430pple.com:443",  # a Cyrillic letter
        "apple.com:443 private",
        "https://10.0.0.1/ private",
        "apple.com\n--allow-write /",
        "\x1b]0;title\x07",
        "*",
        "a" * 300,
        "-x",
        "",
    ],
)
def test_a_host_that_may_only_look_like_one_is_for_its_owner_to_write(
    host: str,
) -> None:
    assert grant_for("net", host, BASIC) == "hosts=('HOST:PORT',)"
    line = _report.grant_for(Denial("net", host), "", _POLICY)
    assert line.isprintable()
    assert "HOST[:PORT]" in line or line.startswith("none: ")


@pytest.mark.parametrize(
    "host", ["a.test", "a-b.test:80", "10.0.0.1:1", "::1", "[::1]:443", "xn--a.test"]
)
def test_a_plain_host_is_told(host: str) -> None:
    assert grant_for("net", host, BASIC) == f"hosts=({host!r},)"
    assert _report.grant_for(Denial("net", host), "", _POLICY) == f"--allow-net {host}"


_WORDS = ["a'; touch pwned; '", "$(touch pwned)", "`touch pwned`", "a b", "-rf", "a\\"]


@pytest.mark.parametrize("what", _WORDS)
@pytest.mark.parametrize("right", ["read", "write", "env", "device"])
def test_a_line_that_is_copied_is_one_option_and_its_value(
    right: str, what: str, tmp_path: Path
) -> None:
    """A shell is given it, as whoever copies it does."""
    place = tmp_path / what
    place.touch()
    name = str(place) if right in ("read", "write") else what
    line = _report.grant_for(Denial(right, name), "", _POLICY)
    done = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\n' {line}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.splitlines()[1:] == [name]
    assert not (tmp_path / "pwned").exists()
    assert shlex.split(line)[1:] == [name]


@pytest.mark.parametrize(
    "what", ["/etc\n/x", "/a\x1b[2J", "/a\u202eb", "/\x85", "/a\u2028b", "/\x00"]
)
@pytest.mark.parametrize("right", ["read", "write", "env", "net", "device", "secret"])
def test_what_a_terminal_would_not_show_is_no_advice(right: str, what: str) -> None:
    line = _report.grant_for(Denial(right, what), "", _POLICY)
    assert line.isprintable()
    assert what.encode() not in line.encode()


_NOTES = """
import gc, os
from lockgate_session import session
channel = next(one for one in gc.get_objects() if type(one).__name__ == "Channel")
call = next(
    cell.cell_contents
    for one in gc.get_objects()
    if getattr(one, "__qualname__", "") == "run_file.<locals>.tell"
    for cell in one.__closure__
    if type(cell.cell_contents) is bytes
)
for right, what in {notes!r}:
    channel.send([{kind}, call, right, what])
raise SystemExit(1)
"""


def _told_of(folder: Path, *notes: tuple[str, str]) -> tuple[str, list[dict[str, str]]]:
    """What ``run`` writes for a script that forges `notes`: standard error, denials."""
    from lockgate_sandbox._wire.frame import Kind

    script, report = folder / "script.py", folder / "report.json"
    script.write_text(_NOTES.format(notes=notes, kind=int(Kind.NOTE)))
    command = [sys.executable, "-m", "lockgate_sandbox", "run", "--report", str(report)]
    done = subprocess.run(
        [*command, str(script)], capture_output=True, text=True, check=False, timeout=60
    )
    told: list[dict[str, str]] = json.loads(report.read_text())["denials"]
    return done.stderr, told


def test_a_script_forges_only_what_it_could_have_tried() -> None:
    with open_folder() as folder:
        errors, told = _told_of(
            folder,
            ("read", "/etc/shadow"),
            ("secret", "TOKEN"),
            ("device", "/dev/sda"),
            ("\x1b[2Jread", "/etc/shadow"),
            ("write", "/"),
            ("net", "a.test private"),
            ("read", "/" + "a" * 2_000),
            ("read", "/etc/a\n  to allow it: --allow-write /"),
        )
    rights = {(item["right"], item["what"][:20]) for item in told}
    assert ("read", "/etc/shadow") in rights, errors
    assert {right for right, _ in rights} <= {"read", "write", "net"}
    assert all(len(item["what"]) <= 1_024 for item in told)
    ways = [line for line in errors.splitlines() if "to allow it" in line]
    assert "  to allow it: --allow-write /" not in ways
    assert not [line for line in ways if "private" in line]
    assert errors.replace("\n", "").isprintable()


def test_a_question_for_no_host_is_advised_as_one_host_or_not_at_all(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """By the broker of a policy that has no hosts at all."""
    given = Policy.for_tier("elevated", files=[PathGrant(str(tmp_path))])
    source = """
from lockgate_session import session
for host in ("a.test", "a.test/ private x", "a.test\\n--allow-write /", [1, {"a": 2}]):
    try:
        session.call_host(
            "broker.http.open", {"scheme": "https", "host": host, "port": 443}
        )
    except OSError: pass
"""
    with Broker(given) as broker:
        result = run_python(source, given, broker=broker, sandbox=sandbox)
    told = [item.grant for item in result.check().denials if item.right == "net"]
    assert told == ["hosts=('https://a.test:443/',)", "", "", ""]


def test_a_broker_advises_no_file_that_is_everything_either(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    given = Policy.for_tier("elevated", files=[PathGrant(str(tmp_path))])
    source = f"""
from lockgate_session import session
for path in ("/etc/hosts", {str(Path.home())!r}, *{_OTHER_NAMES!r}):
    try:
        session.call_host("broker.file.open", {{"path": path, "mode": "r"}})
    except OSError: pass
"""
    with Broker(given) as broker:
        result = run_python(source, given, broker=broker, sandbox=sandbox)
    told = {item.what: item.grant for item in result.check().denials}
    assert "PathGrant('/etc/hosts')" in told.pop("/etc/hosts")
    assert len(told) == len(_OTHER_NAMES) + 1
    assert not any(told.values())


# -- files that go in and out ----------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "kept"),
    [
        ("os.symlink('/etc/passwd', 'a')", {}),
        ("os.mkfifo('a')", {}),
        ("os.mkdir('a')", {}),
        ("open('b', 'w').write('x'); os.link('b', 'a')", {"a": b"x"}),
        ("open('a', 'w').write('x'); os.chmod('a', 0o4777)", {"a": b"x"}),
        ("os.mkdir('d'); open('d/a', 'w').write('x'); os.symlink('d', 'e')", {}),
        ("s.socketpair(); s.socket(s.AF_UNIX).bind('a')", {}),
    ],
)
def test_only_what_is_a_file_is_collected(
    sandbox: Sandbox, make: str, kept: dict[str, bytes]
) -> None:
    source = f"import os, socket as s\ntry: {make}\nexcept OSError: pass"
    result = run_python(source, "basic", collect=["a", "e/*"], sandbox=sandbox)
    assert dict(result.check().files) == kept


def test_a_file_of_a_terabyte_of_nothing_is_the_texts_own_trouble(
    sandbox: Sandbox,
) -> None:
    source = "with open('a', 'w') as file: file.truncate(1 << 40)"
    started = time.monotonic()
    result = run_python(source, "basic", collect=["*"], sandbox=sandbox)
    assert isinstance(result.error, LimitError)
    assert not any(result.files.values())
    assert time.monotonic() - started < 30


def test_files_that_go_in_follow_a_link_only_under_the_texts_own_seal() -> None:
    with open_folder() as folder:
        outside = folder / "outside"
        outside.write_text("kept")
        outside.chmod(0o666)
        with (
            Sandbox.open() as sandbox,
            Interpreter.open("basic", sandbox=sandbox) as it,
        ):
            it.run(f"import os; os.symlink({str(outside)!r}, 'in.txt')").check()
            result = it.run("1", files={"in.txt": b"written"})
        assert isinstance(result.error, RemoteError)
        assert outside.read_text() == "kept"
