"""``lockgate-sandbox learn`` where nobody can be asked: bounds, files and statuses."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import Policy
from lockgate_sandbox.policy_file import read_policy
from tests.support.layers import Base
from tests.support.ordinary import run_as_ordinary
from tests.support.servers import http_server

pytestmark = pytest.mark.kernel

WORK = """
    from pathlib import Path
    text = Path("data/in.csv").read_text()
    Path("out/done").write_text(text)
"""
"""Two things that it may not: the second comes to light with the first."""


@pytest.fixture(name="work")
def _work(folder: Path) -> Path:
    """A folder with data and room for what comes of it."""
    (folder / "data").mkdir()
    (folder / "data" / "in.csv").write_text("1,2")
    (folder / "out").mkdir()
    (folder / "out").chmod(0o777)
    return folder


def learn(
    folder: Path,
    code: str,
    *options: str,
    argv: tuple[str, ...] = (),
    stdin: str = "",
    **environ: str,
) -> subprocess.CompletedProcess[str]:
    """Learn about `code`, a file of `folder`, in `folder`."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(code))
    command = [sys.executable, "-m", "lockgate_sandbox", "learn", *options]
    return subprocess.run(
        [*command, "script.py", *argv],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
        env={**os.environ, **environ},
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The lines of JSON that were printed."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_ends_with_the_least_policy_under_which_the_file_works(work: Path) -> None:
    done = learn(work, WORK, "--yes-read=data", "--yes-write=out", "--out=p.json")

    assert done.returncode == 0, done.stderr
    assert "It did its work" in done.stderr
    held = read_policy(work / "p.json")
    assert (held.read, held.write) == ((f"{work}/data/in.csv",), (f"{work}/out",))
    assert held.limits.cpu_seconds == Policy.for_tier("read-only").limits.cpu_seconds
    assert stat.S_IMODE((work / "p.json").stat().st_mode) == 0o600
    (work / "out" / "done").unlink()
    command = done.stderr.partition("to run it so: lockgate-sandbox ")[2].split()
    assert command == ["run", "--policy", "p.json", "script.py"]
    again = subprocess.run(
        [sys.executable, "-m", "lockgate_sandbox", *command],
        cwd=work,
        check=False,
        timeout=120,
    )
    assert again.returncode == 0
    assert (work / "out" / "done").read_text() == "1,2"


def test_it_says_first_that_the_file_is_run_again_and_again(work: Path) -> None:
    # A file for each run: as root they are of different users.
    code = """
        import time
        open(f'out/{time.time_ns()}', 'w')
        open('data/in.csv')
    """
    done = learn(work, code, "--yes-read=data", "--yes-write=out")

    begin = done.stderr.partition("run 1:")[0]
    assert "is run up to 10 times" in begin
    assert "happens each time" in begin
    assert done.returncode == 0
    assert len(list((work / "out").iterdir())) == 2


def test_without_terminal_and_bounds_it_only_tells(work: Path) -> None:
    done = learn(work, WORK, "--out", "p.json", stdin="y\ny\ny\n")

    assert done.returncode == 1
    assert f"would allow it: read '{work}/data/in.csv'" in done.stderr
    assert done.stderr.count("\nrun ") == 1
    assert not (work / "p.json").exists()
    assert "not written" in done.stderr


def test_what_lies_beyond_the_bounds_is_refused_and_told(work: Path) -> None:
    done = learn(work, WORK, "--yes-read", "data", "--out", "p.json")

    assert done.returncode == 1
    assert f"would allow it: read and change '{work}/out' and ev" in done.stderr
    held = read_policy(work / "p.json")
    assert (held.read, held.write) == ((f"{work}/data/in.csv",), ())


def test_each_run_is_a_line_of_json_and_so_is_the_end(work: Path) -> None:
    options = ("--json", "--yes-read=data", "--yes-write=out", "--out=p.json")
    code = f"print('seen', flush=True)\n{textwrap.dedent(WORK)}"
    done = learn(work, code, *options)
    *runs, end = lines(done)

    assert (done.returncode, done.stderr) == (0, "")
    assert [run["round"] for run in runs] == [1, 2, 3]
    assert [run["status"] for run in runs] == [1, 1, 0]
    assert runs[0]["denials"] == [["read", f"{work}/data/in.csv"]]
    assert runs[0]["granted"][0]["right"] == "read"
    assert runs[0]["output"].startswith("seen\nTraceback")
    assert end["settled"] is True
    assert end["written"] == "p.json"
    assert end["policy"] == json.loads((work / "p.json").read_text())
    assert {change["what"] for change in end["changes"]} >= {"tier", "read", "write"}


def test_a_file_that_asks_for_nothing_gets_nothing(work: Path) -> None:
    done = learn(work, "print(1)", "--json", "--yes-read", "data")

    assert done.returncode == 0
    assert lines(done)[-1]["policy"] == {"tier": "read-only"}


def test_a_file_that_fails_by_itself_is_told_so(work: Path) -> None:
    done = learn(work, "exit(7)", "--yes-read", "data")

    assert done.returncode == 1
    assert "ended with 7, and was denied nothing" in done.stderr


def test_a_limit_is_told_with_the_way_out(work: Path) -> None:
    done = learn(work, "while True: pass", "--wall=0.5", "--yes-read=data")

    assert done.returncode == 1
    assert "[wall-limit]" in done.stderr
    assert "--wall SECONDS" in done.stderr


def test_rounds_bound_how_often_it_is_run(work: Path) -> None:
    done = learn(work, WORK, "--rounds=1", "--yes-read=data", "--yes-write=out")

    assert done.returncode == 1
    assert done.stderr.count("\nrun ") == 1
    assert "not run with the last grants" in done.stderr
    assert learn(work, WORK, "--rounds", "0").returncode == 2


def test_it_begins_from_a_policy_and_keeps_what_that_grants(work: Path) -> None:
    begin = {"tier": "read-only", "read": ["/etc/hostname"]}
    (work / "p.json").write_text(json.dumps(begin))
    done = learn(work, WORK, "--policy=p.json", "--out=p.json", "--yes-read=data")

    assert done.returncode == 1
    assert read_policy(work / "p.json").read == (
        "/etc/hostname",
        f"{work}/data/in.csv",
    )
    told = done.stderr.partition("compared with what it began with:")[2]
    assert f"  + read {work}/data/in.csv\n" in told


def test_it_reads_the_same_input_each_time(work: Path) -> None:
    (work / "in").write_text("line")
    code = "print(len(input()) if open('data/in.csv') else 0)"
    done = learn(work, code, "--json", "--yes-read", "data", "--stdin", "in")

    assert lines(done)[-2]["output"] == "4\n"
    done = learn(work, "print(repr(input()))", stdin="not for it\n")
    assert "EOFError" in done.stderr


def test_what_was_granted_is_kept_where_it_can_not_be_run_again(work: Path) -> None:
    code = """
        from pathlib import Path
        Path("out/in").unlink(missing_ok=True)
        open("data/in.csv")
    """
    bounds = ("--yes-read", "data", "--yes-write", "out")
    for options in ((), ("--json",)):
        (work / "out" / "in").write_text("line")
        (work / "out" / "in").chmod(0o666)
        file = work / f"policy{len(options)}.json"
        begun = (*options, *bounds, "--stdin", "out/in", "--out", file.name)
        done = learn(work, code, *begun)

        assert done.returncode == 125, done.stderr
        assert "out/in: No such file or directory" in done.stderr + done.stdout
        granted = read_policy(file)
        assert granted.read == (f"{work}/data/in.csv",)
        assert granted.write == (f"{work}/out",)
        if options:
            assert lines(done)[-1]["settled"] is False
            assert lines(done)[-1]["error"]["code"] == "policy-invalid"
            assert lines(done)[-1]["written"] == file.name
        else:
            assert "It could not be run again.\nGranted, compared" in done.stderr
            assert f"written: {file.name}\n" in done.stderr


def test_arguments_texts_and_folders_to_import_from_are_those_of_run(
    work: Path,
) -> None:
    (work / "mate.py").write_text("NAME = 'mate'")
    code = "import sys, mate; print(sys.argv[1:], mate.NAME)"
    done = learn(work, code, "--json", "--path", ".", argv=("a", "--json"))
    assert lines(done)[0]["output"] == "['a', '--json'] mate\n"
    done = learn(work, "", "--json", "-c", "print(6 * 7)")
    assert lines(done)[0]["output"] == "42\n"


def test_a_module_beside_the_file_is_found_within_what_may_be_read(work: Path) -> None:
    (work / "mate.py").write_text("NAME = 'mate'")
    done = learn(work, "import mate", "--json", "--yes-read", ".")

    assert done.returncode == 0
    assert lines(done)[-1]["path"] == [str(work)]


def test_hosts_and_variables_are_granted_within_bounds(work: Path) -> None:
    with http_server() as server:
        code = f"""
            import os
            from urllib.request import urlopen
            assert os.environ["MINE"] == "value"
            print(urlopen("http://127.0.0.1:{server.port}/").read())
        """
        place = f"127.0.0.1:{server.port}"
        options = ("--json", f"--yes-net={place}", "--yes-env=MINE")
        done = learn(work, code, *options, MINE="value")
        assert len(server.requests) == 1
    end = lines(done)[-1]
    assert done.returncode == 0, lines(done)
    assert end["policy"]["hosts"] == [place]
    assert end["policy"]["env"] == {"MINE": "value"}


def test_each_decision_of_a_broker_is_on_record(work: Path) -> None:
    with http_server() as server:
        code = f"""
            from urllib.request import urlopen
            urlopen("http://127.0.0.1:{server.port}/").read()
        """
        bound = f"--yes-net=127.0.0.1:{server.port}"
        done = learn(work, code, bound, "--audit=a.jsonl", "--json")
    record = (work / "a.jsonl").read_text().splitlines()
    assert done.returncode == 0
    assert [json.loads(line)["decision"] for line in record] == ["allow", "end"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--out", "there.json"], "--replace"),
        (["--out", "none/p.json"], "the policy none/p.json can't be written"),
        (["--yes-read", "gone"], "no such file or folder"),
        (["--yes-net", "*"], "is no host"),
        (["--stdin", "gone"], "gone: No such file"),
        (["--policy", "gone"], "gone"),
        (["--allow-write", ".", "--out", "p.json"], "lies where the file may write"),
        (["--allow-write", ".", "--audit", "a.jsonl"], "lies where the file may write"),
    ],
)
def test_what_can_not_be_honoured_runs_nothing(
    work: Path, options: list[str], why: str
) -> None:
    (work / "there.json").write_text("mine")
    done = learn(work, "print('it ran')", "--json", *options)

    assert done.returncode == 125
    assert why in json.loads(done.stdout)["error"]["message"] + done.stdout
    assert "it ran" not in done.stdout
    assert (work / "there.json").read_text() == "mine"
    assert not (work / "p.json").exists()


