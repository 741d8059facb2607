"""Files: whole or absent, resumed, and nothing but what the index said."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch import Credentials, Fetcher, FetchLimits, Wanted
from lockgate_marketplace.sources import Index
from tests.support.indexes import LoopbackIndex, cut_short, loopback_index
from tests.support.servers import Request, reply

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LIMITS = FetchLimits(backoff_seconds=0.001, attempts=3)


@pytest.fixture
def server() -> Generator[LoopbackIndex]:
    with loopback_index() as index:
        index.served["/f"] = CONTENT
        yield index


@pytest.fixture
def fetcher() -> Generator[Fetcher]:
    with Fetcher(limits=LIMITS, credentials=Credentials({}, {})) as fetcher:
        yield fetcher


def wanted(server: LoopbackIndex, folder: Path, **how: Any) -> Wanted:
    given: dict[str, Any] = {"sha256": SHA256, "size": len(CONTENT), **how}
    index = Index("main", server.url)
    return Wanted(index, f"{server.origin}/f", folder / "f.whl", **given)


def refused(code: str) -> Any:
    return pytest.raises(FetchError, check=lambda error: error.code == code)


def test_a_file_is_fetched_and_checked(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int | None]] = []

    def tell(name: str, done: int, total: int | None) -> None:
        told.append((name, done, total))

    got = fetcher.download(wanted(server, tmp_path), tell)

    assert got.path.read_bytes() == CONTENT
    assert (got.sha256, got.size, got.resumed) == (SHA256, len(CONTENT), 0)
    assert told[-1] == ("f.whl", len(CONTENT), len(CONTENT))
    assert [path.name for path in tmp_path.iterdir()] == ["f.whl"]
    assert got.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"sha256": "0" * 64}, "fetch-hash"),
        ({"size": len(CONTENT) - 1}, "fetch-size"),
        ({"size": len(CONTENT) + 1}, "fetch-size"),
    ],
)
def test_another_file_is_refused_and_nothing_is_left(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path, how: Any, code: str
) -> None:
    with refused(code):
        fetcher.download(wanted(server, tmp_path, **how))

    assert list(tmp_path.iterdir()) == []


def test_a_file_of_unknown_size_has_a_limit(
    server: LoopbackIndex, tmp_path: Path
) -> None:
    limits = FetchLimits(file_bytes=1000)
    with (
        Fetcher(limits=limits, credentials=Credentials({}, {})) as fetcher,
        refused("fetch-too-large"),
    ):
        fetcher.download(wanted(server, tmp_path, size=None))
    assert list(tmp_path.iterdir()) == []


def cut_once(server: LoopbackIndex, at: int, then: bytes = CONTENT) -> None:
    """Hang up once, in the middle; later requests are answered honestly."""

    def answer(request: Request) -> Iterator[bytes]:
        del server.answers["/f"]
        whole = server.answer(request)
        assert isinstance(whole, bytes)
        server.served["/f"] = then
        yield whole[: len(whole) - len(CONTENT) + at]
        raise ConnectionAbortedError

    server.answers["/f"] = answer


def test_a_file_that_was_cut_short_goes_on_where_it_stopped(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path
) -> None:
    cut_once(server, 100_000)

    got = fetcher.download(wanted(server, tmp_path))

    again = server.requests[1]
    assert again.header("range") == "bytes=100000-"
    assert again.header("if-range")
    assert got.path.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_begins_anew(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path
) -> None:
    other = b"other" * 100_000
    cut_once(server, 100_000, then=other)
    digest = hashlib.sha256(other).hexdigest()

    got = fetcher.download(wanted(server, tmp_path, sha256=digest, size=len(other)))

    assert got.path.read_bytes() == other


def test_a_later_run_goes_on_from_an_earlier_one(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path
) -> None:
    server.answers["/f"] = cut_short(CONTENT, after=200_000)
    with refused("fetch-truncated"):
        fetcher.download(wanted(server, tmp_path))
    left = [path.suffix for path in tmp_path.iterdir()]
    del server.answers["/f"]

    got = fetcher.download(wanted(server, tmp_path))

    assert left == [".part"]
    assert got.resumed == 200_000
    assert got.path.read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["f.whl"]


def test_a_prefix_that_is_not_the_files_is_thrown_away(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path
) -> None:
    server.answers["/f"] = cut_short(CONTENT, after=200_000)
    with refused("fetch-truncated"):
        fetcher.download(wanted(server, tmp_path))
    del server.answers["/f"]
    (part,) = tmp_path.glob(".*.part")
    part.write_bytes(b"evil" + part.read_bytes()[4:])

    got = fetcher.download(wanted(server, tmp_path))

    assert (got.path.read_bytes(), got.resumed) == (CONTENT, 0)


@pytest.mark.parametrize("header", ["bytes 0-9/10", "bytes 5-9/x", "", "lines 1-2/3"])
def test_another_range_than_asked_for_is_refused(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path, header: str
) -> None:
    server.answers["/f"] = cut_short(CONTENT, after=200_000)
    with refused("fetch-truncated"):
        fetcher.download(wanted(server, tmp_path))
    headers = (f"Content-Range: {header}",) if header else ()
    server.answers["/f"] = lambda _: reply(b"x", "206 Partial Content", headers)

    with refused("fetch-range"):
        fetcher.download(wanted(server, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_compressed_on_the_way_is_refused(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path
) -> None:
    server.answers["/f"] = lambda _: reply(CONTENT, headers=("Content-Encoding: gzip",))

    with refused("fetch-encoding"):
        fetcher.download(wanted(server, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path
) -> None:
    with refused("fetch-disk"):
        fetcher.download(wanted(server, tmp_path / "none"))


def test_an_unhashed_file_is_not_resumed_without_an_etag(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path
) -> None:
    server.etags = False
    server.answers["/f"] = cut_short(CONTENT, after=200_000)
    with refused("fetch-truncated"):
        fetcher.download(wanted(server, tmp_path, sha256="", size=None))
    del server.answers["/f"]

    got = fetcher.download(wanted(server, tmp_path, sha256="", size=None))

    assert (got.resumed, got.sha256) == (0, SHA256)


def _one(port: int, folder: str) -> None:
    index = Index("main", f"http://127.0.0.1:{port}/simple/")
    url, to = f"http://127.0.0.1:{port}/f", Path(folder, "f.whl")
    with Fetcher(limits=LIMITS, credentials=Credentials({}, {})) as fetcher:
        fetcher.download(Wanted(index, url, to, SHA256, None))


def test_processes_do_not_mix_their_bytes(
    server: LoopbackIndex, tmp_path: Path
) -> None:
    spawn = multiprocessing.get_context("spawn")
    other = spawn.Process(target=_one, args=(server.server.port, str(tmp_path)))
    other.start()
    while other.is_alive():
        (tmp_path / "f.whl").unlink(missing_ok=True)
        _one(server.server.port, str(tmp_path))

    assert other.exitcode == 0
    assert (tmp_path / "f.whl").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["f.whl"]


def test_files_come_in_parallel_and_one_failure_stops_the_rest(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path
) -> None:
    index = Index("main", server.url)
    many = [
        Wanted(index, f"{server.origin}/f?{n}", tmp_path / f"{n}.whl", SHA256, None)
        for n in range(8)
    ]

    got = fetcher.download_all(many)
    assert [one.path.name for one in got] == [f"{n}.whl" for n in range(8)]

    missing = Wanted(index, f"{server.origin}/none", tmp_path / "none", SHA256, None)
    with refused("fetch-missing"):
        fetcher.download_all([missing, *many])


def test_a_remote_file_is_read_in_places(
    server: LoopbackIndex, fetcher: Fetcher
) -> None:
    remote = fetcher.remote(Index("main", server.url), f"{server.origin}/f")
    remote.seek(1000)

    assert remote.size == len(CONTENT)
    assert remote.read(300) == CONTENT[1000:1300]
    assert remote.read(10) == CONTENT[1300:1310]
    assert len(server.requests) == 2


def test_a_remote_file_needs_ranges(server: LoopbackIndex, fetcher: Fetcher) -> None:
    server.ranges = False

    with refused("fetch-range"):
        fetcher.remote(Index("main", server.url), f"{server.origin}/f")


def test_all_files_together_have_a_bound(server: LoopbackIndex, tmp_path: Path) -> None:
    limits = FetchLimits(total_bytes=len(CONTENT) * 3 // 2, attempts=1)
    one, two = wanted(server, tmp_path), wanted(server, tmp_path / "two", size=None)
    two.to.parent.mkdir()
    with Fetcher(limits=limits, credentials=Credentials({}, {})) as fetcher:
        with refused("fetch-too-much"):
            fetcher.download_all([one, one])
        assert server.requests == [], "their sizes were told, so nothing is begun"

        fetcher.download(one)
        with refused("fetch-too-much"):
            fetcher.download(two)
    (left,) = two.to.parent.glob(".*.part")
    size = left.stat().st_size
    assert 0 < size <= len(CONTENT) // 2

    # The way out: another command goes on where this one stopped.
    with Fetcher(limits=limits, credentials=Credentials({}, {})) as fetcher:
        assert fetcher.download(two).resumed == size
