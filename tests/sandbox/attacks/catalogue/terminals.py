"""Terminals: typed into, taken, held, resized."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from tests.sandbox.attacks.catalogue.attack import Answer, Attack

__all__ = ["ATTACKS"]

_TERMINAL = """
import fcntl, os, struct
def terminal(own=False):
    # A screen and the terminal behind it, which is the session's own if asked for:
    # a session without any gets the one that it opens.
    screen, lent = os.openpty()
    if own:
        lent = os.open(os.ttyname(lent), os.O_RDWR)
    for end in (screen, lent):
        os.set_blocking(end, False)
    return screen, lent
"""

_NO_TERMINAL = Answer("a pipe knows no control of a terminal", ("ENOTTY",))

CONTROLS = {
    "type into": 0x5412,  # TIOCSTI
    "paste into": 0x541C,  # TIOCLINUX
    "take": 0x540E,  # TIOCSCTTY
    "redirect the console to": 0x541D,  # TIOCCONS
    "load a line discipline into": 0x5423,  # TIOCSETD
    "hold the output of": 0x540A,  # TCXONC
    "change the size of": 0x5414,  # TIOCSWINSZ
    "keep others from opening": 0x540C,  # TIOCEXCL
}


def _on(name: str, code: str, **fields: Any) -> Attack:
    """A control of a real terminal, whose effect is looked at.

    The filter sees the control, whatever the descriptor is. Landlock would not let
    the attack have a terminal of its own, as it does not hold one that was lent.
    """
    fields.setdefault("needs", "/dev/ptmx")
    also_off = ("landlock", *fields.pop("also_off", ()))
    return Attack(
        name, _TERMINAL + dedent(code), ("seccomp",), also_off=also_off, **fields
    )


_TYPED = """
_, mine = terminal(own=True)
for letter in (b"h", b"i", b"\\n"):
    fcntl.ioctl(mine, 0x5412, letter)  # TIOCSTI
result = os.read(mine, 9) == b"hi\\n"
"""

ATTACKS = (
    # Whoever administers the machine may, whatever dev.tty.legacy_tiocsti says.
    _on("type into a terminal", _TYPED, who="root", also_off=("uid", "capabilities")),
    _on(
        "type into a terminal as an ordinary user",
        _TYPED,
        who="user",
        absent=("EIO",),  # dev.tty.legacy_tiocsti is 0 (Linux 6.2)
    ),
    _on(
        "type into a terminal with a dirty upper half",
        """
        _, mine = terminal(own=True)
        for letter in (b"h", b"i", b"\\n"):
            syscall("ioctl", mine, 0x5412 | 1 << 32, letter)
        result = os.read(mine, 9) == b"hi\\n"
        """,
        absent=("EIO",),
        also_off=("uid", "capabilities"),
    ),
    _on(
        "talk to a console as who pastes into it",
        """
        console = os.open("/dev/tty0", os.O_RDWR | os.O_NOCTTY)
        # TIOCLINUX, and of what it can do the harmless: which keys are held down
        result = fcntl.ioctl(console, 0x541C, b"\\x06") is not None
        """,
        who="root",
        needs="/dev/tty0",
        also_off=("uid", "capabilities"),
    ),
    _on(
        "take a terminal",
        """
        screen, lent = terminal()
        fcntl.ioctl(lent, 0x540E, 0)  # TIOCSCTTY
        os.write(os.open("/dev/tty", os.O_RDWR), b"mine")
        result = os.read(screen, 9) == b"mine"
        """,
    ),
    _on(
        "redirect the console",
        """
        screen, lent = terminal()
        fcntl.ioctl(lent, 0x541D)  # TIOCCONS, until `lent` is gone
        os.write(os.open("/dev/console", os.O_WRONLY | os.O_NOCTTY), b"for all")
        result = b"for all" in os.read(screen, 4096)
        """,
        who="root",
        needs="/dev/console",
        also_off=("uid", "capabilities"),
        absent=("EBUSY",),  # another terminal has it
    ),
    _on(
        "load a line discipline",
        """
        _, lent = terminal()
        fcntl.ioctl(lent, 0x5423, struct.pack("i", 27))  # TIOCSETD, N_NULL
        result = struct.unpack("i", fcntl.ioctl(lent, 0x5424, bytes(4))) == (27,)
        """,
    ),
    _on(
        "hold the output of a terminal",
        """
        screen, lent = terminal()
        fcntl.ioctl(lent, 0x540A, 0)  # TCXONC, TCOOFF
        try:
            os.write(lent, b"x")
        except BlockingIOError:
            result = True
        """,
    ),
    _on(
        "change the size of a terminal",
        """
        screen, lent = terminal()
        fcntl.ioctl(lent, 0x5414, struct.pack("4H", 7, 9, 0, 0))  # TIOCSWINSZ
        result = struct.unpack("4H", fcntl.ioctl(screen, 0x5413, bytes(8)))[:2]
        result = result == (7, 9)
        """,
    ),
    _on(
        "keep others from opening a terminal",
        """
        _, lent = terminal()
        fcntl.ioctl(lent, 0x540C)  # TIOCEXCL
        told = fcntl.ioctl(lent, 0x80045440, bytes(4))  # TIOCGEXCL
        result = struct.unpack("i", told) == (1,)
        """,
    ),
    # What the filter makes of the control does not hang on a terminal being there.
    *(
        Attack(
            f"{name} what is no terminal",
            f"import fcntl, os; fcntl.ioctl(os.pipe()[0], {request:#x}, bytes(8))",
            ("seccomp",),
            answer=_NO_TERMINAL,
        )
        for name, request in CONTROLS.items()
    ),
)
