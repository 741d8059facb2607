"""Progress of long work: a line on standard error, and only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeAlias

from lockgate.cli._output import one_line

__all__ = ["Report", "progress"]

Report: TypeAlias = Callable[[str, "float | None"], None]
"""Told a message, and how far the work is (0 to 1) or None."""


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Generator[Report]:
    """Show `title`, and what the reports say, while the block runs.

    Nothing at all is written if standard error is no terminal, or if `quiet`.
    """
    if quiet or not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        Elapsed(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)

        def report(message: str, fraction: float | None = None) -> None:
            total = None if fraction is None else 1.0
            words = f"{title}: {one_line(message)}" if message else title
            bar.update(task, description=words, total=total, completed=fraction or 0)

        yield report


def _silent(message: str, fraction: float | None = None) -> None:
    del message, fraction
