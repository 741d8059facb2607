"""``lockgate-sandbox run``: streams, exit statuses, grants and the report."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.cli.running import run

pytestmark = pytest.mark.kernel


def test_streams_pass_through_and_the_status_is_the_files_own(folder: Path) -> None:
    code = """
        import sys
        print(sys.argv[1:], __name__, sys.stdin.read())
        print("err", file=sys.stderr)
        sys.exit(7)
    """
    done = run(folder, code, argv=("a", "--b", "-c"), stdin="in")
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
    assert run(folder, code).returncode == status


def test_traceback_shows_the_file_and_nothing_of_ours(folder: Path) -> None:
    done = run(folder, "def f():\n    1 / 0\nf()\n")
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
    assert run(folder, code).stdout == "no newline thread\nbye\n"


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
    done = run(folder, code, option)
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
    done = run(folder, f"import os\n{code}", option)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert f"[{error}]" in done.stderr
    assert f"hint: give it more with {option.partition('=')[0]}" in done.stderr


def test_a_tier_without_scratch_has_no_limits_of_it(folder: Path) -> None:
    done = run(folder, "", "--tier=read-only", "--disk=1M")
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
    done = run(folder, code, "--pids", "8")
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
    done = run(folder, "print('ran')", *options)
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
    assert run(folder, "", option).returncode == 2


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
    done = run(folder, code)
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
