"""Programs, processes and threads."""

from __future__ import annotations

import pytest

from lockgate_sandbox.source import scan_source
from tests.support.source import only, rules_in

SHELLS = [
    "import os\nos.system('id')",
    "import os as o\no.popen('id')",
    "from os import system as s\ns('id')",
    "import posix\nposix.system('id')",
    "o = __import__('os')\no.system('id')",
    "getattr(__import__('os'), 'sys' + 'tem')('id')",
    "import sys\nsys.modules['os'].system('id')",
    "import sys\nsys.modules.get('os').system('id')",
    "import os\nos.__dict__['system']('id')",
    "import os\nvars(os)['sys' 'tem']('id')",
    "import os.path as p\np.os.system('id')",
    "import random\nrandom._os.system('id')",
    "self.os.system('id')",
    "from os import *\nsystem('id')",
    "import subprocess\nsubprocess.run('id', shell=True)",
    "import subprocess\nsubprocess.Popen('id', shell=flag)",
    "from subprocess import getoutput\ngetoutput('id')",
    "import os\nlist(map(os.system, ['id']))",
    "import os\ns = os\nt = s\nt.system('id')",
    "import os\ndef f(o=os):\n    o.system('id')",
]


@pytest.mark.parametrize("source", SHELLS)
def test_a_shell_is_found(source: str) -> None:
    assert "shell" in rules_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "import platform\nplatform.system()",
        "import os\nos.path.join('a', 'b')",
        "def system(text): ...\nsystem('id')",
        "import subprocess\nsubprocess.run(['id'], shell=False)",
        "machine.system('x')",
    ],
)
def test_what_is_no_shell_is_not(source: str) -> None:
    assert "shell" not in rules_in(source)


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("import subprocess\nsubprocess.run(['git', 'log'])", "program"),
        ("import os\nos.execv('/bin/sh', [])", "program"),
        ("import os\nos.posix_spawn('/bin/sh', [], {})", "program"),
        ("from os import spawnlp", "program"),
        ("import asyncio\nasyncio.create_subprocess_exec('git')", "program"),
        ("import os\nos.fork()", "process"),
        ("import multiprocessing", "process"),
        ("from concurrent.futures import ProcessPoolExecutor", "process"),
        ("import os\nos.kill(1, 9)", "signal"),
        ("import os, signal\nos.killpg(0, signal.SIGKILL)", "signal"),
        ("import threading", "thread"),
        ("from concurrent.futures import ThreadPoolExecutor", "thread"),
    ],
)
def test_programs_processes_and_threads_are_found(source: str, rule: str) -> None:
    assert rule in rules_in(source)


@pytest.mark.parametrize(
    "call",
    [
        "subprocess.run(['git', 'log'])",
        "command = ['git', 'log']\nsubprocess.run(command)",
        "subprocess.check_output(args=('git',))",
        "p = subprocess.Popen('git log')",
    ],
)
def test_the_program_is_named_where_a_literal_says_it(call: str) -> None:
    found = scan_source(f"import subprocess\n{call}")

    assert [f.subject for f in found if f.rule == "program"] == ["", "git"]


def test_a_plain_reading_of_the_clock_needs_nothing() -> None:
    assert rules_in("import os, time\nos.getpid()\ntime.sleep(1)") == set()
    assert only("import threading", "thread").level == "note"
