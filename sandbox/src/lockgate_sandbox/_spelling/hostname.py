"""One spelling for each host: what is granted and what is asked for compare as text.

A name that some resolver reads as an address (``127.1``, ``0x7f000001``,
``2130706433``, full-width digits) is refused: only the dotted quad and RFC 4291
text are addresses here, as in the WHATWG URL standard's "ends in a number".
"""

from __future__ import annotations

import ipaddress
import re

from lockgate_sandbox.errors import PolicyError

__all__ = ["canonical_host"]

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_HINT = "write a full name like api.example.com, or an address like 192.0.2.7 or [::1]"


def canonical_host(text: str) -> str:
    """`text` in lower case and ASCII; an IPv6 address without its brackets.

    Raises:
        PolicyError: If it is neither a name nor a plainly written address.
    """
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ":" in host:
        try:
            address = ipaddress.IPv6Address(host if "%" not in host else "")
        except ValueError:
            raise PolicyError(f"{text!r} is no IPv6 address", hint=_HINT) from None
        if address.ipv4_mapped is not None:
            msg = f"{text!r} is an IPv4 address in a spelling that is not accepted"
            raise PolicyError(msg, hint=_HINT)
        return str(address)
    if host != text:
        raise PolicyError(f"{text!r} is no IPv6 address", hint=_HINT)
    name = _ascii(host)
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            msg = f"{text!r} is an address in a spelling that is not accepted"
            raise PolicyError(msg, hint=_HINT) from None
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        hint = f"each host is granted by itself; {_HINT}" if "*" in name else _HINT
        raise PolicyError(f"{text!r} is no host name", hint=hint)
    return name


def _ascii(host: str) -> str:
    try:
        # Also folds full-width digits and the ideographic full stop.
        name = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        raise PolicyError(f"{host!r} is no host name", hint=_HINT) from None
    return name.lower().removesuffix(".")
