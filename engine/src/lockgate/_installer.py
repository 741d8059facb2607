"""The command that installs into a Python, so that a hint works where it is read.

A virtual environment may be without pip. Then uv does it, or the pip of the Python that
the environment was made from (``pip --python``, pip 22.3 and later).
"""

from __future__ import annotations

import json
import shutil
import sys
from importlib import metadata, util
from pathlib import Path
from shlex import join
from urllib.parse import unquote, urlsplit

__all__ = ["pip_command", "source_of"]


def pip_command(verb: str, *words: str, python: str = "") -> str:
    """The command line that does pip's `verb` in `python`, by default this one."""
    into = python or sys.executable
    if _has_pip(into):
        return join([into, "-m", "pip", verb, *words])
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(into).parent))
    if uv is not None:
        return join([uv, "pip", verb, "--python", into, *words])
    base = _base_of(into)
    if base is not None:
        return join([base, "-m", "pip", "--python", into, verb, *words])
    return join([into, "-m", "pip", verb, *words])


def source_of(distribution: str) -> str:
    """What to tell an installer to get one of lockgate's own distributions.

    Its folder, where lockgate was installed from a checkout (PEP 610 says so); else
    its name.
    """
    folder = distribution.removeprefix("lockgate-")
    try:
        origin = metadata.distribution("lockgate").read_text("direct_url.json")
        url = urlsplit(str(json.loads(origin or "{}").get("url", "")))
    except (metadata.PackageNotFoundError, ValueError):
        return distribution
    if url.scheme == "file":
        checkout = Path(unquote(url.path)).parent
        for place in (checkout / folder, checkout / "plugins" / folder):
            if (place / "pyproject.toml").is_file():
                return str(place)
    return distribution


def _has_pip(python: str) -> bool:
    if python == sys.executable:
        return util.find_spec("pip") is not None
    lib = Path(python).parent.parent / "lib"
    return any(lib.glob("python3*/site-packages/pip/__main__.py"))


def _base_of(python: str) -> str | None:
    """The Python that a virtual environment's was made from (``pyvenv.cfg``)."""
    try:
        text = Path(python).parent.with_name("pyvenv.cfg").read_text("utf-8")
    except (OSError, ValueError):
        return None
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home":
            return str(Path(value.strip(), "python3"))
    return None
