"""A script that is given the host's terminal leaves it as it was."""

from __future__ import annotations

import fcntl
import os
import pty
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lockgate_sandbox import WallLimitError
from lockgate_sandbox._start.lent import Lent
from tests.support.sandbox import Lab, policy

pytestmark = pytest.mark.kernel

_MISCHIEF = """
import fcntl, os, struct, termios, time
for fd in (0, 1, 2):
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_NONBLOCK | os.O_APPEND)
settings = termios.tcgetattr(0)
settings[3] = 0  # no echo, no lines, no signal for ^C
termios.tcsetattr(0, termios.TCSANOW, settings)
try:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 1, 1, 0, 0))
    raise SystemExit("its size has changed")
except PermissionError:
    pass
"""

_HOLD = """
import fcntl, termios
refused = 0
for hold in (
    lambda: termios.tcflow(1, termios.TCOOFF),
    lambda: fcntl.ioctl(1, termios.TIOCEXCL),
):
    try:
        hold()
    except (OSError, termios.error):
        refused += 1
raise SystemExit(refused)
"""
"""The terminal takes no output any more, and nobody but root may open it."""


@pytest.fixture
def terminal() -> Iterator[int]:
    """A terminal, as a shell would hand it down."""
    keyboard, screen = pty.openpty()
    yield screen
    os.close(keyboard)
    os.close(screen)


def _state(fd: int) -> tuple[object, ...]:
    return fcntl.fcntl(fd, fcntl.F_GETFL), termios.tcgetattr(fd)


def _run(lab: Lab, terminal: int, more: str = "", wall: int = 30) -> object:
    script = Path(lab.folder, "mischief.py")
    script.write_text(_MISCHIEF + more)
    given = policy(limits={"wall_seconds": wall})
    stdio = (terminal, terminal, terminal)
    return lab.sandbox.run_file(given, script, stdio=stdio).error


def test_a_terminal_is_as_it_was(lab: Lab, terminal: int) -> None:
    before = _state(terminal)
    assert _run(lab, terminal) is None
    assert _state(terminal) == before


def _held(lab: Lab, terminal: int) -> tuple[int, bool, bool]:
    """How often holding the terminal was refused, and whether it is held."""
    script = Path(lab.folder, "hold.py")
    script.write_text(_HOLD)
    stdio = (terminal, terminal, terminal)
    refused = lab.sandbox.run_file(policy(), script, stdio=stdio).status
    os.set_blocking(terminal, False)
    try:
        stopped = not os.write(terminal, b"after")
    except BlockingIOError:
        stopped = True
    exclusive = fcntl.ioctl(terminal, 0x80045440, bytes(4))  # TIOCGEXCL
    return refused, stopped, any(exclusive)


def test_nobody_holds_the_terminal(lab: Lab, terminal: int) -> None:
    assert _held(lab, terminal) == (2, False, False)


def test_a_terminal_that_was_held_is_let_go(
    lab_without: Callable[..., Lab], terminal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = lab_without("seccomp")
    assert _held(lab, terminal) == (0, False, False)
    monkeypatch.setattr(Lent, "take_back", lambda _: None)  # pyright: ignore
    assert _held(lab, terminal) == (0, True, True)


def test_so_it_is_where_the_script_was_killed(lab: Lab, terminal: int) -> None:
    before = _state(terminal)
    assert isinstance(_run(lab, terminal, "time.sleep(60)", 1), WallLimitError)
    assert _state(terminal) == before


def test_nobody_else_puts_it_right(
    lab: Lab, terminal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lent, "take_back", lambda _: None)  # pyright: ignore
    before = _state(terminal)
    assert _run(lab, terminal) is None
    after = _state(terminal)
    assert all(a != b for a, b in zip(after, before, strict=True))


def test_what_is_no_terminal_or_closed_is_left_alone() -> None:
    reader, writer = os.pipe()
    lent = Lent([reader, writer])
    os.set_blocking(writer, False)
    os.close(reader)
    lent.take_back()
    assert os.get_blocking(writer)
    os.close(writer)
    Lent([writer]).take_back()
