"""Code outside the interpreter: foreign functions, memory, extension modules."""

from __future__ import annotations

from lockgate_sandbox.source._site import Family
from lockgate_sandbox.source.findings import Level, Right, Rule

__all__ = ["FAMILY", "LIBRARY"]

NATIVE = Rule(
    "native-call",
    Level.WARNING,
    "Calls functions of native libraries, which no look at Python source sees.",
    Right.NATIVE,
)
MEMORY = Rule(
    "raw-memory",
    Level.ERROR,
    "Reads or writes memory by address, or calls the interpreter's own functions.",
    Right.NATIVE,
)
LIBRARY = Rule(
    "native-library",
    Level.NOTE,
    "A compiled library: what it does can't be read.",
    Right.NATIVE,
)

_MEMORY = (
    "ctypes.pythonapi", "ctypes.py_object", "ctypes.memmove", "ctypes.memset",
    "ctypes.string_at", "ctypes.wstring_at", "ctypes.cast", "ctypes.PyDLL",
    "ctypes.CFUNCTYPE", "ctypes.PYFUNCTYPE",
)  # fmt: skip

FAMILY = Family(
    rules=(NATIVE, MEMORY, LIBRARY),
    modules={
        "ctypes": NATIVE,
        "_ctypes": NATIVE,
        "cffi": NATIVE,
        "_cffi_backend": NATIVE,
        "pyximport": NATIVE,
        "mmap": NATIVE,
        "llvmlite": NATIVE,
        "numba": NATIVE,
        "_testcapi": MEMORY,
        "_testinternalcapi": MEMORY,
        "_xxsubinterpreters": NATIVE,
        "_interpreters": NATIVE,
        "fcntl": NATIVE,
        "readline": NATIVE,
    },
    names={
        **dict.fromkeys(_MEMORY, MEMORY),
        "sys.setdlopenflags": NATIVE,
        "numpy.ctypeslib": NATIVE,
        "numpy.f2py": NATIVE,
        "sqlite3.enable_load_extension": NATIVE,
    },
    attributes={
        "enable_load_extension": NATIVE,
        "load_extension": NATIVE,
        "from_address": MEMORY,
        "dlopen": NATIVE,
    },
)
