"""The worker's side of `Interpreter`: runs source text, one piece after another.

Imported in the sealed worker like anybody's target, from a folder that holds only
this; it has no more rights than what it runs, and nothing relies on it.
"""

# What is imported here is imported again by each worker: next to nothing.

from __future__ import annotations

import _ast
import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["build"]

_ONLY_AST = 0x400  # ast.PyCF_ONLY_AST, without importing ast
_AWAITS = 0x2000  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_COROUTINE = 0x80  # inspect.CO_COROUTINE
_DEPTH = 48
_FORMATS = tuple("?bBhHiIlLqQfd")
_DIMENSIONS = 16
_NODES = 200_000
_TEXT_CHARS = 8_192
_WHAT_CHARS = 1_024  # the host's, in `_watch.claims`, which is not to be had here
_RUNNERS: list[Any] = []
"""The event loop of all texts, once one of them has awaited."""


def build(
    session: Any, tools: dict[str, list[str]], brokered: bool
) -> Callable[..., Any]:
    """A handler that runs sources in one namespace, in which each tool is a function.

    `tools` gives the names of each tool's positional parameters.
    """
    space = _namespace(session, tools, brokered)
    streams = sys.stdout, sys.stderr
    sources: dict[str, str] = {}
    denied: list[list[str]] = []
    last: list[int] = []

    def tell(right: str, what: str) -> None:
        if len(what) <= _WHAT_CHARS:
            denied.append([right, what])

    forget = session.observe(tell, net=not brokered)

    def rest(arguments: dict[str, Any]) -> list[object]:
        if last != [arguments["number"]]:  # it was too large to be sent here
            return [[], {}]
        wanted = arguments["collect"]
        return [denied[:], _collected(session, wanted) if wanted else {}]

    def run(arguments: dict[str, Any]) -> list[object]:
        name, source = arguments["name"], arguments["source"]
        last[:] = [arguments["number"]]
        sources[name] = source
        forget()  # first: a thread may tell all the time
        denied.clear()
        _write(session, arguments["files"])
        space.update(arguments["inputs"])
        _set_through(streams, wanted=arguments["live"])
        try:
            shown = _shown(_run(source, name, space, session.relieve))
        except SystemExit as request:
            if request.code not in (None, 0):
                raise
            shown = [None, ""]
        except BaseException as error:
            if isinstance(error, ModuleNotFoundError) and error.name:
                tell("import", _readable(str(error.name)))
            _remember(sources)
            raise
        return [*shown, *rest(arguments)]

    def handle(method: str, arguments: dict[str, Any]) -> object:
        return run(arguments) if method == "run" else rest(arguments)

    return handle


def _namespace(
    session: Any, tools: dict[str, list[str]], brokered: bool
) -> dict[str, Any]:
    """What sources see: ``__main__``, with the tools, and a session if they have it."""
    main = sys.modules["__main__"]
    space = main.__dict__
    space["__builtins__"] = builtins
    for name, parameters in tools.items():
        space[name] = _tool(session, name, parameters)
    if brokered:
        given = type(main)("lockgate_session")
        given.__dict__["session"] = session
        sys.modules["lockgate_session"] = given
    return space


def _set_through(streams: Sequence[Any], *, wanted: bool) -> None:
    """Have what is written to `streams` out at once, or by the line as before."""
    for stream in streams:
        try:
            if wanted == ("write" in vars(stream.buffer)):
                continue
            if wanted:
                stream.buffer.write = _flushed(stream.buffer)
            else:
                del stream.buffer.write
            stream.reconfigure(write_through=wanted)
        except (AttributeError, OSError, ValueError):  # closed or taken apart
            continue


def _flushed(buffer: Any) -> Callable[[Any], int]:
    write, flush = buffer.write, buffer.flush

    def written(data: Any) -> int:
        count: int = write(data)
        flush()
        return count

    return written


def _write(session: Any, files: dict[str, bytes]) -> None:
    """Put `files` into the scratch folder."""
    for path, data in files.items():
        place = session.scratch / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def _collected(session: Any, wanted: list[str]) -> dict[str, bytes]:
    """The regular files of the scratch folder that match an expression."""
    import os
    import re

    fits = re.compile("|".join(f"(?:{one})" for one in wanted), re.DOTALL).fullmatch
    found: dict[str, bytes] = {}
    top = str(session.scratch)
    for folder, _, names in os.walk(top):
        for name in sorted(names):
            place = os.path.join(folder, name)  # noqa: PTH118
            path = os.path.relpath(place, top)
            if fits(path) and os.path.isfile(place) and not os.path.islink(place):  # noqa: PTH113, PTH114
                try:
                    path.encode()
                    with open(place, "rb") as file:  # noqa: PTH123
                        found[path] = file.read()
                except (OSError, UnicodeEncodeError):  # unreadable, or no text
                    continue
    return found


