"""Getting: files onto the disk, side by side, each held against all that was said."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

from lockgate.manifest import Manifest
from lockgate_marketplace.errors import ResolutionError
from lockgate_marketplace.fetch import Downloaded
from lockgate_marketplace.identity import Evidence
from lockgate_marketplace.install._fits import manifest_of
from lockgate_marketplace.install._incoming import Incoming
from lockgate_marketplace.install.named._evidence import evidence_at
from lockgate_marketplace.resolve import IndexClient, Pinned
from lockgate_marketplace.wheel import Surroundings, Wheel, open_wheel

__all__ = ["Arrived", "Tell", "get", "opened", "same_manifest"]

Tell: TypeAlias = Callable[[str, "float | None"], object]
"""Told what is done, and how far it is (0 to 1) or None: `lockgate.verb.Report`."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that is what its index described, and what was beside it."""

    pinned: Pinned
    file: Downloaded
    evidence: Evidence


def get(
    wanted: Iterable[Pinned], client: IndexClient, incoming: Incoming, tell: Tell
) -> Mapping[tuple[str, str], Arrived]:
    """Download each file once, several at a time; by index and file name.

    The folder is held meanwhile by the caller. A file without a hash is pinned in the
    client's memory by the first one that came.

    Raises:
        FetchError, PageError: If one can't be had, or is not what its page says.
        FreshnessError: If an unhashed file is known to be something else.
    """
    pinned = {(one.index, one.file.filename): one for one in wanted}
    tally = _Tally(tell, {key[1]: one.file.size for key, one in pinned.items()})
    with ThreadPoolExecutor(client.fetcher.limits.parallel, "lockgate-get") as pool:
        evidence = pool.map(partial(_evidence, client), pinned.values())
        proofs = dict(zip(pinned, evidence, strict=True))
    files = _files(pinned, client, incoming, tally)
    found: dict[tuple[str, str], Arrived] = {}
    for key, one in pinned.items():
        if not one.file.sha256:
            client.freshness.pin(
                one.index,
                one.name,
                one.file.filename,
                files[key].sha256,
                files[key].size,
            )
        found[key] = Arrived(one, files[key], proofs[key])
    return found


def _evidence(client: IndexClient, one: Pinned) -> Evidence:
    return evidence_at(client, client.sources.named(one.index), one.file)


def _files(
    pinned: Mapping[tuple[str, str], Pinned],
    client: IndexClient,
    incoming: Incoming,
    tally: _Tally,
) -> dict[tuple[str, str], Downloaded]:
    found: dict[tuple[str, str], Downloaded] = {}
    places = {key: incoming.place(*key) for key in pinned}
    for key, one in pinned.items():
        if (there := _there(places[key], one.file.sha256)) is not None:
            found[key] = there
            tally.add(key[1], there.size, there.size)
    left = {key: one for key, one in pinned.items() if key not in found}
    downloads = [
        client.wanted(client.sources.named(one.index), one.file, places[key])
        for key, one in left.items()
    ]
    got = client.fetcher.download_all(downloads, tally.add)
    return found | dict(zip(left, got, strict=True))


def _there(path: Path, sha256: str) -> Downloaded | None:
    """The whole file that an earlier attempt left, if its hash is known and right."""
    if not sha256:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            return None
        size = os.fstat(file.fileno()).st_size
    return Downloaded(path, sha256, size, size)


def opened(arrived: Arrived, client: IndexClient, around: Surroundings) -> Wheel:
    """Let the gate judge the very bytes that came, and the index's words about them.

    Raises:
        WheelError: If the gate refuses it.
        ResolutionError: If METADATA or manifest are not those that the index showed.
        PageError, FetchError: If the manifest that it shows can't be had.
    """
    pinned, file = arrived.pinned, arrived.file
    wheel = open_wheel(
        file.path, expect=pinned.file.wheel, sha256=file.sha256, around=around
    )
    index = client.sources.named(pinned.index)
    try:
        pinned.check(wheel)
    except ResolutionError:
        client.forget_metadata(index, pinned.file)
        raise
    shown = client.manifest(index, pinned.file)
    if shown is not None and not same_manifest(wheel, shown):
        message = (
            "the manifest in the wheel is not the one that the index showed: it may "
            "want other rights than you were shown"
        )
        raise ResolutionError(
            "resolve-manifest-differs", message, where=pinned.file.filename
        )
    return wheel


def same_manifest(wheel: Wheel, shown: Mapping[str, object]) -> bool:
    """Whether a wheel's manifest is the one that is shown, which may be anything."""
    if wheel.manifest is None:
        return False
    try:
        return Manifest.from_data(shown) == manifest_of(wheel)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False  # nothing that describes a manifest


@dataclass
class _Tally:
    """How much of all files has come; told from several threads."""

    tell: Tell
    sizes: dict[str, int | None]
    _done: dict[str, int] = field(default_factory=dict[str, int])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, filename: str, done: int, total: int | None) -> None:
        """Take over what is known of one file."""
        with self._lock:
            self._done[filename] = done
            self.sizes[filename] = total if total is not None else done
            sizes: Sequence[int | None] = list(self.sizes.values())
            come = sum(self._done.values())
            whole = sum(size or 0 for size in sizes) if None not in sizes else 0
        said = f"{come / 1e6:.1f}" + (f" of {whole / 1e6:.1f} MB" if whole else " MB")
        count = f"{len(self.sizes)} file{'s' if len(self.sizes) > 1 else ''}"
        self.tell(f"getting {count}, {said}", come / whole if whole else None)
