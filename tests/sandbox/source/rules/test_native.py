"""Code outside the interpreter."""

from __future__ import annotations

import pytest

from lockgate_sandbox.source import scan_source
from tests.support.source import rules_in


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("import ctypes", "native-call"),
        ("from ctypes import CDLL as C", "native-call"),
        ("import _ctypes", "native-call"),
        ("import cffi", "native-call"),
        ("from ctypes.util import find_library", "native-call"),
        ("__import__('cty' + 'pes')", "native-call"),
        ("import mmap", "native-call"),
        ("db.enable_load_extension(True)", "native-call"),
        ("import ctypes\nctypes.pythonapi.PyRun_SimpleString(b'')", "raw-memory"),
        ("from ctypes import memmove", "raw-memory"),
        ("import ctypes as c\nc.cast(1, c.py_object)", "raw-memory"),
        ("c_int.from_address(0)", "raw-memory"),
        ("getattr(ctypes, 'mem' + 'move')\nimport ctypes", "raw-memory"),
    ],
)
def test_native_code_is_found(source: str, rule: str) -> None:
    assert rule in rules_in(source)


@pytest.mark.parametrize(
    "source",
    ["import struct, array", "typing.cast(int, x)", "import numpy", "memmove()"],
)
def test_plain_data_is_not(source: str) -> None:
    assert not rules_in(source) & {"native-call", "raw-memory"}


@pytest.mark.parametrize("name", ["_fast.so", "a/b.cpython-311-x86_64.SO", "c.pyd"])
def test_a_compiled_library_is_a_note(name: str) -> None:
    (finding,) = scan_source(b"\x7fELF\0", name)

    assert (finding.rule, finding.level, finding.right) == (
        "native-library",
        "note",
        "native",
    )