_REST = "*"
"""In the place of a parameter's name: what is given by position and has none."""


def _tool(session: Any, name: str, parameters: list[str]) -> Callable[..., Any]:
    takes_more = _REST in parameters
    parameters = [one for one in parameters if one != _REST]

    def tool(*given: object, **named: object) -> Any:
        if takes_more:
            named[_REST] = list(given[len(parameters) :])
        elif len(given) > len(parameters):
            counted = "argument" if len(parameters) == 1 else "arguments"
            msg = f"{name}() takes {len(parameters)} positional {counted}"
            raise TypeError(msg)
        for parameter, value in zip(parameters, given, strict=False):
            if parameter in named:
                msg = f"{name}() got two values for argument {parameter!r}"
                raise TypeError(msg)
            named[parameter] = value
        return session.call_host(name, named)

    tool.__name__ = tool.__qualname__ = name
    return tool


def _run(
    source: str, name: str, space: dict[str, Any], relieve: Callable[..., object]
) -> object:
    """Run `source`; gives what its last line is worth, if that is an expression."""
    tree: Any = compile(source, name, "exec", _ONLY_AST, dont_inherit=True)
    last = None
    if tree.body and isinstance(tree.body[-1], _ast.Expr):
        last = _ast.Expression(tree.body.pop().value)
    code = compile(tree, name, "exec", _AWAITS, dont_inherit=True)
    _relieved(code, space, relieve)
    if last is None:
        return None
    code = compile(last, name, "eval", _AWAITS, dont_inherit=True)
    return _relieved(code, space, relieve)


def _relieved(
    code: Any, space: dict[str, Any], relieve: Callable[..., object]
) -> object:
    """`_evaluate`; where memory is used up there is some again from here on.

    Short, and without anything else: see `_inside.reserve`.
    """
    try:
        return _evaluate(code, space)
    except MemoryError as error:
        relieve(error)
        raise


def _evaluate(code: Any, space: dict[str, Any]) -> object:
    """What `code` gives; one that awaits is run to its end, all in one event loop."""
    value = eval(code, space)  # noqa: S307
    if not code.co_flags & _COROUTINE:
        return value
    if not _RUNNERS:
        import asyncio

        _RUNNERS.append(asyncio.Runner())
    return _RUNNERS[0].run(value)


def _remember(sources: dict[str, str]) -> None:
    """Let tracebacks quote the lines of what was run."""
    import linecache

    for name, source in sources.items():
        lines = source.splitlines(keepends=True)
        linecache.cache[name] = len(source), None, lines, name


def _shown(value: object) -> list[object]:
    """[the data that it is, or None; its text]: None is nothing to show."""
    if value is None:
        return [None, ""]
    text = repr(value)
    if len(text) > _TEXT_CHARS:
        text = f"{text[:_TEXT_CHARS]}... ({len(text):,} characters)"
    text = _readable(text)
    try:
        return [_data(value, 0, [_NODES]), text]
    except (ValueError, RuntimeError):  # changed size meanwhile, by another thread
        return [None, text]


def _readable(text: str) -> str:
    """`text` as it may cross: what stands for a byte that is no text is written out."""
    return text.encode("utf-8", "backslashreplace").decode()


def _data(given: object, depth: int, left: list[int]) -> object:
    """`given` made of what may cross, tuples as lists.

    Raises:
        ValueError: If it is of another type, too deep, or too large.
    """
    left[0] -= 1
    if depth > _DEPTH or left[0] < 0:
        raise ValueError
    kind = type(given)
    value: Any = given
    if value is None or kind is bool or kind is float or kind is bytes:
        return value
    if kind is int and -(2**63) <= value < 2**64:
        return value
    if kind is str:
        value.encode()  # a lone surrogate has no UTF-8: a UnicodeError, a ValueError
        return value
    if kind is list or kind is tuple:
        return [_data(item, depth + 1, left) for item in value]
    if kind is dict:
        return {_key(k): _data(item, depth + 1, left) for k, item in value.items()}
    return _of_buffer(value)


def _of_buffer(value: Any) -> object:
    """An array as it may cross; a number of numpy's as Python's own.

    Raises:
        ValueError: If it is neither.
    """
    if type(value) is bytearray:
        return bytes(value)
    try:
        view = memoryview(value)
    except (TypeError, BufferError):
        raise ValueError from None
    if view.format not in _FORMATS or view.ndim > _DIMENSIONS:
        raise ValueError
    return view if view.ndim else view.tolist()


def _key(key: object) -> str:
    if type(key) is not str:
        raise ValueError
    key.encode()
    return key
