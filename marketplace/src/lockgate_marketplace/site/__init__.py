"""A static index: what pip, uv and lockgate install from, and pages for people.

`build` makes a folder of wheels into a folder that any file server can serve;
`serve` serves one on loopback, for trying. The folder is described in
``docs/reference/catalog.md``.

The street: wheels -> `intake` (judged, hashed) -> `projects` (grouped, dated,
compared) -> `simple`, `catalog`, `feed`, `pages` (written) -> `tree` (swapped in).
"""

from lockgate_marketplace.site.build import Options, Report, build, options_of
from lockgate_marketplace.site.serve import Server

__all__ = ["Options", "Report", "Server", "build", "options_of"]