def test_a_file_is_replaced_where_that_is_asked_for(work: Path) -> None:
    (work / "p.json").write_text("mine")
    done = learn(work, "", "--yes-read=data", "--out=p.json", "--replace")

    assert done.returncode == 0
    assert "replaced: p.json\n" in done.stderr
    assert read_policy(work / "p.json") == Policy.for_tier("read-only")


def test_a_policy_that_is_replaced_is_compared(work: Path) -> None:
    before = {"tier": "read-only", "read": ["/etc/hostname"]}
    (work / "p.json").write_text(json.dumps(before))
    code = "open('data/in.csv')"
    done = learn(work, code, "--yes-read=data", "--out=p.json", "--replace")

    told = done.stderr.partition("Compared with what p.json said:\n")[2]
    assert told.startswith(
        f"  - no longer: read /etc/hostname\n  + read {work}/data/in.csv\n"
    )


def test_a_missing_file_is_refused(folder: Path) -> None:
    command = [sys.executable, "-m", "lockgate_sandbox", "learn", "gone.py"]
    done = subprocess.run(command, capture_output=True, check=False, cwd=folder)

    assert done.returncode == 125
    assert b"no such file: gone.py" in done.stderr


def test_lockgate_has_the_same_verb(folder: Path) -> None:
    argv = ["sandbox", "learn", "--json", "-c", "print(1)"]
    command = [sys.executable, "-m", "lockgate", *argv]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert lines(done)[0]["output"] == "1\n"


