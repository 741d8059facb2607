"""Bytes from a server: bounded in size, time, pace, place and number of attempts.

::

    with Fetcher(cache) as fetcher:
        response = fetcher.page(index, index.project_url("six"))
        fetcher.download(Wanted(index, url, folder / name, sha256, size))

Read it from below: `_rules` (which URLs), `_limits` and `_budget` (what they may cost),
`_pace` and `_network` (time, addresses), `_credentials` (who we are), `_wire` (the HTTP
library), `_exchange` (redirects, errors, attempts), `_cache`, `_part` and `_download`
(files), `_remote` (parts of files), `_fetcher` (all of it); `_post` sends what is
published.
"""

from __future__ import annotations

from lockgate_marketplace.fetch._credentials import Credentials
from lockgate_marketplace.fetch._download import Downloaded, Progress, Wanted
from lockgate_marketplace.fetch._fetcher import Fetcher, Response
from lockgate_marketplace.fetch._limits import FetchLimits
from lockgate_marketplace.fetch._post import post
from lockgate_marketplace.fetch._remote import RemoteFile
from lockgate_marketplace.fetch._rules import Place, allowed, joined
from lockgate_marketplace.fetch._wire import Wire

__all__ = [
    "Credentials",
    "Downloaded",
    "FetchLimits",
    "Fetcher",
    "Place",
    "Progress",
    "RemoteFile",
    "Response",
    "Wanted",
    "Wire",
    "allowed",
    "joined",
    "post",
]
