"""The plugins beside a project that add kinds, since it may answer their hooks.

Found as any plugin is, by files: in this Python, and in the project's ``.venv``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping

from lockgate._seating.registry import adds_kinds, kinds_added
from lockgate.discovery import PluginState, discover
from lockgate.discovery._environments import import_path
from lockgate.discovery._scan import normalised
from lockgate.kinds import AddedKind
from lockgate.manifest import Manifest
from lockgate.project._folder import Project

__all__ = ["environments_of", "kinds_of", "services_around"]


def services_around(project: Project) -> tuple[PluginState, ...]:
    """The usable plugins that add kinds, the project's own left out."""
    own = str(project.folder / ".venv")
    folders = [*sys.path]
    if os.path.exists(f"{own}/pyvenv.cfg"):  # noqa: PTH110
        folders += import_path([own])
    mine = normalised(project.distribution)
    return tuple(
        state
        for state in discover(folders).plugins
        if state.usable and adds_kinds(state) and state.distribution != mine
    )


def kinds_of(
    manifest: Manifest | None, services: Iterable[PluginState]
) -> tuple[AddedKind, ...]:
    """The added kinds that a project's plugin may answer: its own win."""
    own = manifest.added_kinds if manifest is not None else ()
    return tuple(
        {**kinds_added(services), **{kind.name: kind for kind in own}}.values()
    )


def environments_of(
    services: Iterable[PluginState],
) -> Mapping[str, tuple[str, ...]]:
    """Settings by which a host finds these distributions, and no others there."""
    return {
        state.distribution: (os.path.dirname(state.location), *state.path)  # noqa: PTH120
        for state in services
    }
