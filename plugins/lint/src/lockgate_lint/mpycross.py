"""MicroPython's own compiler: does the file compile, and to what?

mpy-cross takes one file per start and reports the first error only::

    Traceback (most recent call last):
      File "main.py", line 3
    SyntaxError: invalid syntax
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from lockgate.values import File, Finding, Tree
from lockgate_lint.tools import Programs, finding

__all__ = ["compile_micropython"]

_TOOL_SECONDS = 30.0
_ANY_MARCH = "armv6m"
"""Native code is checked for some processor where the contract names none."""
_LINE = re.compile(r"line (\d{1,9})")
_NATIVE = re.compile(rb"^\s*@micropython\.(?:native|viper|asm_\w+)", re.M)


def compile_micropython(
    file: File, march: str, programs: Programs
) -> tuple[File | None, Finding | None]:
    """The bytecode of `file` (beside it, ``.mpy``), or the reason for none.

    Both are None for native code that compiles while `march` is empty.

    `march` names the processor for code that asks for native instructions;
    bytecode runs on all of them.

    Raises:
        PermissionError: If mpy-cross is not granted.
        FileNotFoundError: If mpy-cross is not installed.
        TimeoutError: If mpy-cross took too long.
    """
    name = PurePosixPath(file.path).name
    native = _NATIVE.search(file.content)
    run = programs.run_program(
        "mpy-cross",
        [
            *([f"-march={march or _ANY_MARCH}"] if native else []),
            # The name that a traceback on the device will show.
            *("-s", name, "-o", "out.mpy", "in.py"),
        ],
        tree=Tree((File("in.py", file.content),)),
        collect=("out.mpy",),
        timeout=_TOOL_SECONDS,
    )
    if run.status == 0 and "out.mpy" in run.tree:
        if native and not march:
            return None, None  # it compiles, but for a processor of our choice
        path = str(PurePosixPath(file.path).with_suffix(".mpy"))
        return File(path, run.tree["out.mpy"].content), None
    words = run.stderr.decode("utf-8", "replace").strip()
    message = words.splitlines()[-1] if words else f"status {run.status}"
    lines = _LINE.findall(words)
    if not lines:
        message = f"mpy-cross: {message}"
        return None, finding("tool-failed", file.path, message, tool="mpy-cross")
    return None, finding("mpy-syntax", file.path, message, (int(lines[-1]), 1))
