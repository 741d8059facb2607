"""What goes out: judged here as whoever installs it will judge it, then placed or sent.

::

    ready = [prepare(path) for path in paths]     # gate, manifest, rights: or refused
    ready = [tried(one, paths, terms) for one in ready]     # hooks, and one load
    place(ready, wheels)                          # into a folder of wheels, whole
    upload(ready, url, credentials)               # to an index, by its upload API
"""

from lockgate_marketplace.publish._place import place
from lockgate_marketplace.publish._prepare import (
    Ready,
    prepare,
    signed,
    wheels_of,
)
from lockgate_marketplace.publish._trial import tried
from lockgate_marketplace.publish._upload import (
    Credentials,
    checked_url,
    credentials_for,
    upload,
)

__all__ = [
    "Credentials",
    "Ready",
    "checked_url",
    "credentials_for",
    "place",
    "prepare",
    "signed",
    "tried",
    "upload",
    "wheels_of",
]
