"""``lockgate-sandbox run``: what a file was refused, and the way out that is told."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.sandbox.cli.running import run
from tests.support.layers import Base
from tests.support.ordinary import run_as_ordinary

pytestmark = pytest.mark.kernel


def test_grants_open_exactly_what_they_name(folder: Path) -> None:
    (folder / "granted").mkdir()
    (folder / "granted" / "in").write_text("data")
    (folder / "granted").chmod(0o777)
    (folder / "other").write_text("secret")
    code = f"""
        from pathlib import Path
        folder = Path({str(folder)!r})
        print((folder / "granted" / "in").read_text())
        try:
            (folder / "granted" / "out").write_text("x")
            print("wrote")
        except OSError:
            print("no write")
        try:
            print((folder / "other").read_text())
        except OSError:
            print("no read")
    """
    done = run(folder, code, "--allow-read", "granted")
    assert done.stdout == "data\nno write\nno read\n", done.stderr
    done = run(folder, code, "--allow-write", "granted")
    assert done.stdout == "data\nwrote\nno read\n", done.stderr
    assert (folder / "granted" / "out").read_text() == "x"


def test_relative_paths_mean_the_callers_folder(folder: Path) -> None:
    (folder / "in").write_text("data")
    done = run(folder, "print(open('in').read())", "--allow-read", "in")
    assert done.stdout == "data\n", done.stderr


def test_a_path_may_go_up(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "lib").mkdir()
    (folder / "lib" / "mate.py").write_text("NAME = 'mate'")
    (folder / "in").write_text("data")
    (folder / "script.py").write_text(
        "import mate; print(mate.NAME, open('../in').read())"
    )
    command = [sys.executable, "-m", "lockgate_sandbox", "run", "--path=../lib"]
    done = subprocess.run(
        [*command, "--allow-read=../in", "../script.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder / "below",
    )
    assert (done.stdout, done.returncode) == ("mate data\n", 0), done.stderr


def test_a_file_that_fails_is_told_what_it_was_refused(folder: Path) -> None:
    (folder / "in").write_text("data")
    done = run(folder, "open('in')")
    assert done.returncode == 1
    assert f"refused: read '{folder / 'in'}'" in done.stderr
    assert f"to allow it: --allow-read {folder / 'in'}" in done.stderr


@pytest.mark.parametrize(
    ("code", "way"),
    [
        ("open('out/new', 'w')", "--allow-write {folder}/out"),
        ("open('out/a/b', 'w')", "--allow-write {folder}/out"),
        ("import mate", "--path {folder}"),
        ("import mates.of.mine", "--path {folder}"),
        ("import socket; socket.getaddrinfo('a.test', 80)", "--allow-net a.test:80"),
        ("import socket; socket.socket()", "--allow-net HOST[:PORT]"),
        ("import nothing_like_it", "--path DIR, the folder that it lies in"),
        ("import tempfile; tempfile.mkdtemp()", "--tier basic, for a"),
        (
            "import socket; socket.create_connection(('10.0.0.1', 1))",
            "--allow-net 10.0.0.1:1",
        ),
    ],
)
def test_the_way_out_is_one_that_can_be_gone(folder: Path, code: str, way: str) -> None:
    (folder / "out").mkdir()
    (folder / "mate.py").touch()
    (folder / "mates").mkdir()
    done = run(folder, code)

    ways = [line for line in done.stderr.splitlines() if "to allow it: " in line]
    assert done.returncode == 1
    assert way.format(folder=folder) in ways[0], done.stderr
    assert len(ways) == len(set(ways))


def test_a_write_is_allowed_by_the_option_that_was_told(folder: Path) -> None:
    (folder / "out").mkdir()
    code = "open('out/new', 'w').write('made')"
    told = run(folder, code).stderr.partition("to allow it: ")[2].split("\n")[0]
    done = run(folder, code, *shlex.split(told))

    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "out" / "new").read_text() == "made"


def test_less_memory_than_python_needs_is_refused_in_words(folder: Path) -> None:
    done = run(folder, "print(1)", "--memory", "8M")
    least = run(folder, "print(1)", "--memory", "16M")

    assert done.returncode == 125
    assert "less than Python needs to start" in done.stderr
    # What is let through tells, too, if it was not enough for the file.
    assert least.returncode == 0 or least.stderr


def test_nobody_is_advised_to_grant_files_of_the_sandbox(folder: Path) -> None:
    code = """
        from lockgate_session import session

        session.secret("OTHER")
    """
    script = folder / "script.py"
    script.write_text(textwrap.dedent(code))
    command = [sys.executable, "-m", "lockgate_sandbox", "run", "--secret", "A=HOME"]
    done = subprocess.run(
        [*command, str(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "refused: secret" in done.stderr
    assert "--allow-read" not in done.stderr


def test_what_a_file_was_refused_and_coped_with_is_not_told(folder: Path) -> None:
    code = """
        try:
            open("in")
        except OSError:
            print("without")
    """
    (folder / "in").write_text("data")
    done = run(folder, code)
    assert (done.stdout, done.stderr) == ("without\n", "")


def test_a_program_is_told_with_the_two_ways_to_run_one(folder: Path) -> None:
    code = "import subprocess; print(subprocess.run(['/bin/true']).returncode)"
    done = run(folder, code)
    assert "a policy with `programs` (--policy), or Sandbox.run_program" in done.stderr
    (folder / "policy.json").write_text(
        '{"tier": "elevated", '
        '"programs": [{"name": "true", "path": "/bin/true", "read": []}]}'
    )
    done = run(folder, code, "--policy", "policy.json")
    assert (done.stdout, done.returncode) == ("0\n", 0), done.stderr


def test_a_secret_of_a_policy_file_is_told_the_option_that_gives_its_value(
    folder: Path,
) -> None:
    code = "from lockgate_session import session; print(session.secret('TOKEN'))"
    (folder / "policy.json").write_text('{"tier": "elevated", "secrets": ["TOKEN"]}')
    done = run(folder, code, "--policy", "policy.json")
    assert "to allow it: --secret TOKEN=VARIABLE" in done.stderr


@pytest.mark.parametrize(
    ("options", "code", "way"),
    [
        (("--wall=0.3",), "import time; time.sleep(9)", "more with --wall SECONDS"),
        (
            ("--policy=p.json", "--wall=9"),
            "import time; time.sleep(9)",
            'raise "wall_seconds" in p.json',
        ),
        (
            ("--policy=p.json", "--wall=0.3"),
            "import time; time.sleep(9)",
            "more with --wall SECONDS",
        ),
        (("--disk=1M", "--file-size=64M"), "fill(2)", "more with --disk SIZE"),
        (("--disk=1M",), "fill(2)", "more with --disk SIZE"),
        (("--disk=64M", "--file-size=1M"), "fill(2)", "more with --file-size SIZE"),
        (("--policy=small.json", "--disk=64M"), "fill(2)", 'raise "disk_bytes" in'),
    ],
)
def test_more_of_a_limit_is_given_where_it_was_set(
    folder: Path, options: tuple[str, ...], code: str, way: str
) -> None:
    small = {"disk_bytes": 1 << 20, "file_bytes": 1 << 20}
    for name, limits in (("p", {"wall_seconds": 1}), ("small", small)):
        document = {"tier": "basic", "limits": limits}
        (folder / f"{name}.json").write_text(json.dumps(document))
    fill = """
