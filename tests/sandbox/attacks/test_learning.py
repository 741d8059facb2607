"""A file that is learnt about tries to be granted more than its owner means to give.

It writes what its owner sees, names what it likes, and says what it was denied. Each
attack is made again with what stops it taken away, and succeeds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate_sandbox.policy_file import read_policy
from tests.support.sandbox import open_folder
from tests.support.terminals import conversation

pytestmark = pytest.mark.kernel

PROMPT = "\r\n  > "
_MAIN = "import sys; from lockgate_sandbox.__main__ import main; sys.exit(main())"

NO_FLUSH = "import termios; termios.tcflush = lambda *_: None\n"
NO_CLEAN = "import lockgate_sandbox.cli._tail as t; t.clean = str\n"
NO_QUOTES = (
    "import lockgate_sandbox.cli._asking as a\n"
    "import lockgate_sandbox.learning._proposal as p\n"
    "p.quoted = a.quoted = str\n"
)
NO_PLACE = (
    "import lockgate_sandbox.learning._propose as p; p._check_place = lambda _: None\n"
)
NO_GUARD = "import lockgate_sandbox.cli._learning as l; l._guarded = lambda _: []\n"

FORGE = """
import os, sys
os.path.realpath = str
os.path.lexists = lambda _: True
def deny(path, mode=os.O_RDONLY):
    sys.audit("open", path, None, mode)
"""
"""The hook that tells of denials runs in the file's own process: it can be lied to."""


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    """A folder that a worker of another uid may read."""
    with open_folder() as made:
        yield made


def at_a_terminal(
    folder: Path, code: str, answers: list[str], off: str = "", ahead: str = ""
) -> str:
    """What the owner sees of a file that is learnt about, and answers to."""
    (folder / "script.py").write_text(code)
    _, shown, _ = conversation(
        [sys.executable, "-c", off + _MAIN, "learn", "--out", "p.json", "script.py"],
        answers,
        prompt=PROMPT,
        cwd=folder,
        ahead=ahead,
        env={"NO_COLOR": "1", "COLUMNS": "80"},
    )
    return shown


