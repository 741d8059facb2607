"""The generated tables agree with the kernel, the C library and the generator."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lockgate_sandbox.linux import _syscalls
from lockgate_sandbox.linux._libc import NUMBERS, raw_syscall, syscall

TOOL = Path(__file__).parents[3] / "sandbox" / "tools" / "generate_syscalls.py"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_syscalls", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_numbers_that_everybody_knows() -> None:
    assert _syscalls.X86_64["execve"] == 59
    assert _syscalls.AARCH64["execve"] == 221
    assert "fork" not in _syscalls.AARCH64
    for table in (_syscalls.X86_64, _syscalls.AARCH64):
        assert table["seccomp"] in (277, 317)
        assert (table["clone3"], table["landlock_restrict_self"]) == (435, 446)


def test_numbers_from_424_on_are_the_same_everywhere() -> None:
    new = [
        {name: number for name, number in table.items() if number >= 424}
        for table in (_syscalls.X86_64, _syscalls.AARCH64)
    ]

    assert new[0] == new[1]


def test_no_number_has_two_names() -> None:
    for table in (_syscalls.X86_64, _syscalls.AARCH64):
        assert len(set(table.values())) == len(table)
        assert max(table.values()) <= _syscalls.NEWEST


def test_the_running_kernel_agrees() -> None:
    assert syscall("getpid") == os.getpid()
    assert syscall("getppid") == os.getppid()
    assert raw_syscall(NUMBERS["geteuid"]) == os.geteuid()


def test_a_refusal_names_the_call() -> None:
    with pytest.raises(OSError, match="close: Bad file descriptor"):
        syscall("close", -1)
    with pytest.raises(OSError, match="no system call warp"):
        syscall("warp")


def test_the_generator_resolves_aliases_and_drops_counts() -> None:
    table = generator().read_table(
        "#define __NR_mmap __NR3264_mmap\n"
        "#define __NR3264_mmap 222\n"
        "#define __NR_read 63\n"
        "#define __NR_syscalls 451\n"
        "#define __NR_lost __NR_nowhere\n"
    )

    assert table == {"read": 63, "mmap": 222}


@pytest.mark.skipif(
    os.uname().machine != "x86_64"
    or shutil.which("cc") is None
    or not Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").exists(),
    reason="needs a C preprocessor and the kernel's headers for x86-64",
)
def test_the_tables_are_what_the_generator_writes() -> None:
    """A newer header may know more calls; those that we have it has as well."""
    made = subprocess.run(
        [sys.executable, str(TOOL)], capture_output=True, text=True, check=True
    ).stdout
    fresh: dict[str, dict[str, int]] = {}
    exec(made.replace("from __future__ import annotations", ""), fresh)

    assert _syscalls.X86_64.items() <= fresh["X86_64"].items()
    assert _syscalls.AARCH64.items() <= fresh["AARCH64"].items()
