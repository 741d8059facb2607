"""Which index a name belongs to: one index for each name, and never two merged.

::

    sources = Sources.from_settings(settings)      # [plugins.marketplace]
    index = sources.bind("acme-echo")              # by prefix, default, or INDEX/NAME
    sources.bind_dependency("six", index)          # only from what `index` declares

`_urls` judges addresses, `_index` is one index, `_sources` binds names.
"""

from __future__ import annotations

from lockgate_marketplace.sources._index import Index, Settings
from lockgate_marketplace.sources._sources import Sources
from lockgate_marketplace.sources._urls import is_loopback, url_problem

__all__ = ["Index", "Settings", "Sources", "is_loopback", "url_problem"]
