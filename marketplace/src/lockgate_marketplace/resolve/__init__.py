"""Which versions to install, and why not the others.

::

    client = IndexClient(sources, fetcher, LocalMemory(data / "trust" / "seen"))
    resolution = resolve([Want.parse("acme/echo>=1")], client, Policy.running())
    resolution.pinned                   # the wheels, each from one index
    resolution.why("echo").text()

Read it from below: `_policy` (what may be used), `_client` (sources, fetch, simple
and memory tied together), `_metadata` (METADATA before the download), `_near`
(names like another's), `_want`, `_result`, `_candidates` (reasons against a file),
`_exact` (one that a lock names), `_provider` (resolvelib's questions), `_conflicts`
(what it put back), `_resolve`, `_outdated` (what is newer), `_search`, `_unfound` (a
plugin's name for its project's), `_opened` (the client by the owner's settings).
"""

from __future__ import annotations

from lockgate_marketplace.resolve._client import IndexClient
from lockgate_marketplace.resolve._exact import check_file
from lockgate_marketplace.resolve._near import check_name, near_name
from lockgate_marketplace.resolve._opened import open_client, seen_below
from lockgate_marketplace.resolve._outdated import Outdated, outdated
from lockgate_marketplace.resolve._policy import Policy
from lockgate_marketplace.resolve._resolve import resolve
from lockgate_marketplace.resolve._result import (
    Pinned,
    Rejected,
    Resolution,
    Why,
    rejected_of,
)
from lockgate_marketplace.resolve._search import Found, Searched, search
from lockgate_marketplace.resolve._unfound import projects_told
from lockgate_marketplace.resolve._want import Want

__all__ = [
    "Found",
    "IndexClient",
    "Outdated",
    "Pinned",
    "Policy",
    "Rejected",
    "Resolution",
    "Searched",
    "Want",
    "Why",
    "check_file",
    "check_name",
    "near_name",
    "open_client",
    "outdated",
    "projects_told",
    "rejected_of",
    "resolve",
    "search",
    "seen_below",
]
