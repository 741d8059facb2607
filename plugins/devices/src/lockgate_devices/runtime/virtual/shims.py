"""The other modules of MicroPython, its built-ins, and what `import` finds.

Firmware sees the names that a board has and no others, so that what runs here
has a chance there. This is fidelity and no protection: what keeps firmware in
is the seal of the worker.
"""

from __future__ import annotations

import builtins
import importlib
import io
import random
import traceback
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from lockgate_devices.runtime.virtual.clock import make_time
from lockgate_devices.runtime.virtual.machine import make_machine
from lockgate_devices.runtime.virtual.rig import Costs, Rig

__all__ = ["VERSION", "make_builtins", "make_modules"]

VERSION = (1, 27, 0)
_HEAP_BYTES = 100_000
"""What `gc.mem_free` says: the size of an ESP32's heap, never less."""

_PLAIN = (
    *("array", "binascii", "cmath", "collections", "errno", "hashlib"),
    *("heapq", "io", "json", "math", "re", "struct", "zlib"),
)
"""Modules that a board has under the same name, or with a ``u`` before it."""

_BUILTINS = (
    *("abs", "all", "any", "bin", "bool", "bytearray", "bytes", "callable", "chr"),
    *("classmethod", "complex", "delattr", "dict", "dir", "divmod", "enumerate"),
    *("eval", "exec", "filter", "float", "frozenset", "getattr", "globals"),
    *("hasattr", "hash", "hex", "id", "int", "isinstance", "issubclass", "iter"),
    *("len", "list", "locals", "map", "max", "memoryview", "min", "next", "object"),
    *("oct", "ord", "pow", "property", "range", "repr", "reversed", "round", "set"),
    *("setattr", "slice", "sorted", "staticmethod", "str", "sum", "super", "tuple"),
    *("type", "zip", "__build_class__", "ArithmeticError", "AssertionError"),
    *("AttributeError", "BaseException", "EOFError", "Exception", "GeneratorExit"),
    *("ImportError", "IndentationError", "IndexError", "KeyError"),
    *("KeyboardInterrupt", "LookupError", "MemoryError", "NameError"),
    *("NotImplementedError", "OSError", "OverflowError", "RuntimeError"),
    *("StopAsyncIteration", "StopIteration", "SyntaxError", "SystemExit"),
    *("TypeError", "UnicodeError", "ValueError", "ZeroDivisionError", "Ellipsis"),
    *("NotImplemented", "None", "True", "False"),
)


def _nothing(*_arguments: object) -> None:
    """What can be called on a board and has nothing to do here."""


def _zero(*_arguments: object) -> int:
    return 0


def _no_input(*_prompt: object) -> str:
    return ""


def _make_micropython(rig: Rig) -> ModuleType:
    def same(function: Any) -> Any:
        return function

    def schedule(function: Callable[[Any], object], argument: object) -> None:
        rig.core.tick(Costs.CALL)
        call = rig.guarded("a scheduled callback", lambda: function(argument))
        if not rig.core.interrupt(call):
            msg = "schedule queue full"
            raise RuntimeError(msg)

    module: Any = ModuleType("micropython")
    module.const = module.native = module.viper = same
    module.schedule = schedule
    module.opt_level = module.stack_use = _zero
    module.alloc_emergency_exception_buf = module.kbd_intr = module.mem_info = _nothing
    return module  # type: ignore[no-any-return]


class _Stdin:
    """The REPL's input: the same wire as UART 0."""

    def __init__(self, rig: Rig, *, text: bool) -> None:
        self._rig = rig
        self._text = text
        if text:
            self.buffer = _Stdin(rig, text=False)

    def ready(self) -> bool:
        return bool(self._rig.wire.received)

    def read(self, size: int = 1) -> str | bytes:
        buffer = self._rig.wire.received
        while len(buffer) < size:
            self._rig.core.tick(100)
        data = bytes(buffer[:size])
        del buffer[:size]
        return data.decode("latin-1") if self._text else data

    def readline(self) -> str | bytes:
        data: Any = self.read(1)
        while data[-1:] not in ("\n", b"\n"):
            data += self.read(1)
        line: str | bytes = data
        return line


class _Stdout:
    """The REPL's output: the same wire as UART 0."""

    def __init__(self, rig: Rig, *, text: bool) -> None:
        self._rig = rig
        if text:
            self.buffer = _Stdout(rig, text=False)

    def write(self, data: str | bytes) -> int:
        self._rig.core.tick(Costs.UART)
        raw = data.encode() if isinstance(data, str) else bytes(data)
        self._rig.wire.write(raw)
        return len(data)

    def flush(self) -> None:
        self._rig.core.tick(Costs.CALL)


