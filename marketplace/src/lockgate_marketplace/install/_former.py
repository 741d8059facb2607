"""The release that a plan takes the place of, and what of its rights still speaks."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.discovery import PluginState
from lockgate_marketplace.install._plan import Plan

__all__ = ["brings_others", "former"]


def former(plan: Plan, present: Iterable[PluginState]) -> PluginState | None:
    """The release of this plugin's distribution that is installed now, if one is."""
    return next(
        (
            state
            for state in present
            if state.distribution == plan.plugin.name
            and state.usable
            and state.manifest is not None
        ),
        None,
    )


def brings_others(plan: Plan, before: PluginState) -> bool:
    """Whether what the plugin would import besides itself is not what it had.

    Rights were agreed to for all of the code that runs with them.
    """
    had = {folder for folder in before.environment if folder not in before.path[:1]}
    others = plan.wheels[1:]
    return bool(others) and not all(
        any(wheel.sha256 in folder for folder in had) for wheel in others
    )
