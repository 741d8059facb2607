"""The one place that prints: tables, JSON, colour and errors.

Words that come from plugins (names, summaries, reasons, messages) may hold
anything, escape sequences of a terminal too: every text passes `clean` first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TextIO

from lockgate.errors import HookError, InputRefusedError, InternalError, LockgateError
from lockgate.quantities import counted
from lockgate_sandbox import terminal
from lockgate_sandbox.terminal import Color, clean

__all__ = [
    "Color",
    "clean",
    "colored",
    "indented",
    "log_printer",
    "one_line",
    "prefer_color",
    "print_error",
    "print_json",
    "print_lines",
    "print_table",
    "print_warning",
]

_PRINTED_LINES = 40

_NARROWEST_COLUMNS = 60
"""A table is not squeezed below this; a pipe is as wide as it needs."""

_READABLE_COLUMNS = 40
"""A last column that has less than this, and needs more, stands below its row."""


def _write(stream: TextIO, text: str) -> None:
    """Write `text`; a terminal that cannot show a character gets an escape."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def colored(text: str, color: Color, stream: TextIO | None = None) -> str:
    """`text` in `color` if `stream` (standard output) is a terminal that wants it."""
    target = sys.stdout if stream is None else stream
    return terminal.colored(text, color, target, wish=_wish[0])


_wish: list[str] = [""]


def prefer_color(wish: Literal["auto", "always", "never"]) -> None:
    """Colour as the settings say, from now on."""
    _wish[0] = wish


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of text to standard output; control characters are shown."""
    for line in lines:
        _write(sys.stdout, f"{line}\n")


def one_line(text: object) -> str:
    """`clean`, and on one line: a stranger's words can't look like a line of ours."""
    return clean(text).replace("\n", "\\n")


class Line(Protocol):
    """A line of a plugin's log, `lockgate.host.LogLine`."""

    @property
    def plugin(self) -> str: ...
    @property
    def level(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def fields(self) -> Mapping[str, Any]: ...


_LEVELS = ("debug", "info", "warning", "error")


def log_printer(least: str) -> Callable[[Line], None]:
    """What prints to standard error each log line of at least the level `least`."""

    def log(line: Line) -> None:
        # A level that a plugin made up is worth a look.
        level = line.level if line.level in _LEVELS else "error"
        if _LEVELS.index(level) < _LEVELS.index(least):
            return
        fields = "".join(f" {key}={value!r}" for key, value in line.fields.items())
        said = f"{line.plugin}: {line.level}: {line.message}{fields}"
        _write(sys.stderr, clean(said).replace("\n", "\\n") + "\n")

    return log


def print_json(value: Any) -> None:
    """Print `value` as JSON; bytes become Base64 text."""
    from lockgate._text.json_text import json_text

    sys.stdout.write(f"{json_text(value, indent=2, default=_as_json)}\n")


def _as_json(value: object) -> object:
    if isinstance(value, bytes):
        from base64 import b64encode

        return b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, Sequence):
        return list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    raise TypeError(type(value).__name__)