def _make_sys(rig: Rig) -> ModuleType:
    def leave(code: object = 0) -> None:
        raise SystemExit(code)

    def print_exception(error: BaseException, file: Any = None) -> None:
        text = "".join(traceback.format_exception(error))
        (file or module.stdout).write(text)

    module: Any = ModuleType("sys")
    module.implementation = type(
        "implementation",
        (),
        {"name": "micropython", "version": VERSION, "_machine": rig.machine_name},
    )
    module.platform = rig.platform
    module.version = "3.4.0; MicroPython v" + ".".join(map(str, VERSION))
    module.version_info = (3, 4, 0)
    module.byteorder = "little"
    module.maxsize = (1 << 31) - 1
    module.path, module.argv = ["", "/lib"], []
    module.modules = {}
    module.stdin = _Stdin(rig, text=True)
    module.stdout = module.stderr = _Stdout(rig, text=True)
    module.exit = leave
    module.print_exception = print_exception
    return module  # type: ignore[no-any-return]


def _make_gc() -> ModuleType:
    module: Any = ModuleType("gc")
    module.collect = module.mem_alloc = module.threshold = _zero
    module.enable = module.disable = _nothing
    module.isenabled = lambda: True
    module.mem_free = lambda: _HEAP_BYTES
    return module  # type: ignore[no-any-return]


def _make_random() -> ModuleType:
    # Always the same sequence: a run must be repeatable.
    source = random.Random(1)  # noqa: S311 - nothing depends on its secrecy
    module: Any = ModuleType("random")
    for name in ("choice", "getrandbits", "randint", "random", "randrange", "seed"):
        setattr(module, name, getattr(source, name))
    module.uniform = source.uniform
    return module  # type: ignore[no-any-return]


def _make_select(rig: Rig) -> ModuleType:
    pollin, pollout = 1, 4

    def state(source: Any, mask: int) -> int:
        ready = source.ready() if hasattr(source, "ready") else source.any()
        return mask & (pollout | (pollin if ready else 0))

    class Poll:
        """`select.poll` over UARTs and the REPL."""

        def __init__(self) -> None:
            self._sources: dict[int, tuple[Any, int]] = {}

        def register(self, source: Any, mask: int = pollin | pollout) -> None:
            self._sources[id(source)] = (source, mask)

        modify = register

        def unregister(self, source: Any) -> None:
            self._sources.pop(id(source), None)

        def poll(self, timeout: int = -1) -> list[tuple[Any, int]]:
            end = rig.core.now_us + timeout * 1_000
            while True:
                rig.core.tick(Costs.CALL)
                found = [(s, state(s, m)) for s, m in self._sources.values()]
                found = [(source, bits) for source, bits in found if bits]
                if found or (timeout >= 0 and rig.core.now_us >= end):
                    return found
                rig.core.tick(100)

        ipoll = poll

    module: Any = ModuleType("select")
    module.poll, module.POLLIN, module.POLLOUT = Poll, pollin, pollout
    module.POLLERR, module.POLLHUP = 8, 16
    return module  # type: ignore[no-any-return]


def make_modules(rig: Rig) -> dict[str, ModuleType]:
    """Every module that the firmware can import, by name."""
    modules = {
        "machine": make_machine(rig),
        "micropython": _make_micropython(rig),
        "time": make_time(rig),
        "sys": _make_sys(rig),
        "select": _make_select(rig),
    }
    modules.update({name: importlib.import_module(name) for name in _PLAIN})
    modules["gc"] = _make_gc()
    modules["random"] = _make_random()
    aliases = (*_PLAIN, "time", "sys", "select")
    modules.update({f"u{name}": modules[name] for name in aliases})
    return modules


def make_builtins(rig: Rig, modules: Mapping[str, ModuleType]) -> dict[str, Any]:
    """The built-in names of MicroPython; `print` goes to the REPL's wire."""

    def find(
        name: str, _globals: object = None, _locals: object = None, *_more: object
    ) -> ModuleType:
        rig.core.tick(Costs.CALL)
        if name not in modules:
            msg = f"no module named '{name}'"
            raise ImportError(msg)
        return modules[name]

    def show(
        *values: object, sep: str = " ", end: str = "\n", file: Any = None
    ) -> None:
        text = io.StringIO()
        print(*values, sep=sep, end=end, file=text)
        (file or modules["sys"].stdout).write(text.getvalue())

    def no_files(path: object, *_more: object) -> object:
        raise OSError(2, f"ENOENT: {path}")

    names = {name: getattr(builtins, name) for name in _BUILTINS}
    names.update(__import__=find, print=show, open=no_files, input=_no_input)
    names["__name__"] = "__main__"
    return names