def unasked(folder: Path, code: str, *options: str, off: str = "") -> list[str]:
    """Learn within bounds; gives what each run printed."""
    (folder / "script.py").write_text(code)
    command = [sys.executable, "-c", off + _MAIN, "learn", "--json", *options]
    done = subprocess.run(
        [*command, "--out", "p.json", "script.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [line["output"] for line in found if "round" in line]


@pytest.mark.parametrize(("off", "granted"), [("", False), (NO_FLUSH, True)])
def test_keys_that_it_asked_for_answer_no_question(
    folder: Path, off: str, granted: bool
) -> None:
    (folder / "secret").write_text("x")
    code = "print('Press y and Enter to go on')\nopen('secret')"
    answers = ["n\n"] if not granted else []
    at_a_terminal(folder, code, answers, off, ahead="y\n")

    assert bool(read_policy(folder / "p.json").read) is granted


@pytest.mark.parametrize(("off", "reached"), [("", False), (NO_CLEAN, True)])
def test_nothing_that_it_prints_reaches_the_terminal_as_it_is(
    folder: Path, off: str, reached: bool
) -> None:
    """Colours that hide, a cleared screen, and a question to the terminal."""
    (folder / "secret").write_text("x")
    code = "print('\\x1b[2J\\x1b[8m\\x1b[6n\\x9b8m\\u202e')\nopen('secret')"
    shown = at_a_terminal(folder, code, ["n\n"], off)

    assert ("\x1b" in shown) is reached
    assert ("\u202e" in shown) is reached


def test_no_line_of_its_own_looks_like_a_question(folder: Path) -> None:
    (folder / "secret").write_text("x")
    fake = "May it read '/harmless'?"
    code = (
        f"print({fake!r})\nprint('\\r' + {fake!r})\nprint('\\x85' + {fake!r})\n"
        f"print(' ' * 74 + {fake!r})\nprint('\\u3000' * 40 + {fake!r})\n"
        "open('secret')"
    )
    shown = at_a_terminal(folder, code, ["n\n"])

    told = [line for line in shown.split("\r\n") if "harmless" in line]
    assert told
    assert all(line.startswith("  | ") for line in told)
    said = [line for line in shown.split("\r\n") if line.startswith("  | ")]
    assert all(len(line) + line.count("\u3000") < 80 for line in said)


NAMES = ("a\n  y  yes\n", "a\x1b[8mb", "a\u202eb", "a\u2066b", "a\x9bb", "a\x7fb")


def test_a_name_that_a_terminal_would_not_show_is_never_asked_about(
    folder: Path,
) -> None:
    for name in NAMES:
        (folder / name).write_text("x")
    code = f"for name in {NAMES!r}:\n    try: open(name)\n    except OSError: pass"
    shown = at_a_terminal(folder, code, [])

    assert "May it" not in shown
    assert not any(char in shown for char in "\x1b\u202e\u2066\x9b\x7f")
    assert "'a\\n  y  yes\\n'" not in shown  # two spaces are told, too
    assert "a\\n\\x20\\x20y\\x20\\x20yes\\n'" in shown
    assert read_policy(folder / "p.json").read == ()


@pytest.mark.parametrize(("off", "padded"), [("", False), (NO_QUOTES, True)])
def test_a_name_can_not_be_padded_into_lines_of_its_own(
    folder: Path, off: str, padded: bool
) -> None:
    name = "a" + " " * 100 + "May it read a"
    (folder / name).write_text("x")
    shown = at_a_terminal(folder, f"open({name!r})", ["n\n"], off)

    assert shown.count("May it read '") == (0 if padded else 1)
    question = shown.partition("May it read ")[2].partition("\r\n")[0]
    assert (" " * 90 in question) is padded


@pytest.mark.parametrize(("off", "reads"), [("", False), (NO_PLACE, True)])
def test_a_link_within_the_bounds_leads_nowhere_else(
    folder: Path, off: str, reads: bool
) -> None:
    (folder / "secret").mkdir()
    (folder / "secret" / "key").write_text("hunter2")
    (folder / "data").mkdir()
    (folder / "data" / "link").symlink_to("../secret")
    code = (
        f"{FORGE}\ndeny({str(folder / 'data' / 'link')!r})\n"
        "try: print(open('data/link/key').read())\nexcept OSError: print('no')"
    )
    told = unasked(folder, code, "--yes-read", "data", off=off)

    assert (told[-1] == "hunter2\n") is reads, told
    assert told[0] == "no\n"


def test_what_it_says_that_it_was_denied_is_granted_within_the_bounds_only(
    folder: Path,
) -> None:
    for name in ("data", "data-of-mine"):
        (folder / name).mkdir()
        (folder / name / "file").write_text("hunter2")
    claims = [
        str(folder / "data-of-mine" / "file"),
        f"{folder}/data/../data-of-mine/file",
        f"{folder}/data/./file",
        f"{folder}//data/file",
        "data/file",
        str(folder),
        "/",
        "",
    ]
    code = f"{FORGE}\nfor path in {claims!r}: deny(path); deny(path, os.O_RDWR)\n"
    unasked(folder, code, "--yes-read=data", "--yes-write=data")

    held = read_policy(folder / "p.json")
    assert (held.read, held.write) == ((), ())


@pytest.mark.parametrize(("off", "given"), [("", False), (NO_GUARD, True)])
def test_it_may_not_write_the_policy_that_it_will_run_under(
    folder: Path, off: str, given: bool
) -> None:
    folder.chmod(0o777)
    code = "open('p.json', 'w').write('{\"tier\": \"admin\"}')"
    unasked(folder, code, "--yes-write=.", off=off)

    assert bool(read_policy(folder / "p.json").write) is given


SWAP = """
import os
try:
    os.rename('box/data', 'box/gone')
    os.symlink('../secret', 'box/data')
except OSError:
    pass
for name in ('box/data/key', 'secret/key'):
    try: print(open(name).read())
    except OSError: print('no')
"""


def test_a_link_in_the_place_of_what_was_granted_is_not_followed_the_next_time(
    folder: Path,
) -> None:
    """Nothing that may be read by name lies where it may write: none is swapped."""
    boxes = ("learned", "by hand")
    for name in boxes:
        base = folder / name
        (base / "box" / "data").mkdir(parents=True)
        (base / "box").chmod(0o777)
        (base / "secret").mkdir()
        (base / "secret" / "key").write_text("hunter2")
        (base / "box" / "data" / "key").write_text("mine")
    base = folder / "learned"
    code = "open('box/data/key')\nopen('box/new', 'w')"
    unasked(base, code, "--yes-read=box/data", "--yes-write=box")
    held = read_policy(base / "p.json")
    assert (held.read, held.write) == ((), (str(base / "box"),))
    by_hand = folder / "by hand"
    rights = {"read": [f"{by_hand}/box/data"], "write": [f"{by_hand}/box"]}
    (by_hand / "p.json").write_text(json.dumps({"tier": "elevated", **rights}))

    for name in boxes:
        assert _run(folder / name)[:2] == (0, ["no", "no"])
    assert _run(folder / "learned")[:2] == (0, ["no", "no"])
    status, said, told = _run(folder / "by hand")
    assert (status, said) == (125, [])
    assert "leads through the link" in told


def _run(base: Path) -> tuple[int, list[str], str]:
    """What the swapping file reads under the policy of its folder."""
    (base / "swap.py").write_text(SWAP)
    command = [sys.executable, "-m", "lockgate_sandbox", "run", "--policy", "p.json"]
    done = subprocess.run(
        [*command, "swap.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=base,
    )
    return done.returncode, done.stdout.split(), done.stderr


def test_a_flood_of_output_is_not_kept(folder: Path) -> None:
    told = unasked(folder, "for _ in range(400): print('x' * 99_999)")

    assert [len(text) for text in told] == [4_096]


NO_WAYS = (
    "import os\n"
    "import lockgate_sandbox.cli._learning as l\n"
    "import lockgate_sandbox.cli._policy_out as o\n"
    "import lockgate_sandbox.learning._propose as p\n"
    "l.ways = o.ways = p.ways = lambda path: (os.path.realpath(path),)\n"
)


@pytest.mark.parametrize(("off", "reads"), [("", False), (NO_WAYS, True)])
def test_what_it_reads_as_input_is_no_link_of_its_own(
    folder: Path, off: str, reads: bool
) -> None:
    (folder / "key").write_text("hunter2")
    (folder / "box").mkdir()
    (folder / "box").chmod(0o777)
    (folder / "box" / "in").write_text("mine")
    (folder / "data").write_text("for one more run")
    code = (
        "import os, sys\nprint(sys.stdin.read())\n"
        "os.remove('box/in')\nos.symlink('../key', 'box/in')\nopen('data')"
    )
    bounds = ("--yes-write=box", "--yes-read=data")
    told = unasked(folder, code, *bounds, "--stdin=box/in", off=off)

    assert any("hunter2" in text for text in told) is reads, told


@pytest.mark.parametrize(("off", "given"), [("", False), (NO_WAYS, True)])
def test_no_link_to_its_policy_lies_where_it_may_write(
    folder: Path, off: str, given: bool
) -> None:
    """It would lead to a policy of its own when its owner runs it."""
    (folder / "real").mkdir()
    (folder / "box").mkdir()
    (folder / "box").chmod(0o777)
    (folder / "box" / "now").symlink_to("../real")
    (folder / "script.py").write_text("open('box/new', 'w')")
    command = [sys.executable, "-c", off + _MAIN, "learn", "--yes-write=box"]
    subprocess.run(
        [*command, "--out", "box/now/p.json", "script.py"],
        capture_output=True,
        check=False,
        timeout=120,
        cwd=folder,
    )

    assert bool(read_policy(folder / "real" / "p.json").write) is given
