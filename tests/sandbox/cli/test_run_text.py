"""``lockgate-sandbox run -c``: a text and its variables."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.kernel


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

    absent = subprocess.run(
        [*command, "--path", "gone", "-c", "print('ran')"],
        cwd=folder,
        capture_output=True,
    )

    assert (absent.returncode, absent.stdout) == (125, b"")
    assert b"no such file or folder: gone" in absent.stderr
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


def test_text_is_compiled_without_our_own_future() -> None:
    code = "class A: x: int\nprint(A.__annotations__)"
    done = _command("-c", code)
    assert (done.returncode, done.stdout) == (0, "{'x': <class 'int'>}\n")


def test_no_standard_input_is_no_text() -> None:
    command = f"exec {sys.executable} -m lockgate_sandbox run - <&-"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 125
    assert done.stderr.startswith("lockgate-sandbox: standard input"), done.stderr


def test_a_variable_of_no_text_is_refused_in_words() -> None:
    done = _command("--env", "X=\udcff", "-c", "print(1)")
    assert done.returncode == 125
    assert done.stderr.startswith("lockgate-sandbox: env: the value of X is no UTF-8")
