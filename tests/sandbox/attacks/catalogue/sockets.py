"""Sockets of the network, and what a pair of them can be made to do."""

from __future__ import annotations

from tests.sandbox.attacks.catalogue.attack import DEVICE, Answer, Attack

__all__ = ["ATTACKS"]

_CONNECTED = Answer(
    "both ends of a pair are connected, for good, and unix sockets say so",
    ("EINVAL", "EISCONN"),
)

ATTACKS = (
    Attack(
        "connect over TCP",
        """
        import socket
        socket.create_connection(("127.0.0.1", host["tcp"]), 5)
        result = True
        """,
        ("seccomp", "landlock"),
    ),
    # Landlock judges connect(2) and bind(2), and neither is called here.
    Attack(
        "connect over TCP by what is sent first",
        """
        import socket
        fast_open = 0x20000000  # MSG_FASTOPEN
        made = socket.socket()
        result = made.sendto(b"x", fast_open, ("127.0.0.1", host["tcp"]))
        """,
        ("seccomp",),
        also_off=("network-namespace",),
        absent=("ENOTSUP",),  # net.ipv4.tcp_fastopen is 0
    ),
    Attack(
        "connect over TCP by a message that names whom to",
        """
        import socket
        made = socket.socket()
        to = ("127.0.0.1", host["tcp"])
        result = made.sendmsg([b"x"], [], 0x20000000, to)
        """,
        ("seccomp",),
        also_off=("network-namespace",),
        absent=("ENOTSUP",),  # net.ipv4.tcp_fastopen is 0
    ),
    Attack(
        "listen on TCP",
        "import socket; result = socket.create_server(('127.0.0.1', 0))",
        ("seccomp", "landlock"),
    ),
    Attack(
        "send over UDP",
        """
        import socket
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        result = made.sendto(b"x", ("127.0.0.1", host["udp"]))
        """,
        ("seccomp",),
    ),
    Attack(
        "connect to an abstract unix socket",
        """
        import socket
        socket.socket(socket.AF_UNIX).connect(host["abstract"])
        result = True
        """,
        ("seccomp", "landlock"),
    ),
    Attack(
        "connect to a unix socket in a granted folder",
        """
        import socket
        socket.socket(socket.AF_UNIX).connect(host["stream"])
        result = True
        """,
        ("seccomp",),
        job={"read": ["granted"]},
    ),
    Attack(
        "reach a unix socket through a pair of datagram sockets",
        """
        import socket
        mine, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            result = mine.sendto(b"x", host["datagram"])
        except BlockingIOError:
            result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "reach a unix socket through a raw pair",
        """
        import socket
        mine, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW)
        try:
            result = mine.sendmsg([b"x"], [], 0, host["datagram"])
        except BlockingIOError:
            result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "reach a unix socket with one message of many",
        """
        import socket
        mine, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            result = mine.sendmsg([b"x"], [], 0, host["datagram"])
        except BlockingIOError:
            result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "give a pair of sockets a name",
        """
        import socket
        mine, _ = socket.socketpair()
        mine.bind(f"\\0lockgate-attack-{host['pid']}")
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "wait for others on a pair of sockets",
        """
        import socket
        mine, _ = socket.socketpair()
        syscall("listen", mine.fileno(), 1)
        """,
        ("seccomp",),
        answer=_CONNECTED,
    ),
    Attack(
        "turn a pair of sockets towards a service",
        """
        import socket
        mine, _ = socket.socketpair()
        mine.connect(host["stream"])
        """,
        ("seccomp",),
        answer=_CONNECTED,
    ),
    Attack(
        "make the buffer of a socket large",
        """
        import socket
        mine, _ = socket.socketpair()
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "take a handle of who made a socket",
        """
        import socket
        mine, _ = socket.socketpair()
        result = mine.getsockopt(socket.SOL_SOCKET, 77)  # SO_PEERPIDFD
        """,
        ("seccomp",),
        says="ENOPROTOOPT",
        kernel=(6, 5),
    ),
    Attack(
        "have handles of senders sent along",
        """
        import socket
        mine, _ = socket.socketpair()
        mine.setsockopt(socket.SOL_SOCKET, 76, 1)  # SO_PASSPIDFD
        result = True
        """,
        ("seccomp",),
        says="ENOPROTOOPT",
        kernel=(6, 5),
    ),
    Attack(
        "list the machine's addresses",
        """
        import array, fcntl, socket, struct
        mine, _ = socket.socketpair()
        room = array.array("B", bytes(4096))
        asked = struct.pack("iP", 4096, room.buffer_info()[0])
        fcntl.ioctl(mine, 0x8912, asked)  # SIOCGIFCONF
        result = room.tobytes().startswith(b"lo")
        """,
        ("seccomp",),
        says="ENOTTY",
        **DEVICE,
    ),
    Attack(
        "read an interface's address",
        """
        import fcntl, socket
        mine, _ = socket.socketpair()
        result = fcntl.ioctl(mine, 0x8927, b"lo".ljust(40, b"\\0"))  # SIOCGIFHWADDR
        """,
        ("seccomp",),
        says="ENOTTY",
    ),
    Attack(
        "take the network namespace of a socket",
        """
        import fcntl, socket
        mine, _ = socket.socketpair()
        result = fcntl.ioctl(mine, 0x894C) >= 0  # SIOCGSKNS
        """,
        ("seccomp", "capabilities"),
        says="ENOTTY",
        root_held_by=("uid",),
        who="root",
    ),
    Attack(
        "hold more descriptors than its limit, on their way",
        """
        import array, os, socket
        mine, theirs = socket.socketpair()
        one = os.open("/dev/null", os.O_RDONLY)
        mine.setblocking(False)
        for _ in range(60):
            rights = array.array("i", [one] * 10)
            mine.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        result = True
        """,
        ("rlimits",),
        also_off=("uid", "capabilities"),
    ),
)
