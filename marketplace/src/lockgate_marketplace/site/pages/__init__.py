"""Pages for people. They work without a script, and better with it."""

from lockgate_marketplace.site.pages._catalogue import (
    Catalogue,
    facet_path,
)
from lockgate_marketplace.site.pages._frame import ASSETS, Frame, asset
from lockgate_marketplace.site.pages._plugin import plugin_page

__all__ = [
    "ASSETS",
    "Catalogue",
    "Frame",
    "asset",
    "facet_path",
    "plugin_page",
]
