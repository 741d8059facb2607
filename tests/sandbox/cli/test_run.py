"""``lockgate-sandbox run``: streams, exit statuses, grants and the report."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox import open_folder

pytestmark = pytest.mark.kernel


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


def _run(
    folder: Path, code: str, *options: str, argv: tuple[str, ...] = (), stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(textwrap.dedent(code))
    command = [sys.executable, "-m", "lockgate_sandbox", "run", *options]
    return subprocess.run(
        [*command, str(script), *argv],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
    )


def test_streams_pass_through_and_the_status_is_the_files_own(folder: Path) -> None:
    code = """
        import sys
        print(sys.argv[1:], __name__, sys.stdin.read())
        print("err", file=sys.stderr)
        sys.exit(7)
    """
    done = _run(folder, code, argv=("a", "--b", "-c"), stdin="in")
    assert done.stdout == "['a', '--b', '-c'] __main__ in\n"
    assert done.stderr == "err\n"
    assert done.returncode == 7


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("", 0),
        ("raise SystemExit", 0),
        ("raise SystemExit('text')", 1),
        ("1 / 0", 1),
        ("syntax error", 1),
        ("import os; os._exit(9)", 9),
        ("exit(3)", 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143),
    ],
)
def test_exit_status(folder: Path, code: str, status: int) -> None:
    assert _run(folder, code).returncode == status


def test_traceback_shows_the_file_and_nothing_of_ours(folder: Path) -> None:
    done = _run(folder, "def f():\n    1 / 0\nf()\n")
    assert "ZeroDivisionError" in done.stderr
    assert done.stderr.count("File ") == 2
    assert "lockgate_sandbox" not in done.stderr


def test_output_is_flushed_and_exit_handlers_run(folder: Path) -> None:
    code = """
        import atexit, sys, threading, time
        atexit.register(lambda: print("bye"))
        threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
        sys.stdout.write("no newline ")
    """
    assert _run(folder, code).stdout == "no newline thread\nbye\n"


@pytest.mark.parametrize(
    ("option", "code", "status", "error"),
    [
        ("--wall=0.3", "import time; time.sleep(60)", 124, "wall-limit"),
        ("--cpu=1", "while True: pass", 137, "cpu-limit"),
    ],
)
def test_limits_have_exit_statuses_of_their_own(
    folder: Path, option: str, code: str, status: int, error: str
) -> None:
    done = _run(folder, code, option)
    assert done.returncode == status
    assert f"[{error}]" in done.stderr
    assert f"hint: give it more with {option.partition('=')[0]}" in done.stderr


_FILES = "import os, sys\nos.chdir(os.environ['TMPDIR'])\n"


@pytest.mark.parametrize(
    ("option", "code", "error"),
    [
        ("--memory=64M", "bytearray(512 << 20)", "memory-limit"),
        ("--files=32", "[os.dup(0) for _ in range(99)]", "descriptor-limit"),
        (
            "--file-size=1M",
            f"{_FILES}open('a', 'wb').write(bytes(2 << 20))",
            "file-size-limit",
        ),
        (
            "--disk=1M",
            f"{_FILES}[open(str(n), 'wb').write(bytes(700_000)) for n in range(3)]",
            "disk-limit",
        ),
        (
            "--inodes=9",
            f"{_FILES}[open(str(n), 'w') for n in range(99)]",
            "inode-limit",
        ),
    ],
)
def test_a_limit_that_is_met_inside_leaves_the_files_own_status(
    folder: Path, option: str, code: str, error: str
) -> None:
    done = _run(folder, f"import os\n{code}", option)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert f"[{error}]" in done.stderr
    assert f"hint: give it more with {option.partition('=')[0]}" in done.stderr


def test_a_tier_without_scratch_has_no_limits_of_it(folder: Path) -> None:
    done = _run(folder, "", "--tier=read-only", "--disk=1M")
    assert done.returncode == 125
    assert "no scratch folder" in done.stderr


def test_threads_beyond_the_limit_can_not_be_started(folder: Path) -> None:
    code = """
        import threading, time
        stop = threading.Event()
        try:
            for _ in range(100):
                threading.Thread(target=stop.wait).start()
            time.sleep(60)  # where the kernel does not count, the host looks
        finally:
            stop.set()
    """
    done = _run(folder, code, "--pids", "8")
    assert done.returncode in (1, 137)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--allow-net", "*.example.org"], "is no host name"),
        (["--tier", "basic", "--allow-net", "a.test"], "cannot carry the right"),
        (["--allow-device", "/etc/passwd"], "lies below /dev"),
        (["--secret", "value-itself"], "--secret is written NAME=VARIABLE"),
        (["--secret", "TOKEN=LOCKGATE_NOT_SET"], "is not set"),
        (["--allow-read", "/no/such/path"], "no such file or folder"),
        (["--tier", "basic", "--allow-write", "/tmp"], "cannot carry the right"),
    ],
)
def test_what_can_not_be_honoured_refuses_to_start(
    folder: Path, options: list[str], reason: str
) -> None:
    done = _run(folder, "print('ran')", *options)
    assert done.returncode == 125
    assert reason in done.stderr
    assert done.stdout == ""


def test_a_missing_file_refuses_to_start(folder: Path) -> None:
    command = [sys.executable, "-m", "lockgate_sandbox", "run", "missing.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 125
    assert "missing.py" in done.stderr


@pytest.mark.parametrize(
    "option", ["--memory=x", "--cpu=-1", "--pids=0", "--tier=system"]
)
def test_a_bad_option_is_a_usage_error(folder: Path, option: str) -> None:
    assert _run(folder, "", option).returncode == 2


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
    done = _run(folder, code, "--allow-read", "granted")
    assert done.stdout == "data\nno write\nno read\n", done.stderr
    done = _run(folder, code, "--allow-write", "granted")
    assert done.stdout == "data\nwrote\nno read\n", done.stderr
    assert (folder / "granted" / "out").read_text() == "x"


def test_relative_paths_mean_the_callers_folder(folder: Path) -> None:
    (folder / "in").write_text("data")
    done = _run(folder, "print(open('in').read())", "--allow-read", "in")
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
    done = _run(folder, "open('in')")
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
    done = _run(folder, code)

    ways = [line for line in done.stderr.splitlines() if "to allow it: " in line]
    assert done.returncode == 1
    assert way.format(folder=folder) in ways[0], done.stderr
    assert len(ways) == len(set(ways))


def test_a_write_is_allowed_by_the_option_that_was_told(folder: Path) -> None:
    (folder / "out").mkdir()
    code = "open('out/new', 'w').write('made')"
    told = _run(folder, code).stderr.partition("to allow it: ")[2].split("\n")[0]
    done = _run(folder, code, *shlex.split(told))

    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "out" / "new").read_text() == "made"


def test_less_memory_than_python_needs_is_refused_in_words(folder: Path) -> None:
    done = _run(folder, "print(1)", "--memory", "8M")
    least = _run(folder, "print(1)", "--memory", "16M")

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


def test_an_interrupt_ends_the_file_without_a_traceback_of_ours(folder: Path) -> None:
    script = folder / "script.py"
    script.write_text("import time; print('ready', flush=True); time.sleep(60)")
    # A shell's background job is started with SIGINT ignored, and so are these
    # tests if they are one; Python then does not turn it into KeyboardInterrupt.
    main = (
        "import signal, sys; from lockgate_sandbox.__main__ import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.exit(main())"
    )
    command = [sys.executable, "-c", main, "run", str(script)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=30)
    assert running.returncode == 130
    assert told == "\nlockgate-sandbox: interrupted\n"


def test_what_a_file_was_refused_and_coped_with_is_not_told(folder: Path) -> None:
    code = """
        try:
            open("in")
        except OSError:
            print("without")
    """
    (folder / "in").write_text("data")
    done = _run(folder, code)
    assert (done.stdout, done.stderr) == ("without\n", "")


def _command(
    *argv: str, stdin: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lockgate_sandbox", "run", *argv],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **environ},
    )


def test_text_is_run_as_python_runs_it() -> None:
    code = "import sys; print(sys.argv, __name__, input()); open('/etc/passwd')"
    done = _command("--wall", "20", "-c", code, "a", "--b", stdin="in\n")

    assert (done.returncode, done.stdout) == (1, "['-c', 'a', '--b'] __main__ in\n")
    assert 'File "<string>", line 1' in done.stderr
    assert "to allow it: --allow-read /etc/passwd" in done.stderr
    piped = _command("-", "a", stdin="import sys\nprint(sys.argv)\n1 / 0")
    assert (piped.returncode, piped.stdout) == (1, "['-', 'a']\n")
    assert 'File "<stdin>", line 3' in piped.stderr


def test_text_is_sealed_and_imports_nothing_of_this_folder(folder: Path) -> None:
    (folder / "beside.py").write_text("print('imported')")
    code = "import sys; sys.path.insert(0, ''); import beside"
    command = [sys.executable, "-m", "lockgate_sandbox", "run"]
    tried = subprocess.run([*command, "-c", code], cwd=folder, capture_output=True)
    granted = subprocess.run(
        [*command, "--path", ".", "-c", "import beside"],
        cwd=folder,
        capture_output=True,
    )

    assert (tried.returncode, tried.stdout) == (1, b"")
    assert b"to allow it: --path ." in tried.stderr
    assert (granted.returncode, granted.stdout) == (0, b"imported\n")


def test_a_variable_that_you_have_is_not_seen_and_named() -> None:
    code = "import os; print(os.getenv('ACME_KEY'), os.getenv('ACME_NONE')); 1 / 0"
    done = _command("-c", code, ACME_KEY="value-of-it")

    assert (done.returncode, done.stdout) == (1, "None None\n")
    assert "refused: env 'ACME_KEY'\n  to allow it: --env ACME_KEY\n" in done.stderr
    assert "ACME_NONE'" not in done.stderr.replace(code, "")
    missed = _command("-c", "import os; os.environ['ACME_KEY']", ACME_KEY="x")
    assert "to allow it: --env ACME_KEY\n" in missed.stderr
    assert "observe.py" not in missed.stderr


def test_a_variable_is_given_by_name_or_with_a_value() -> None:
    code = "import os; print(os.environ['ACME_KEY'])"

    assert _command("--env", "ACME_KEY", "-c", code, ACME_KEY="a").stdout == "a\n"
    given = _command("--env", "ACME_KEY=b=c", "-c", code, ACME_KEY="a")
    assert given.stdout == "b=c\n"
    assert (unset := _command("--env", "ACME_KEY", "-c", code)).returncode == 125
    assert "write --env ACME_KEY=VALUE" in unset.stderr
    hijack = _command("--env", "LD_PRELOAD=/tmp/x.so", "-c", code)
    assert hijack.returncode == 125
    assert "LD_PRELOAD" in hijack.stderr


def test_what_the_library_asks_the_environment_is_nobodys_wish() -> None:
    code = "import shutil, argparse; shutil.get_terminal_size(); 1 / 0"
    done = _command("-c", code, COLUMNS="80", TERM="xterm", PYTHON_COLORS="1")

    assert "refused" not in done.stderr


def test_a_folder_is_no_file_to_run(folder: Path) -> None:
    command = [sys.executable, "-m", "lockgate_sandbox", "run", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 125
    assert "is a folder, not a Python file" in done.stderr


def test_without_a_file_only_the_file_is_missed(folder: Path) -> None:
    command = [sys.executable, "-m", "lockgate_sandbox", "run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "lockgate-sandbox run: the following arguments are required: FILE.py\n"
        "  hint: see lockgate-sandbox run --help\n"
    )


def test_report_has_posture_usage_and_denials(folder: Path) -> None:
    (folder / "other").write_text("secret")
    code = f"""
        import os, socket, subprocess
        for attempt in (
            lambda: open({str(folder / "other")!r}),
            lambda: open({str(folder / "new")!r}, "w"),
            lambda: socket.create_connection(("192.0.2.1", 80)),
            lambda: subprocess.run(["/bin/true"]),
            lambda: os.fork(),
        ):
            try:
                attempt()
            except OSError:
                pass
    """
    done = _run(folder, code, "--report", "report.json")
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "report.json").read_text())
    assert (report["status"], report["error"]) == (0, None)
    assert report["usage"]["peak_memory_bytes"] > 0
    assert report["policy"]["tier"] == "read-only"
    assert "landlock" in {layer["name"] for layer in report["posture"]["layers"]}
    rights = {(item["right"], item["what"]) for item in report["denials"]}
    assert ("read", str(folder / "other")) in rights
    assert ("write", str(folder / "new")) in rights
    assert {"net", "program", "process"} <= {right for right, _ in rights}
    grants = {item["grant"] for item in report["denials"]}
    assert f"--allow-read {folder / 'other'}" in grants


def test_report_tells_of_a_refusal_and_of_a_limit(folder: Path) -> None:
    assert _run(folder, "", "--allow-net=a..b", "--report=r.json").returncode == 125
    report = json.loads((folder / "r.json").read_text())
    assert report["error"]["code"] == "policy-invalid"
    assert report["posture"] is None
    code = "import time; time.sleep(60)"
    assert _run(folder, code, "--wall=0.3", "--report=r.json").returncode == 124
    report = json.loads((folder / "r.json").read_text())
    assert report["error"]["code"] == "wall-limit"


def test_a_script_that_plays_with_the_channel_harms_nobody(folder: Path) -> None:
    code = """
        import os, socket, stat
        for fd in range(3, 64):
            try:
                if stat.S_ISSOCK(os.fstat(fd).st_mode):
                    socket.socket(fileno=fd).send(b"garbage" * 1000)
            except OSError:
                pass
        print("done")
    """
    done = _run(folder, code)
    assert (done.stdout, done.returncode) == ("done\n", 0)


def test_installed_command_is_the_module(folder: Path) -> None:
    script = folder / "s.py"
    script.write_text("print(5)")
    program = Path(sys.executable).parent / "lockgate-sandbox"
    if not program.exists():
        pytest.skip("the distribution is on the path, not installed")
    command = [str(program), "run", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "5\n"
