"""Relays: a worker's half of a socket pair on one side, a TCP connection on the other.

One thread per broker moves the bytes of all its relays. Each direction has a bounded
buffer, so a slow side holds the other one up, and every byte is taken from the meters
before it is read. Descriptors that a worker sends along are closed by the kernel: no
room is ever given for them (unix(7), SCM_RIGHTS).
"""

from __future__ import annotations

import select
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from lockgate_sandbox._line import copies
from lockgate_sandbox.broker._quota import Meters, QuotaError

__all__ = ["Relay", "Relays"]

_BUFFER_BYTES = 64 << 10
_TICK_SECONDS = 1.0
"""How often idle relays are looked for."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class _Way:
    """One direction: what was read and not yet written, and how it ends."""

    __slots__ = ("buffer", "ended", "shut", "source", "target")

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.buffer = bytearray()
        self.ended = False
        self.shut = False

    def read(self, meters: Meters) -> int:
        amount = meters.reserve(_BUFFER_BYTES - len(self.buffer))
        data = b""
        try:
            data = self.source.recv(amount)
        except BlockingIOError:
            return 0
        finally:
            meters.give_back(amount - len(data))
        self.buffer += data
        self.ended = not data
        return len(data)

    def write(self) -> None:
        if self.buffer:
            # Whoever reads may be gone: an error, never a SIGPIPE to an embedder.
            with suppress(BlockingIOError):
                sent = self.target.send(self.buffer, socket.MSG_NOSIGNAL)
                del self.buffer[:sent]
        if self.ended and not self.buffer and not self.shut:
            self.shut = True
            with suppress(OSError):  # the other way may have failed already
                self.target.shutdown(socket.SHUT_WR)


class Relay:
    """One connection. Only the relays' thread touches it, but for `end`."""

    def __init__(
        self,
        near: socket.socket,
        far: socket.socket,
        meters: Meters,
        *,
        idle_seconds: float,
        ended: Callable[[Relay, str], None],
        short: Callable[[QuotaError], object],
    ) -> None:
        near.setblocking(False)
        self.near = near
        self.far = far
        self.moved = 0
        self.reason = ""
        self._meters = meters
        self._idle = idle_seconds
        self._ended = ended
        self._short = short
        self.last = time.monotonic()
        self.up, self.down = _Way(near, far), _Way(far, near)

    def interest(self) -> dict[socket.socket, int]:
        """What to wait for."""
        wanted = {self.near: 0, self.far: 0}
        for way in (self.up, self.down):
            if not way.ended and len(way.buffer) < _BUFFER_BYTES:
                wanted[way.source] |= _READ
            if way.buffer:
                wanted[way.target] |= _WRITE
        return wanted

    def step(self, ready: socket.socket, events: int) -> None:
        """Move what can be moved; `over` tells whether that was all."""
        self.last = time.monotonic()
        try:
            for way in (self.up, self.down):
                if way.source is ready and events & _READ:
                    self.moved += way.read(self._meters)
                way.write()
            if self.gone():
                self.reason = self.reason or "the worker closed it"
        except QuotaError as error:
            self.reason = error.reason
            with suppress(OSError):  # it ends, whether or not that can be recorded
                self._short(error)
        except OSError as error:
            self.reason = self.reason or error.strerror or "the connection failed"

    def gone(self) -> bool:
        """Whether the worker's half is closed altogether and all it sent is sent on."""
        if not self.up.shut:
            return False
        poll = select.poll()
        poll.register(self.near, 0)  # POLLHUP is always told (poll(2))
        return bool(poll.poll(0))

    @property
    def over(self) -> bool:
        """Whether both directions have ended, or one has failed."""
        return bool(self.reason) or (self.up.shut and self.down.shut)

    def late(self, now: float) -> bool:
        """Whether nobody listens any more, or nothing moved for too long."""
        if self.gone():
            self.reason = self.reason or "the worker closed it"
        elif now - self.last > self._idle:
            self.reason = f"nothing moved for {self._idle:g} s"
        return bool(self.reason)

    def discard(self) -> None:
        """Close all of it."""
        self.near.close()
        self.far.close()

    def close(self) -> None:
        """Close all of it and report."""
        self.discard()
        self._ended(self, self.reason)


class Relays:
    """The relays of one broker and their thread, which starts with the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._new: list[Relay] = []
        self._live: dict[Relay, dict[socket.socket, int]] = {}
        self._selector = copies.alone(selectors.DefaultSelector)
        self._wake, self._woken = copies.pair(socket.SOCK_STREAM)
        for sock in (self._wake, self._woken):
            sock.setblocking(False)
        self._selector.register(self._woken, _READ, None)
        self._closed = False
        self._thread: threading.Thread | None = None

    def add(self, relay: Relay) -> None:
        """Begin to relay.

        Raises:
            ConnectionError: If the broker is closed.
        """
        with self._lock:
            if self._closed:
                msg = "the broker is closed"
                raise ConnectionError(msg)
            self._new.append(relay)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="lockgate-relay", daemon=True
                )
                self._thread.start()
        self._nudge()

    def end(self, relay: Relay, reason: str) -> None:
        """End one relay soon, from any thread."""
        # The bytes stop here; the thread, which this wakes, does the book-keeping.
        relay.reason = relay.reason or reason
        for sock in (relay.near, relay.far):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._nudge()

    def close(self) -> None:
        """End all relays and the thread. May be repeated."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            thread = self._thread
        self._nudge()
        if thread is not None:
            thread.join()
        self._selector.close()
        self._wake.close()
        self._woken.close()

    def _nudge(self) -> None:
        with suppress(OSError):  # full: it is awake anyway; closed: it is gone
            self._wake.send(b"!")

    def _run(self) -> None:
        while not self._closed:
            for key, events in self._selector.select(_TICK_SECONDS):
                relay: Relay | None = key.data
                if relay is None:
                    with suppress(BlockingIOError):
                        self._woken.recv(4_096)
                elif relay in self._live and isinstance(key.fileobj, socket.socket):
                    relay.step(key.fileobj, events)
                    self._settle(relay)
            self._take_in()
            now = time.monotonic()
            for relay in [item for item in self._live if item.late(now)]:
                self._settle(relay)
        self._take_in()
        for relay in list(self._live):
            relay.reason = relay.reason or "the broker was closed"
            self._settle(relay)

    def _take_in(self) -> None:
        with self._lock:
            new, self._new = self._new, []
        for relay in new:
            self._live[relay] = {}
            self._settle(relay)

    def _settle(self, relay: Relay) -> None:
        """Wait for what the relay now waits for, or bury it."""
        known = self._live[relay]
        wanted = relay.interest() if not relay.over else {}
        for sock in (relay.near, relay.far):
            before, after = known.get(sock, 0), wanted.get(sock, 0)
            if before == after:
                continue
            if not before:
                self._selector.register(sock, after, relay)
            elif not after:
                self._selector.unregister(sock)
            else:
                self._selector.modify(sock, after, relay)
        if relay.over:
            del self._live[relay]
            relay.close()
        else:
            self._live[relay] = wanted
