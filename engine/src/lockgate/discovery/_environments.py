"""Plugins with an environment of their own: which folders, and what they hold.

An environment is a list of folders, in the order of import: a store's, one for each
wheel, or a virtual environment's. Two of them may hold contradictory versions of
one distribution, since no process imports from both.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from lockgate._text.files import UnreadableError, read_bounded
from lockgate.discovery._scan import normalised
from lockgate.discovery._state import PluginState

__all__ = ["import_path", "placed"]

_SETTINGS_LIMIT_BYTES = 64 * 1024
_THIS = f"{sys.version_info.major}.{sys.version_info.minor}"


def import_path(given: Sequence[str]) -> list[str]:
    """The import folders that `given` stands for.

    A virtual environment (a folder with a ``pyvenv.cfg``, PEP 405) stands for its
    site folder. What ``.pth`` files there name does not count: any wheel may bring
    one, and a worker may read every folder of its path.
    """
    return list(
        dict.fromkeys(
            f"{folder}/lib/python{_THIS}/site-packages"
            if os.path.exists(f"{folder}/pyvenv.cfg")  # noqa: PTH110
            else folder
            for folder in given
        )
    )


def placed(
    name: str, given: Sequence[str], folders: Sequence[str], states: list[PluginState]
) -> list[PluginState]:
    """The states of the distribution `name`, in the environment of `folders`.

    Other plugins that lie there are what it depends on, and not installed by
    whoever named `name`. Nothing there of that name is a state with a reason; so is
    an editable install whose source lies in no folder that the owner named.
    """
    wanted = normalised(name)
    mine = [state for state in states if state.distribution == wanted]
    if not mine:
        return [_missing(wanted, given, folders)]
    return [_within(state, tuple(folders)) for state in mine]


def _within(state: PluginState, environment: tuple[str, ...]) -> PluginState:
    """A state with its environment's path, if all of it was named by the owner.

    No interpreter ran the ``.pth`` files of this environment: that one names a
    folder is the plugin's own word, which gives it nothing to read.
    """
    if '"verbs":' in state.manifest_text:
        return replace(state, environment=environment).with_state(
            "broken",
            "its manifest brings verbs of the command line, which run in the host; "
            "it has an environment of its own, which the host imports nothing from",
            f"Install {state.distribution} where lockgate itself is.",
        )
    named = [os.path.realpath(folder) for folder in environment]
    for folder in state.path:
        real = os.path.realpath(folder)
        if not any(real == one or real.startswith(f"{one}/") for one in named):
            path = tuple(environment)
            return replace(state, environment=environment, path=path).with_state(
                "broken",
                f"its environment sends it to {folder}, which the owner did not name",
                f"If its source is there, add {folder} to "
                f"`environments.{state.distribution}` in the settings.",
            )
    path = tuple(dict.fromkeys((*state.path, *environment)))
    return replace(state, environment=environment, path=path)


def _missing(name: str, given: Sequence[str], folders: Sequence[str]) -> PluginState:
    """The distribution is not where its environment should be."""
    state = PluginState(name, distribution=name, environment=tuple(folders))
    for folder in given:
        version = _python_of(folder)
        if version and version != _THIS:
            return state.with_state(
                "incompatible",
                f"its environment {folder} is of Python {version}, this is {_THIS}",
                f"Make the environment with Python {_THIS}.",
            )
    where = ", ".join(given) or "no folder"
    return state.with_state(
        "broken",
        f"its environment ({where}) holds no plugin of a distribution {name!r}",
        f"Install it there, or correct `environments.{name}` in the settings.",
    )


def _python_of(folder: str) -> str:
    """The version of a virtual environment's Python, as ``3.11``, or ``""``."""
    try:
        raw = read_bounded(f"{folder}/pyvenv.cfg", _SETTINGS_LIMIT_BYTES)
    except UnreadableError:
        return ""
    for line in raw.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip().lower() in ("version", "version_info"):
            return ".".join(value.strip().split(".")[:2])
    return ""
