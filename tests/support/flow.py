"""A target whose methods stream, wait, sleep and count: for calls that overlap."""

from __future__ import annotations

from lockgate_sandbox.errors import Data

__all__ = ["ASYNC", "PLAIN", "up"]


def up(arguments: dict[str, Data]) -> Data:
    """The callback that some methods ask: `n` and a hundred."""
    number = arguments["n"]
    assert isinstance(number, int)
    return number + 100


PLAIN = """
import time

def count(session, n):
    for i in range(n):
        yield i
    return "counted"

def endless(session):
    try:
        i = 0
        while True:
            yield i
            i += 1
    finally:
        session.closed = True

def blobs(session, n, size):
    for i in range(n):
        yield bytes([i % 256]) * size

def total(session):
    return sum(session.items())

def double(session):
    for item in session.items():
        yield item * 2
    return "done"

def asks(session, n):
    for i in range(n):
        yield session.call_host("up", {"n": i})

def fails_midway(session):
    yield 1
    raise ValueError("midway")

def yields_objects(session):
    yield object()

def ignore_items(session):
    return "never looked"

def echo(session, **arguments):
    return arguments

def make(session, size):
    return bytes(size)

def nap(session, seconds):
    time.sleep(seconds)
    return seconds

def nap_asking(session, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        session.call_host("up", {"n": 1})
        time.sleep(0.01)

def was_closed(session):
    return getattr(session, "closed", False)

def say(session, text):
    print(text)
    return text

def fail(session, text):
    raise ValueError(text)

def unfit(session):
    return object()

METHODS = globals()

def build(session):
    return lambda method, arguments: METHODS[method](session, **arguments)
"""

ASYNC = """
import asyncio

async def nap(session, seconds):
    await asyncio.sleep(seconds)
    return seconds

async def asks(session, n):
    return [await session.acall_host("up", {"n": i}) for i in range(n)]

async def gathers(session, n):
    asked = (session.acall_host("up", {"n": i}) for i in range(n))
    return await asyncio.gather(*asked)

async def asks_plainly(session, n):
    await asyncio.sleep(0)
    return session.call_host("up", {"n": n})

async def count(session, n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i

async def total(session):
    result = 0
    async for item in session.aitems():
        result += item
    return result

async def double(session):
    async for item in session.aitems():
        yield item * 2

async def for_ever(session):
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        session.cancelled_one = True
        raise

async def stubborn(session):
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

async def was_cancelled(session):
    return getattr(session, "cancelled_one", False)

def plain(session, n):
    return n + 1

def plain_count(session, n):
    yield from range(n)

async def fail(session):
    await asyncio.sleep(0)
    raise KeyError("async")

METHODS = globals()

def build(session):
    return lambda method, arguments: METHODS[method](session, **arguments)
"""
