"""The option tables of ``docs/reference/sandbox-cli.md`` are made from argparse.

``python -m tests.meta.sandbox_cli_page`` writes them; a test compares the two.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lockgate_sandbox.cli import add_verbs

__all__ = ["PAGE", "commands", "render"]

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sandbox-cli.md"


def commands() -> dict[str, argparse.ArgumentParser]:
    """Each command that does something, by the words behind the program's name."""
    parser = argparse.ArgumentParser(prog="lockgate-sandbox")
    add_verbs(parser)
    return dict(_leaves("", parser))


def _leaves(
    words: str, parser: argparse.ArgumentParser
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    below: list[Any] = [
        action
        for action in parser._actions  # pyright: ignore[reportPrivateUsage]
        if action.nargs == argparse.PARSER
    ]
    for action in below:
        for name, inner in action.choices.items():
            yield from _leaves(f"{words} {name}".strip(), inner)
    if not below:
        yield words, parser


def _rows(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield "| | |"
    yield "|---|---|"
    for action in parser._actions:  # pyright: ignore[reportPrivateUsage]
        if isinstance(action, argparse._HelpAction):  # pyright: ignore[reportPrivateUsage]
            continue
        value = action.metavar
        if action.choices:
            value = "\\|".join(map(str, action.choices))
        words = [*action.option_strings, value]
        name = " ".join(str(word) for word in words if word)
        if action.nargs in ("+", argparse.REMAINDER):
            name += "..."
        yield f"| `{name}` | {action.help} |"


def render(page: str) -> str:
    """`page` with its tables made anew.

    Raises:
        ValueError: If a command has no place in it.
    """
    for words, parser in commands().items():
        begin, end = f"<!-- {words}: begin -->\n", f"<!-- {words}: end -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            msg = f"{PAGE.name} has no place for {words!r}"
            raise ValueError(msg)
        page = before + begin + "\n".join(_rows(parser)) + "\n" + end + after
    return page


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