def test_no_other_verb_waits_for_what_only_this_one_needs() -> None:
    code = (
        "import contextlib, sys; from lockgate_sandbox.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['policy', '--help'])\n"
        "print([name for name in sys.modules if 'learning' in name])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.endswith("\n[]\n")


_TWICE = """
import os
with open(f"{os.environ['BASE']}/out/log", "a") as file:
    file.write("x")
open(f"{os.environ['BASE']}/data/in.csv")
"""
_OWNER = """
import os, pathlib, sys
from lockgate_sandbox.cli import main
base = pathlib.Path(os.environ["HOME"], "base")
for name in ("data", "out"):
    (base / name).mkdir(parents=True)
(base / "data" / "in.csv").touch()
bounds = [f"--yes-read={base}/data", f"--yes-write={base}/out"]
options = ["--json", f"--env=BASE={base}", f"--out={base}/p.json"]
status = main(["learn", *options, *bounds, "x.py"])
print(status, (base / "out" / "log").read_text(), (base / "p.json").exists())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become an ordinary user")
def test_an_ordinary_users_file_goes_on_with_what_it_made_in_the_run_before(
    base: Base,
) -> None:
    files = {"x.py": _TWICE, "owner.py": _OWNER}
    done = run_as_ordinary(base, ["owner.py"], files)

    *_, last = done.stdout.splitlines()
    assert last == "0 xx True", done.stdout + done.stderr[-2_000:]


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.remove('f', dir_fd=os.open('data', 0))",
        "import os; d = os.open('data', 0); os.rename('f', 'g', src_dir_fd=d)",
        "import os; os.mkdir('f', dir_fd=os.open('data', 0))",
        "import pathlib; pathlib.Path('data/none').unlink(missing_ok=True)",
    ],
)
def test_no_folder_is_granted_that_it_did_not_want_to_change(
    work: Path, code: str
) -> None:
    """A name in an open folder lies not where it stands; what is missing can not go."""
    (work / "data" / "f").write_text("x")
    done = learn(work, code, "--json", "--allow-read=data", "--yes-write=.")

    assert lines(done)[-1]["policy"].get("write", []) == []