def print_table(
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    colors: Mapping[str, Color] | None = None,
) -> None:
    """Print a table; nothing of it is lost on a terminal.

    A last column that has no room goes on in the next lines, or stands below its row
    where there is hardly any room. `colors` gives a cell's colour by its whole text.
    """
    cells = [[clean(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [
        max(len(header), *(len(row[i]) for row in cells), 0)
        for i, header in enumerate(headers)
    ]
    start = sum(widths[:-1]) + 2 * (len(widths) - 1)
    left = _columns() - start
    rest: list[list[str]] = [[]] * len(cells)
    if left < min(widths[-1], _READABLE_COLUMNS):
        rest = [_wrapped(row.pop(), " " * 4, _columns() - 4) for row in cells]
        headers, widths = headers[:-1], widths[:-1]
    elif left < widths[-1]:
        rest = [_wrapped(row[-1], " " * start, left) for row in cells]
        for row, more in zip(cells, rest, strict=True):
            row[-1] = more.pop(0).strip() if more else ""
    heading = "  ".join(
        h.upper().ljust(w) for h, w in zip(headers, widths, strict=True)
    )
    lines = [colored(heading.rstrip(), "dim")]
    for row, more in zip(cells, rest, strict=True):
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        painted = [
            colored(text, colors[cell]) if colors and cell in colors else text
            for cell, text in zip(row, padded, strict=True)
        ]
        lines += ["  ".join(painted).rstrip(), *more]
    print_lines(lines)


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    """`text` in lines of `width`, each behind `indent`."""
    from textwrap import wrap  # only a terminal needs it

    return [indent + line for line in wrap(text, width)]


def _columns() -> int:
    if not sys.stdout.isatty():
        return 1 << 16
    return max(os.get_terminal_size(sys.stdout.fileno()).columns, _NARROWEST_COLUMNS)


def print_error(error: Exception, *, as_json: bool = False) -> int:
    """Print an error where it belongs and return the exit status it means.

    With `as_json` the error is the one thing on standard output; else it goes to
    standard error, as message, place and way out.
    """
    known = error if isinstance(error, LockgateError) else _unexpected(error)
    if as_json:
        print_json({"error": known.to_dict()})
    else:
        _write(sys.stderr, "\n".join(_lines(known)) + "\n")
    return known.exit_status


def print_warning(error: LockgateError) -> None:
    """Tell of what is wrong without ending for it: to standard error."""
    label = colored(f"warning[{error.code}]", "yellow", sys.stderr)
    said, hint = indented(str(error)), indented(error.hint)
    _write(sys.stderr, f"{label}: {said}\n  hint: {hint}\n")


def _unexpected(error: Exception) -> LockgateError:
    """What nobody foresaw is a bug, unless it speaks for itself."""
    if isinstance(error, BaseExceptionGroup):
        first: object = error.exceptions[0]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if isinstance(first, LockgateError):
            return first
    code, hint = getattr(error, "code", ""), getattr(error, "hint", "")
    if isinstance(code, str) and code and isinstance(hint, str):
        told = LockgateError(str(error), hint=hint)  # the sandbox's own errors
        told.code = code
        return told
    return InternalError(f"{type(error).__name__}: {error}", where="a bug in lockgate")


def _lines(error: LockgateError) -> Iterable[str]:
    label = colored(f"error[{error.code}]", "red", sys.stderr)
    yield f"{label}: {indented(error.message)}"
    if error.where:
        yield f"  where: {one_line(error.where)}"
    if isinstance(error, HookError) and error.fields.get("line"):
        file, line = str(error.fields.get("file")), error.fields["line"]
        yield f"  at: {clean(file)}:{line!r}"
    if isinstance(error, InputRefusedError):
        for reason in error.reasons:
            yield f"  - {one_line(reason.where)}: {indented(reason.message)}"
            if reason.hint:
                yield f"    {indented(reason.hint)}"
    if isinstance(error, HookError) and error.traceback:
        yield "  in the plugin:"
        yield from (f"    {line}" for line in clean(error.traceback).splitlines())
    if isinstance(error, HookError) and error.output:
        yield "  printed before:"
        yield from (f"    {line}" for line in _last(clean(error.output).splitlines()))
    if error.hint:
        yield f"  hint: {indented(error.hint)}"


def _last(lines: list[str]) -> list[str]:
    """The last of `lines`: what stood right before an error tells most."""
    left_out = len(lines) - _PRINTED_LINES
    return (
        lines
        if left_out <= 0
        else [f"({counted(left_out, 'line')} before)", *lines[left_out:]]
    )


def indented(text: object) -> str:
    """A text of several lines that can't be taken for several messages."""
    return clean(text).replace("\n", "\n    ")
