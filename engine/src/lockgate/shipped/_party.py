"""What the shipped policy says of one plugin."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FirstParty"]


class FirstParty(NamedTuple):
    """A plugin of ours: what it is granted without being asked for.

    `distribution` is the only one that may carry the plugin's name. `rights` are keys
    or shell patterns of keys, granted if the manifest asks for them; a right beyond
    them needs the owner's consent, like anybody's. `in_host` says that it belongs to
    the trusted base: it extends the host itself and runs inside it (tier ``system``).
    """

    plugin: str
    distribution: str
    rights: tuple[str, ...] = ()
    in_host: bool = False
