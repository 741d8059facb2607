"""The reading end of what a worker prints: bounded, never waited for, and tapped."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from lockgate_sandbox import OutputLimitError
from lockgate_sandbox._watch.output import Output


@contextmanager
def piped(limit: int) -> Generator[tuple[Output, int]]:
    reader, writer = os.pipe()
    output = Output(reader, limit)
    try:
        yield output, writer
    finally:
        output.close()
        os.close(writer)


def test_reading_ends_though_writing_does_not() -> None:
    """A device that always has more stands for writers that are quicker than we.

    A deadline could not be looked at before the flood's limit: here 16 GiB.
    """
    output = Output(os.open("/dev/zero", os.O_RDONLY), 1 << 30)
    try:
        assert output.drain()
        assert 1 << 20 < output.total < 1 << 24  # more than a pipe holds, and not much
    finally:
        output.close()


def test_reading_takes_all_that_a_pipe_can_hold() -> None:
    with piped(1 << 30) as (output, writer):
        most = fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 20)
        os.set_blocking(writer, False)
        wrote = os.write(writer, bytes(most))

        assert output.drain()
        assert output.total == wrote == most
        assert not output.waiting()


def test_a_tap_has_what_is_taken_and_as_soon_as_it_is_read() -> None:
    with piped(10) as (output, writer):
        os.write(writer, b"before ")
        output.drain()
        heard: list[bytes] = []
        output.listen(heard.append)
        assert heard == [b"before "]
        os.write(writer, b"after")
        output.drain()
        assert heard == [b"before ", b"aft"]
        os.write(writer, b"more")
        output.drain()

        taken = output.take()
        assert taken == b"before aft\n[output truncated: 6 bytes dropped]\n"
        assert b"".join(heard) == taken
        os.write(writer, b"x")
        output.drain()
        taken += output.take()
        assert b"".join(heard) == taken


def test_what_nobody_taps_is_taken_alone() -> None:
    with piped(10) as (output, writer):
        output.listen(print)
        output.tap = None
        os.write(writer, b"seen")
        output.drain()

        assert (output.take(), output.take()) == (b"seen", b"")


def test_a_flood_is_an_error_and_what_was_kept_is_heard() -> None:
    output = Output(os.open("/dev/zero", os.O_RDONLY), 10)
    heard: list[bytes] = []
    output.listen(heard.append)
    try:
        with pytest.raises(OutputLimitError):
            output.drain()
        taken = output.take()
        assert b"".join(heard) == taken
        assert b"truncated" in taken
    finally:
        output.close()
