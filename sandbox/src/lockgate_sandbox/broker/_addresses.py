"""Which addresses a granted name may mean, found once and then kept.

A name is resolved when it is first needed and never again: who changes its answer
later (DNS rebinding) changes nothing. Every address of the answer is judged; one
that may not be reached refuses the name as a whole.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from lockgate_sandbox.grants import HostGrant

__all__ = ["Address", "Pins", "Resolve", "embedded", "why_refused"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

Resolve: TypeAlias = Callable[[str], Sequence[str]]
"""Gives the addresses of a name as text; raises OSError if there are none."""

_COMPATIBLE = ipaddress.IPv6Network("::/96")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")  # SIIT, RFC 2765
_TEREDO = ipaddress.IPv6Network("2001::/32")
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # RFC 5214
_LOW = 0xFFFF_FFFF


def embedded(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """Each IPv4 address that some router or kernel may take `address` for."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    number = int(address)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if any(address in net for net in (_COMPATIBLE, _NAT64, _TRANSLATED)):
        yield ipaddress.IPv4Address(number & _LOW)
    if address in _SIX_TO_FOUR:
        yield ipaddress.IPv4Address(number >> 80 & _LOW)
    if address in _TEREDO:
        yield ipaddress.IPv4Address(number >> 64 & _LOW)
        yield ipaddress.IPv4Address(number & _LOW ^ _LOW)
    if number >> 32 & _LOW in _ISATAP:
        yield ipaddress.IPv4Address(number & _LOW)


def why_refused(address: Address, grant: HostGrant) -> str:
    """Why `grant` does not reach `address`; empty if it does."""
    if address.is_unspecified or address.is_multicast:
        return "it is no single host"
    if str(address) == grant.host:
        return ""  # the very address was granted
    if not address.is_loopback:
        for one in embedded(address):
            reason = _why(one, private=grant.allow_private)
            if reason:
                return f"it holds {one}: {reason}"
        if (
            address.version == 6 and address in _NAT64
        ):  # what a DNS64 makes of a public IPv4 address
            return ""
    return _why(address, private=grant.allow_private)


def _why(address: Address, *, private: bool) -> str:
    if address.is_unspecified or address.is_multicast:
        return "it is no single host"
    if address.is_link_local:
        return "link-local (cloud metadata is there); only a literal grant reaches it"
    if address.is_loopback:
        return "" if private else "it is this machine"
    if address.is_private and _is_local(address):
        return "" if private else "it is a private address"
    if isinstance(address, ipaddress.IPv6Address) and (
        address.sixtofour or address.teredo
    ):
        # RFC 7526: nobody is reached that way any more, and Python 3.13 calls 6to4
        # reserved where 3.11 did not.
        return "it is a tunnel's address"
    if address.is_reserved or not address.is_global:
        return "it is a reserved address"
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_V6:
        return "it is a reserved address"
    return ""


def _is_local(address: Address) -> bool:
    nets = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
    return any(
        address in net
        for net in map(ipaddress.ip_network, nets)
        if net.version == address.version
    )


def resolve_name(name: str) -> list[str]:
    """The system's answer, in its order; TCP only."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


class Pins:
    """The addresses of names, each resolved once. Thread-safe.

    Raises (from `addresses`):
        OSError: If the name has no address.
        PermissionError: If one of its addresses may not be reached.
    """

    def __init__(self, resolve: Resolve | None = None) -> None:
        self._resolve = resolve or resolve_name
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._found: dict[str, tuple[Address, ...]] = {}

    def addresses(self, grant: HostGrant) -> tuple[Address, ...]:
        """Where `grant` leads: at least one address, each judged."""
        found = self._pinned(grant.host)
        for address in found:
            reason = why_refused(address, grant)
            if reason:
                msg = f"{grant.host} is {address}: {reason}"
                raise PermissionError(msg)
        return found

    def _pinned(self, host: str) -> tuple[Address, ...]:
        with self._lock:
            lock = self._locks.setdefault(host, threading.Lock())
        # Under a lock: two at once could be given two different answers.
        with lock:
            if host not in self._found:
                self._found[host] = self._ask(host)
            return self._found[host]

    def _ask(self, host: str) -> tuple[Address, ...]:
        try:
            return (ipaddress.ip_address(host),)
        except ValueError:
            pass
        answer = self._resolve(host)
        # A zone (fe80::1%eth0) is of no use to anybody here.
        found = [ipaddress.ip_address(text.partition("%")[0]) for text in answer]
        if not found:
            raise OSError(socket.EAI_NONAME, f"{host} has no address")
        return tuple(dict.fromkeys(_plain(address) for address in found))


def _plain(address: Address) -> Address:
    """A mapped IPv4 address as what the kernel will connect to."""
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address
