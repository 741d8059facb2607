"""Rules about the tools: MicroPython's compiler, and tools that are missing."""

from __future__ import annotations

from lockgate_lint.rules._rule import Rule

__all__ = ["TOOL_RULES"]

TOOL_RULES = (
    Rule(
        "mpy-syntax",
        "mpy-cross",
        "error",
        "MicroPython's compiler refuses the file",
        "write it with the syntax that MicroPython knows (about Python 3.4, "
        "with f-strings and `:=`)",
    ),
    Rule(
        "tool-unavailable",
        "lint",
        "error",
        "A tool that the tree needs is not granted or not installed",
        "grant the program, or install the plugin's dependencies",
    ),
    Rule(
        "tool-failed",
        "lint",
        "error",
        "A tool broke down, so its files are unchecked",
        "lint fewer files at a time; the message carries the tool's own words",
    ),
    Rule(
        "file-unreadable",
        "lint",
        "warning",
        "A source file is not UTF-8 text, or over 2 MiB, and was not checked",
        "save it as UTF-8, or split it",
    ),
)
