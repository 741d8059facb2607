"""The errors of this plugin.

::

    FormatError
    └── ToolFailedError     a program broke down, as opposed to refusing a file
"""

from __future__ import annotations

__all__ = ["FormatError", "ToolFailedError"]


class FormatError(Exception):
    """Root of the errors; carries a stable `code` and a `hint`."""

    code = "format-failed"
    hint = ""


class ToolFailedError(FormatError):
    """A program ended in a way that says nothing about the files."""

    code = "tool-failed"

    def __init__(self, tool: str, status: int, output: str) -> None:
        super().__init__(tool, status, output)
        self.tool = tool
        self.status = status
        self.output = output[-2000:]
        self.hint = f"call it with fewer files, or report it to the makers of {tool}"

    def __str__(self) -> str:
        return f"{self.tool} ended with status {self.status}: {self.output.strip()}"
