"""What a cell's workers run: whatever attack they are handed.

Copied beside the cell's package and imported by a real worker (`layers_worker`).
`attempt` is the one way to run an attack, in a sealed child and in a worker.
"""

# It runs inside the seal, where pathlib is not loaded.
# ruff: noqa: PTH118, PTH120

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
import types
from typing import Any


def build(_session: object, **known: Any) -> Any:
    """The handler: runs the code that it is called with, among what is `known`."""
    calls = _calls()
    known |= {"syscall": calls.syscall, "raw_syscall": calls.raw_syscall}
    # Where it has no folder of its own it tries everybody's.
    known["scratch"] = os.environ.get("TMPDIR", "/tmp")

    def handler(method: str, _arguments: dict[str, Any]) -> Any:
        told = attempt(compile(method, "<attack>", "exec"), dict(known))
        os.chdir("/")
        return json.loads(json.dumps(told, default=repr))

    return handler


def _calls() -> Any:
    """Our module of system calls, by its place: a worker can import nothing of us."""
    package = types.ModuleType("lockgate_sandbox")
    package.__path__ = [os.path.join(os.path.dirname(__file__), package.__name__)]
    sys.modules[package.__name__] = package
    from lockgate_sandbox.linux import _libc

    return _libc


def attempt(code: types.CodeType, space: dict[str, Any]) -> dict[str, Any]:
    """Run one code and say how it went."""
    try:
        exec(code, space)
    except OSError as error:
        return {"errno": errno.errorcode.get(error.errno or 0, str(error.errno))}
    except MemoryError:
        return {"error": "MemoryError"}
    except BaseException as error:
        return {"error": type(error).__name__, "trace": traceback.format_exc()}
    return {"result": space.get("result")}
