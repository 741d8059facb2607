"""A hundred installed plugins, of which thirty are broken or hostile at import.

Whatever imports one of them outside of a worker leaves a mark.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.host_plugins import Site, manifest_of

__all__ = ["EACH", "GOOD_NAMES", "HOSTILE", "HOSTILE_NAMES", "LIMITS", "install"]

HOSTILE = {
    "missing": "import no_such_module_anywhere",
    "exits": "raise SystemExit(0)",
    "crashes": "import ctypes; ctypes.string_at(0)",
    "loops": "while True: pass",
    "forks": "import os\nwhile True: os.fork()",
    "hoards": "hoard = [bytearray(1 << 20) for _ in range(1 << 20)]",
}
EACH = 5
GOOD = 100 - EACH * len(HOSTILE)

IMPL = """
from lockgate.plugin import hookimpl

@hookimpl
def generator_targets():
    return (__name__,)
"""

LIMITS = """
[limits]
cpu-seconds = 1
wall-seconds = 3
memory-bytes = "64 MiB"
"""

GOOD_NAMES = [f"good-{number:02d}" for number in range(GOOD)]
HOSTILE_NAMES = [f"{what}-{number}" for what in HOSTILE for number in range(EACH)]


def install(site: Site, mark: Path) -> None:
    """The hundred; each writes to `mark` when it is imported by anybody who can."""
    leave = f"try: open({str(mark)!r}, 'a').write(__name__)\nexcept OSError: pass\n"
    for name in [*GOOD_NAMES, *HOSTILE_NAMES]:
        body = HOSTILE.get(name.rpartition("-")[0], "")
        hooks = {"generator_targets": "generator_targets"}
        text = manifest_of(name, kinds="generator", hooks=hooks, more=LIMITS)
        site.add(name, f"{leave}{body}\n{IMPL}", manifest=text)
