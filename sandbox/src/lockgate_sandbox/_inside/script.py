"""Running one Python file as ``__main__``, the way the interpreter would."""

# pathlib would cost the zygote more than all of this module.
# ruff: noqa: PTH123

from __future__ import annotations

import os
import sys
import types

from lockgate_sandbox._inside.reserve import spend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

__all__ = ["run"]

_NAMES = {"-c": "<string>", "-": "<stdin>"}
"""What the interpreter calls text by which it was started."""


def run(
    script: str,
    argv: list[str],
    path: list[str],
    failed: Callable[[BaseException], None],
    restricted: list[str] | None = None,
    source: bytes | None = None,
) -> NoReturn:
    """Run the file at `script` and end the process with its exit status.

    `restricted` is None, or says where the restricted profile's two parts lie.
    `failed` is told of the exception that ended it, if one did. Where there is a
    `source`, that is run, and `script` is only its name.
    """
    main = types.ModuleType("__main__")
    if source is None:
        main.__file__ = script
    sys.modules["__main__"] = main
    sys.argv = [script, *argv]
    sys.path[:] = path
    # Buffered like a fresh interpreter's: by lines on a terminal only.
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.reconfigure(line_buffering=number == 2 or os.isatty(number))  # type: ignore[union-attr]
    status = _status_of(script, main.__dict__, failed, restricted, source)
    status = _finish(status)
    os._exit(status)


def _status_of(
    script: str,
    namespace: dict[str, object],
    failed: Callable[[BaseException], None],
    restricted: list[str] | None,
    source: bytes | None,
) -> int:
    try:
        if source is None:
            with open(script, "rb") as file:
                source = file.read()
    except OSError as error:
        print(f"can't open file {script!r}: {error.strerror}", file=sys.stderr)
        return 2
    try:
        if restricted:
            _restrictedly(source, script, *restricted)
        else:
            name = _NAMES.get(script, script)
            code = compile(source, name, "exec", dont_inherit=True)
            exec(code, namespace)  # noqa: S102 - the purpose
    except SystemExit as request:
        return _requested(request.code)
    except BaseException as error:
        spend(error)
        failed(error)
        _show(error)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _restrictedly(source: bytes, script: str, guest: str, folder: str) -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("lockgate_restricted", guest)
    if spec is None or spec.loader is None:
        raise ImportError(f"no module in {guest}")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.namespace(source, script, folder)


def _requested(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def _show(error: BaseException) -> None:
    below = error.__traceback__
    # The first frames are ours: the program's own traceback begins below them.
    while below is not None and below.tb_frame.f_code.co_filename == __file__:
        below = below.tb_next
    try:
        sys.excepthook(type(error), error.with_traceback(below), below)
    except BaseException as other:
        sys.__excepthook__(type(other), other, other.__traceback__)


def _finish(status: int) -> int:
    # What the interpreter does at its end, but for tearing down its modules.
    try:
        threading = sys.modules.get("threading")
        if threading is not None:
            threading._shutdown()  # noqa: SLF001
        import atexit

        atexit._run_exitfuncs()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    except BaseException as error:
        _show(error)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            status = status or 120  # as the interpreter: output was lost
    return status
