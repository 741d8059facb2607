"""Verdicts that are kept: believed only if nobody else can have written them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.manifest import Manifest, parse_manifest
from lockgate.values import Finding, Position, Range
from lockgate_marketplace.scan import Verdict, VerdictCache, _scan, scan
from lockgate_marketplace.wheel import Wheel
from tests.marketplace.store.conftest import judged
from tests.support.dists import manifest_text

TEXT = manifest_text("acme")
SOCKET = "import socket\nsocket.create_connection(('203.0.113.1', 1))\n"
WHEEL = judged("acme", manifest=TEXT, files={"acme/__init__.py": SOCKET})
CLEAN = judged("acme", "2.0", manifest=TEXT, files={"acme/__init__.py": "x = 1\n"})


@pytest.fixture
def cache(tmp_path: Path) -> VerdictCache:
    (tmp_path / "data").mkdir()
    return VerdictCache.below(tmp_path / "data")


def manifest() -> Manifest:
    return parse_manifest(TEXT.encode(), file="lockgate.toml", distribution="acme")


def read(wheel: Wheel, cache: VerdictCache, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Scan, and tell whether the source was read for it."""
    asked: list[str] = []
    wheel_read = Wheel.read

    def counted(self: Wheel, member: object) -> bytes:
        asked.append("read")
        return wheel_read(self, member)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Wheel, "read", counted)
        verdict = scan(wheel, manifest(), cache)
    assert bool(verdict.undeclared) is (wheel is WHEEL)
    return bool(asked)


def file_of(cache: VerdictCache, wheel: Wheel) -> Path:
    (found,) = cache.folder.glob(f"{wheel.sha256}-*.json")
    return found


def test_a_wheel_is_read_once(
    cache: VerdictCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = scan(WHEEL, manifest(), cache)

    assert not read(WHEEL, cache, monkeypatch)
    assert read(CLEAN, cache, monkeypatch)
    assert scan(WHEEL, manifest(), cache) == first
    assert first.id == scan(WHEEL, manifest()).id != scan(CLEAN, manifest()).id
    assert file_of(cache, WHEEL).stat().st_mode & 0o777 == 0o600


def test_beside_another_manifest_it_is_read_again(cache: VerdictCache) -> None:
    """A wheel that comes along is judged by what its plugin asks for."""
    text = manifest_text(
        "acme", tier='"elevated"', extra='[rights]\nnet = ["a.example"]'
    )
    asks = parse_manifest(text.encode(), file="x.toml", distribution="acme")

    assert scan(WHEEL, asks, cache).undeclared == ()
    assert scan(WHEEL, manifest(), cache).undeclared != ()


def test_other_readers_read_again(
    cache: VerdictCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(WHEEL, manifest(), cache)
    monkeypatch.setattr(_scan, "scanner_version", lambda: "newer rules")

    assert read(WHEEL, cache, monkeypatch)
    assert not read(WHEEL, cache, monkeypatch)


def lie(cache: VerdictCache) -> None:
    """The verdict of a wheel that does no harm, under the name of one that does."""
    raw = file_of(cache, CLEAN).read_bytes()
    file_of(cache, WHEEL).write_bytes(raw)


def forged(cache: VerdictCache) -> None:
    """The same, said of that wheel, with the sum of what it was before."""
    raw = file_of(cache, CLEAN).read_bytes()
    file_of(cache, WHEEL).write_bytes(
        raw.replace(CLEAN.sha256.encode(), WHEEL.sha256.encode())
    )


def right(cache: VerdictCache) -> None:
    """A forgery without a flaw: whoever writes it must not be able to."""
    body = file_of(cache, CLEAN).read_bytes().partition(b"\n")[2]
    body = body.replace(CLEAN.sha256.encode(), WHEEL.sha256.encode())
    head = hashlib.sha256(body).hexdigest().encode()
    file_of(cache, WHEEL).write_bytes(head + b"\n" + body)


def by_others(cache: VerdictCache) -> None:
    right(cache)
    file_of(cache, WHEEL).chmod(0o666)


def in_an_open_folder(cache: VerdictCache) -> None:
    right(cache)
    cache.folder.chmod(0o777)


def by_a_link(cache: VerdictCache) -> None:
    right(cache)
    place = file_of(cache, WHEEL)
    place.rename(cache.folder.parent / "elsewhere")
    place.symlink_to(cache.folder.parent / "elsewhere")


def torn(cache: VerdictCache) -> None:
    os.truncate(file_of(cache, WHEEL), 80)


@pytest.mark.parametrize(
    "attack", [lie, forged, by_others, in_an_open_folder, by_a_link, torn]
)
def test_a_verdict_that_another_can_have_written_is_none(
    cache: VerdictCache,
    monkeypatch: pytest.MonkeyPatch,
    attack: Callable[[VerdictCache], None],
) -> None:
    scan(WHEEL, manifest(), cache)
    scan(CLEAN, manifest(), cache)

    attack(cache)

    assert read(WHEEL, cache, monkeypatch)


def test_its_owner_alone_could_forge_one(cache: VerdictCache) -> None:
    """What the modes hold: with them right, the same forgery is believed."""
    scan(WHEEL, manifest(), cache)
    scan(CLEAN, manifest(), cache)

    right(cache)

    assert scan(WHEEL, manifest(), cache).undeclared == ()


@pytest.mark.parametrize("part", ["undeclared", "opaque", "notes"])
def test_a_verdict_without_one_of_its_parts_is_none(
    cache: VerdictCache, part: str
) -> None:
    cache.put("00", "scanner", Verdict())
    file = cache.folder / "00.json"
    body = json.loads(file.read_bytes().partition(b"\n")[2])

    def put(table: object) -> None:
        raw = json.dumps(table).encode()
        file.write_bytes(hashlib.sha256(raw).hexdigest().encode() + b"\n" + raw)

    put(body)
    assert cache.get("00", "scanner") == Verdict()
    del body["verdict"][part]
    put(body)
    assert cache.get("00", "scanner") is None


def test_nothing_is_made_where_nothing_is(tmp_path: Path) -> None:
    cache = VerdictCache.below(tmp_path / "none")

    scan(WHEEL, manifest(), cache)

    assert list(tmp_path.iterdir()) == []


@given(raw=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_bytes_break_it(cache: VerdictCache, raw: bytes) -> None:
    cache.folder.mkdir(exist_ok=True, mode=0o700)
    body = raw.rpartition(b"\n")[2]
    head = hashlib.sha256(body).hexdigest().encode()
    for content in (raw, head + b"\n" + body):
        (cache.folder / "00.json").write_bytes(content)
        assert cache.get("00", "scanner") is None


TEXTS = st.text(max_size=12)
PLACES = st.builds(Position, st.integers(1, 9), st.integers(1, 9))
FINDINGS = st.builds(
    Finding,
    TEXTS,
    TEXTS,
    st.sampled_from(["error", "warning", "note"]),
    TEXTS,
    st.none() | st.builds(Range, PLACES, PLACES),
    TEXTS,
    TEXTS,
)
PARTS = st.lists(FINDINGS, max_size=3).map(tuple)


@given(verdict=st.builds(Verdict, PARTS, PARTS, PARTS))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_what_is_kept_is_what_was_found(cache: VerdictCache, verdict: Verdict) -> None:
    cache.put("00", "scanner", verdict)

    assert cache.get("00", "scanner") == verdict
    assert cache.get("00", "other") is None
