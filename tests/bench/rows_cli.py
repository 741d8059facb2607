"""What the command line costs to start, against Python itself and other programs.

Ours is started as its users start it, by the launcher that an installer wrote: uv's
where nothing else is said, pip's (which imports `re` first) beside it.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.harness import Row, command_seconds, paired
from tests.support.dists import SitePackages

__all__ = ["ROWS"]

CLICK_HELLO = """\
import click
@click.command()
@click.version_option("1.0", prog_name="hello")
def main(): click.echo("hello")
main(["--version"])
"""

UV_LAUNCHER = """\
#!{python}
# -*- coding: utf-8 -*-
import sys
from lockgate.__main__ import main
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit(main())
"""

PIP_LAUNCHER = """\
#!{python}
# -*- coding: utf-8 -*-
import re
import sys
from lockgate.__main__ import main
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(main())
"""


@functools.cache
def _folder() -> Path:
    root = Path(tempfile.mkdtemp(prefix="lockgate-bench-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


@functools.cache
def _launcher(text: str) -> str:
    path = _folder() / f"lockgate-{len(text)}"
    path.write_text(text.format(python=sys.executable))
    path.chmod(0o755)
    return str(path)


@functools.cache
def _two_hundred() -> dict[str, str]:
    """The environment of a user who has 200 plugins besides ours."""
    site = SitePackages(_folder() / "site-packages")
    site.many(200, plugins=200)
    home = str(_folder() / "home")
    return {"HOME": home, "PYTHONPATH": site.path, "PATH": os.defpath}


def _row(
    ours: Sequence[str],
    peer: Sequence[str],
    peer_name: str,
    target: float,
    *,
    launcher: str = UV_LAUNCHER,
    full: bool = False,
) -> Callable[[str], Row]:
    def run(name: str) -> Row:
        return paired(
            name,
            command_seconds(
                [_launcher(launcher), *ours], env=_two_hundred() if full else None
            ),
            command_seconds(peer),
            peer_name=peer_name,
            target=target,
            unit="ms",
            rounds=15 if full else 25,
        )

    return run


BARE = [sys.executable, "-I", "-S", "-c", "pass"]
CLICK = [sys.executable, "-c", CLICK_HELLO]
LLM = [str(Path(sys.executable).with_name("llm")), "--help"]

ROWS = {
    "cli-version-python": _row(["--version"], BARE, "python -I -S -c pass", 2.0),
    "cli-version-python-pip": _row(
        ["--version"], BARE, "python -I -S -c pass", 3.0, launcher=PIP_LAUNCHER
    ),
    "cli-version-click": _row(["--version"], CLICK, "click hello", 0.5),
    "cli-list-click": _row(["list"], CLICK, "click hello", 1.5),
    "cli-list-200-llm": _row(["list"], LLM, "llm --help", 1 / 20, full=True),
}
