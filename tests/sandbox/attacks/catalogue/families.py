"""Sockets of every family that Linux has a number for, and a word with each."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from tests.sandbox.attacks.catalogue.attack import Attack

__all__ = ["ATTACKS"]

_UNKNOWN = ("EAFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT")
"""What a kernel says of a family that was not built in, and can't be loaded."""

_ROOT: dict[str, Any] = {
    "held_by": ("seccomp", "capabilities"),
    "root_held_by": ("uid",),
    "who": "root",
}


def _family(
    name: str, family: int, kind: int, protocol: int, then: str, **fields: Any
) -> Attack:
    """Opening a socket, and what it is good for.

    What only root may open is tried as root alone.
    """
    opened = f"made = socket.socket({family}, {kind}, {protocol})\n"
    code = "import os, socket, struct\n" + opened + dedent(then)
    held = fields.pop("held_by", ("seccomp",))
    fields.setdefault("absent", _UNKNOWN)
    return Attack(f"open a {name} socket", code, held, **fields)


def _netlink(name: str, protocol: int, kind: int, body: str, found: str) -> Attack:
    """Asking the kernel by netlink; `found` is true of the answer.

    `kind` and `body` make the message. Each is to be acknowledged.
    """
    return _family(
        name,
        16,
        3,
        protocol,
        f"""
        body = {body}
        made.settimeout(5)
        made.send(struct.pack("IHHII", 16 + len(body), {kind}, 0x305, 7, 0) + body)
        answer = made.recv(1 << 16)
        length, kind, _, number, _ = struct.unpack_from("IHHII", answer)
        result = number == 7 and {found}
        """,
    )


_ACKNOWLEDGED = "kind == 2"
"""The kernel's own code read the message and says what it makes of it."""

_CONNECTS = """
made.bind("")  # whatever name is free
made.listen()
other = socket.socket(made.family, made.type)
other.connect(made.getsockname())
other.send(b"x")
result = made.accept()[0].recv(9) == b"x"
"""

_SENDS_TO_ITSELF = """
made.bind(({where!r}, 0))
made.sendto(b"x", made.getsockname())
result = made.recv(9) == b"x"
"""

_NO_DEVICE = ("network-namespace",)
"""Its loopback device is down."""

# Landlock holds connecting and listening, so TCP is asked for no more than a socket
# knows of itself: that is for other attacks.
_TCP = """
made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
result = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[0] == 7  # closed
"""

ATTACKS = (
    _family("TCP", 2, 1, 0, _TCP),
    _family("TCP over IPv6", 10, 1, 0, _TCP),
    _family(
        "UDP", 2, 2, 0, _SENDS_TO_ITSELF.format(where="127.0.0.1"), also_off=_NO_DEVICE
    ),
    _family(
        "UDP over IPv6",
        10,
        2,
        0,
        _SENDS_TO_ITSELF.format(where="::1"),
        also_off=_NO_DEVICE,
        absent=(*_UNKNOWN, "EADDRNOTAVAIL"),
    ),
    _family(
        "raw ICMP",
        2,
        3,
        1,
        """
        made.settimeout(5)
        asked = struct.pack("!BBHHH", 8, 0, 0xF7FE - 7, 0, 8)  # an echo, please
        made.sendto(asked, ("127.0.0.1", 0))
        result = made.recv(100)[20:] == asked
        """,
        also_off=_NO_DEVICE,
        **_ROOT,
    ),
    _family(
        "raw IPv6",
        10,
        3,
        58,
        """
        made.settimeout(5)
        made.sendto(struct.pack("!BBHHH", 128, 0, 0, 7, 8), ("::1", 0))
        result = made.recv(100)[4:] == struct.pack("!HH", 7, 8)
        """,
        also_off=_NO_DEVICE,
        absent=(*_UNKNOWN, "EADDRNOTAVAIL", "ENETUNREACH"),
        **_ROOT,
    ),
    _family("unix stream", 1, 1, 0, _CONNECTS),
    _family("unix packet", 1, 5, 0, _CONNECTS),
    _family("unix datagram", 1, 2, 0, _SENDS_TO_ITSELF.replace("({where!r}, 0)", "''")),
    # What it is asked for: all devices, as `ip link` does.
    _netlink("netlink", 0, 18, "bytes(16)", "kind == 16 and b'lo\\0' in answer"),
    _netlink("netlink audit", 9, 1000, "b''", "kind in (2, 1000)"),
    _netlink("netlink device event", 15, 16, "b''", _ACKNOWLEDGED),
    _netlink("netlink packet filter", 12, 2560, "bytes(4)", _ACKNOWLEDGED),
    # All unix sockets of the machine, as `ss -x` does.
    _netlink(
        "netlink socket diagnosis",
        4,
        20,
        "struct.pack('BBHIIIII', 1, 0, 0, 2**32 - 1, 0, 1, 0, 0)",
        "kind in (2, 3, 20)",
    ),
    _netlink(
        "generic netlink",
        16,
        16,
        "struct.pack('BBHHH', 3, 1, 0, 6, 1) + struct.pack('H2x', 16)",
        "kind == 16",
    ),
    _family(
        "vsock",
        40,
        1,
        0,
        """
        made.bind((2**32 - 1, 2**32 - 1))  # any, any
        result = made.getsockname()[1] >= 1024
        """,
    ),
    _family(
        "packet",
        17,
        3,
        0,
        """
        made.bind(("lo", 3))  # whatever goes by
        made.settimeout(5)
        made.send(b"\\xff" * 60)
        result = made.recv(100) == b"\\xff" * 60
        """,
        also_off=_NO_DEVICE,
        **_ROOT,
    ),
    _family(
        "express data path",
        44,
        3,
        0,
        "result = len(made.getsockopt(283, 7, 48)) >= 24  # XDP_STATISTICS",
        **_ROOT,
    ),
    _family(
        "kernel crypto",
        38,
        5,
        0,
        """
        made.bind(("hash", "sha256"))
        made, _ = made.accept()
        made.send(b"")
        result = len(made.recv(64)) == 32
        """,
        absent=(*_UNKNOWN, "ENOENT"),
    ),
    *(
        _family(name, family, kind, protocol, "result = made.fileno() >= 0")
        for name, family, kind, protocol in (
            ("bluetooth", 31, 5, 0),
            ("CAN", 29, 3, 1),
            ("TIPC", 30, 5, 0),
            ("key management", 15, 3, 2),
            ("Qualcomm router", 42, 2, 0),
            ("SMC", 43, 1, 0),
            ("NFC", 39, 1, 0),
            ("RxRPC", 33, 2, 2),
            ("PPP", 24, 1, 0),
            ("AppleTalk", 5, 2, 0),
            ("AX.25", 3, 5, 0),
            ("phonet", 35, 2, 0),
        )
    ),
)
