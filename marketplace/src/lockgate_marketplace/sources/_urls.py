"""Is an address fit to be an index's?"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

__all__ = ["is_loopback", "url_problem"]


def url_problem(url: str, *, insecure: bool = False) -> str:
    """Why `url` can't be an index's address, or ``""``; nothing is connected to.

    `insecure`: http is good enough, the owner says.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port  # raises if it is no number
    except ValueError as error:
        return f"it is no URL: {error}"
    if parts.scheme not in ("https", "http") or not host:
        return f"it is no web address: {url!r}"
    if not url.isascii() or not url.isprintable() or " " in url:
        return f"it has letters that no URL has: {url!r}"
    if parts.username is not None or parts.password is not None:
        return "it carries a password, which logs and errors repeat"
    if parts.query or parts.fragment:
        return "it has a query or a fragment"
    if parts.scheme == "http" and not insecure and not is_loopback(host):
        return f"{host} is reached without TLS: anyone on the way can swap wheels"
    return ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its spelling alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
