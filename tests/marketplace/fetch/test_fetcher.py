"""Pages from a real server on loopback, honest and otherwise."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from lockgate_marketplace.fetch import Fetcher, FetchLimits
from tests.marketplace.fetch.fetched import NOBODY, body_of, index_of, refused
from tests.support.indexes import LoopbackIndex, compressed
from tests.support.servers import reply


def test_a_page_is_fetched_once_and_then_revalidated(
    server: LoopbackIndex, fetcher: Fetcher
) -> None:
    url = body_of(server, b"one")
    first = fetcher.page(index_of(server), url)
    second = fetcher.page(index_of(server), url)
    server.served["/x"] = b"two"
    third = fetcher.page(index_of(server), url)

    assert [r.origin for r in (first, second, third)] == ["new", "revalidated", "new"]
    assert [r.content for r in (first, second, third)] == [b"one", b"one", b"two"]


def test_a_damaged_cache_entry_is_not_used(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path
) -> None:
    url = body_of(server, b"one")
    fetcher.page(index_of(server), url)
    (entry,) = (tmp_path / "cache").glob("??/*")
    entry.write_bytes(entry.read_bytes().replace(b"\none", b"\nevil"))

    assert fetcher.page(index_of(server), url).content == b"one"
    assert server.requests[-1].header("if-none-match") is None


def test_a_cache_that_others_may_write_is_not_used(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path
) -> None:
    url = body_of(server, b"one")
    fetcher.page(index_of(server), url)
    (entry,) = (tmp_path / "cache").glob("??/*")
    entry.chmod(0o666)

    assert fetcher.page(index_of(server), url).origin == "new"


def test_a_cache_whose_folder_others_may_write_is_not_used(
    fetcher: Fetcher, tmp_path: Path
) -> None:
    """Whoever may can't write our files, and can put an old one back."""
    fetcher.remember("a", b"kept")
    assert fetcher.remembered("a") == b"kept"

    (tmp_path / "cache").chmod(0o777)

    assert fetcher.remembered("a") is None


@pytest.mark.parametrize("status", ["304 Not Modified", "206 Partial Content"])
def test_a_sidecar_that_is_no_whole_answer_is_refused(
    server: LoopbackIndex, fetcher: Fetcher, status: str
) -> None:
    server.answers["/x"] = lambda _: reply(b"", status)

    with refused("fetch-status"):
        fetcher.sidecar(index_of(server), f"{server.origin}/x")


def test_all_pages_together_have_a_bound(server: LoopbackIndex) -> None:
    limits = FetchLimits(total_bytes=5000)
    url = body_of(server, b"x" * 2000)
    with Fetcher(limits=limits, credentials=NOBODY) as fetcher:
        for number in range(2):
            fetcher.page(index_of(server), f"{url}?{number}")
        with refused("fetch-too-much"):
            fetcher.page(index_of(server), f"{url}?2")
        with refused("fetch-too-much"):
            fetcher.sidecar(index_of(server), f"{url}?3")


def test_the_cache_is_trimmed(server: LoopbackIndex, tmp_path: Path) -> None:
    limits = FetchLimits(cache_bytes=5000)
    with Fetcher(tmp_path / "cache", limits=limits, credentials=NOBODY) as fetcher:
        for number in range(4):
            url = body_of(server, b"x" * 2000)
            fetcher.page(index_of(server), f"{url}?{number}")

    kept = sum(path.stat().st_size for path in (tmp_path / "cache").glob("??/*"))
    assert 2000 < kept <= 5000


def test_a_compressed_page_is_unpacked(server: LoopbackIndex, fetcher: Fetcher) -> None:
    server.answers["/x"] = lambda _: compressed(b"hello" * 1000)

    content = fetcher.page(index_of(server), f"{server.origin}/x").content

    assert content == b"hello" * 1000


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("401 Unauthorized", "fetch-denied"),
        ("403 Forbidden", "fetch-denied"),
        ("404 Not Found", "fetch-missing"),
        ("418 I'm a teapot", "fetch-status"),
        ("503 Service Unavailable", "fetch-status"),
    ],
)
def test_a_status_has_its_code(
    server: LoopbackIndex, fetcher: Fetcher, status: str, code: str
) -> None:
    server.answers["/x"] = lambda _: reply(b"", status)

    with refused(code):
        fetcher.page(index_of(server), f"{server.origin}/x")
    assert len(server.requests) == (3 if status.startswith("503") else 1)


def test_an_answer_that_comes_at_last_is_taken(
    server: LoopbackIndex, fetcher: Fetcher
) -> None:
    answers = [reply(b"", "503 x"), reply(b"", "429 x", ("Retry-After: 0",)), reply()]
    server.answers["/x"] = lambda _: answers.pop(0)

    assert fetcher.page(index_of(server), f"{server.origin}/x").content == b"ok"


def test_a_long_wait_is_refused_at_once(
    server: LoopbackIndex, fetcher: Fetcher
) -> None:
    wait = ("Retry-After: 99999",)
    server.answers["/x"] = lambda _: reply(b"", "503 x", wait)

    with refused("fetch-status"):
        fetcher.page(index_of(server), f"{server.origin}/x")
    assert len(server.requests) == 1


def test_threads_share_a_fetcher(server: LoopbackIndex, fetcher: Fetcher) -> None:
    for number in range(12):
        server.served[f"/n{number}"] = str(number).encode() * 100_000
    got: dict[int, bytes] = {}

    def one(number: int) -> None:
        url = f"{server.origin}/n{number}"
        got[number] = fetcher.page(index_of(server), url).content

    threads = [threading.Thread(target=one, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == {n: str(n).encode() * 100_000 for n in range(12)}
