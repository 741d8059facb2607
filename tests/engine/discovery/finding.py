"""What discovery finds in a folder that a test has filled."""

from __future__ import annotations

from lockgate.discovery import Discovery, PluginState, discover
from tests.support.dists import SitePackages

__all__ = ["find", "only"]


def find(site: SitePackages, *more: str, **options: object) -> Discovery:
    return discover([site.path, *more], **options)  # type: ignore[arg-type]


def only(found: Discovery) -> PluginState:
    assert len(found.plugins) == 1, [p.name for p in found.plugins]
    return found.plugins[0]
