"""Who we are to an index: from the environment or netrc, for its own origin alone.

``LOCKGATE_INDEX_NAME_USERNAME`` and ``…_PASSWORD`` are for the index NAME (upper case,
``_`` for ``-``). A netrc entry names a host and no port: it is for the index at that
host, and for a host that its owner named for files (``files``), there by https at the
usual port or at the port that is named. It goes over TLS, or to this machine. Its
``default`` is for nobody, because it would go to every host that an index leads to.
"""

from __future__ import annotations

import base64
import netrc
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch._rules import Place
from lockgate_marketplace.sources import Index, is_loopback

__all__ = ["Credentials"]

_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the owner's environment holds. Its text shows no secret."""

    environment: Mapping[str, str] = field(repr=False)
    hosts: Mapping[str, tuple[str, str]] = field(repr=False)
    """By host: login and password, from netrc."""

    @classmethod
    def of_user(cls, environment: Mapping[str, str] | None = None) -> Credentials:
        """Read ``$NETRC`` or ``~/.netrc``, and the environment.

        Raises:
            FetchError: If the netrc file can't be read.
        """
        variables = os.environ if environment is None else environment
        home = variables.get("HOME", "")
        named = variables.get("NETRC", "")
        path = Path(named) if named else Path(home, ".netrc")
        return cls(variables, _netrc(path) if named or home else {})

    def header(self, index: Index, place: Place) -> str:
        """The ``Authorization`` of a request to `place`, or ``""``."""
        pair: tuple[str, str] | None = None
        if place.origin == index.origin:
            stem = f"LOCKGATE_INDEX_{index.name.upper().replace('-', '_')}"
            password = self.environment.get(f"{stem}_PASSWORD", "")
            if password:
                name = self.environment.get(f"{stem}_USERNAME", "__token__")
                pair = name, password
        if pair is None and _netrc_is_for(index, place):
            pair = self.hosts.get(place.host)
        if pair is None:
            return ""
        return f"Basic {base64.b64encode(':'.join(pair).encode()).decode()}"


def _netrc_is_for(index: Index, place: Place) -> bool:
    """Whether the owner meant `place` by a netrc entry of its host.

    Who listens at another port of the host, or on the wire, may be anybody.
    """
    if place.scheme != "https" and not is_loopback(place.host):
        return False
    if place.origin == index.origin:
        return True
    named = f"{place.host}:{place.port}" in index.files
    return named or (place.host in index.files and place.port == _HTTPS)


def _netrc(path: Path) -> dict[str, tuple[str, str]]:
    try:
        entries = netrc.netrc(path).hosts
    except FileNotFoundError:
        return {}
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError) as error:
        # The parser's message may hold a token of the file.
        message = f"{path} cannot be read ({type(error).__name__})"
        raise FetchError("fetch-credentials", message, where=str(path)) from None
    return {
        host: (login, password or "")
        for host, (login, _, password) in entries.items()
        if host != "default"
    }
