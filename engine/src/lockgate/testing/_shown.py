"""How a failure is shown to a plugin's author: in the words of the plugin."""

from __future__ import annotations

from lockgate.errors import HookError, LockgateError

__all__ = ["in_words", "with_its_words"]


def with_its_words(error: HookError) -> HookError:
    """`error`; pytest shows with it the worker's traceback and what was printed."""
    for title, text in (("in the worker", error.traceback), ("printed", error.output)):
        if text:
            error.add_note(f"{title}:\n{text.rstrip()}")
    return error


def in_words(error: LockgateError) -> str:
    """`error` as the command line tells it: code, what is wrong, the way out."""
    hint = f"\nhint: {error.hint}" if error.hint else ""
    return f"error[{error.code}]: {error}{hint}"
