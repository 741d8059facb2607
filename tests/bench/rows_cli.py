"""What the command line costs to start, against Python itself and a click hello."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.bench.harness import Row, command_seconds, paired

__all__ = ["ROWS"]

CLICK_HELLO = """\
import click
@click.command()
@click.version_option("1.0", prog_name="hello")
def main(): click.echo("hello")
main(["--version"])
"""


def _row(
    ours: list[str], peer: list[str], peer_name: str, target: float
) -> Callable[[str], Row]:
    def run(name: str) -> Row:
        return paired(
            name,
            command_seconds([sys.executable, *ours]),
            command_seconds([sys.executable, *peer]),
            peer_name=peer_name,
            target=target,
            unit="ms",
            rounds=25,
        )

    return run


SCRIPT = ["-c", "import sys; from lockgate.__main__ import main; main(['--version'])"]
LIST = ["-m", "lockgate", "list"]

ROWS = {
    "cli-version-python": _row(
        SCRIPT, ["-I", "-S", "-c", "pass"], "python -I -S -c pass", 2.0
    ),
    "cli-version-click": _row(SCRIPT, ["-c", CLICK_HELLO], "click hello", 0.5),
    "cli-list-click": _row(LIST, ["-c", CLICK_HELLO], "click hello", 1.5),
}