import os
def fill(mib):
    with open(os.environ["TMPDIR"] + "/new", "wb") as file:
        file.write(bytes(mib << 20))
"""
    done = run(folder, f"{fill}\n{code}", *options)

    assert f"hint: give it {way}" in done.stderr or f"hint: {way}" in done.stderr


def test_tier_basic_is_told_of_its_scratch_folder(folder: Path) -> None:
    here = run(folder, "open('new', 'w')", "--tier=basic")
    there = run(folder, "open('/tmp/lockgate-new', 'w')", "--tier=basic")

    told = "it may write into its scratch folder, $TMPDIR\n"
    assert f"to allow it: --tier elevated --allow-write {folder}\n" in here.stderr
    assert f"  without that: {told}" in here.stderr
    assert f"to allow it: none: {told}" in there.stderr


_UNREADABLE = """
import subprocess, sys
from pathlib import Path

Path("mine").write_text("x")
Path("mine").chmod(0)
Path("out").mkdir()
Path("out").chmod(0o500)
run = [sys.executable, "-m", "lockgate_sandbox", "run"]
for options, code in (
    ([], "open('mine')"),
    (["--allow-read=mine"], "open('mine')"),
    (["--allow-write=out"], "open('out/new', 'w')"),
):
    done = subprocess.run([*run, *options, "-c", code], capture_output=True, text=True)
    print(done.returncode, *(x for x in done.stderr.splitlines() if "allow it" in x))
from lockgate_sandbox import Policy, run_python
file = str(Path("mine").absolute())
result = run_python(f"open({file!r})", Policy.for_tier("read-only", read=[file]))
print(result.denials[0].grant, result.error.hint, sep="; ")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="makes an ordinary user of root")
def test_what_a_files_own_mode_refuses_is_no_matter_of_grants(
    base: Base, folder: Path
) -> None:
    start = "import os; os.chdir(os.environ['HOME']); exec(open(os.sys.argv[1]).read())"
    (folder / "tries.py").write_text(_UNREADABLE)
    done = run_as_ordinary(base, ["-c", start, str(folder / "tries.py")], {})

    none = "1   to allow it: none:"
    granted = f"it is granted, and its own mode ({'-' * 10}) refuses the worker's user"
    folder_mode = granted.replace(
        "own mode (----------)", "folder's own mode (dr-x------)"
    )
    out = "change that, or grant a copy"
    assert done.stdout.splitlines() == [
        f"{none} its own mode ({'-' * 10}) refuses you, too; {out}",
        f"{none} {granted}; {out}",
        f"{none} {folder_mode}; {out}",
        f"none: {granted}; {out}; {granted}; {out}",
    ], done.stderr
