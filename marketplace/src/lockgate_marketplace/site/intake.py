"""A folder of wheels becomes releases: each judged once, then hashed only.

A wheel that is new is copied into the next site and judged there, so that the bytes
that are served are the bytes that passed. A wheel that the present site has is
hashed where it lies and taken over. A file name never changes its bytes: clients
have its hash.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from packaging.utils import canonicalize_name, parse_wheel_filename

from lockgate.errors import LockgateError
from lockgate.manifest import parse_manifest
from lockgate_marketplace.errors import PublishError, WheelError
from lockgate_marketplace.identity import WheelFile, verify_signature
from lockgate_marketplace.site import beside
from lockgate_marketplace.site.regular import open_regular
from lockgate_marketplace.site.release import (
    MANIFEST_SUFFIX,
    METADATA_SUFFIX,
    PROVENANCE_SUFFIX,
    SIGNATURE_SUFFIX,
    Release,
    about,
)
from lockgate_marketplace.site.state import State, canonical
from lockgate_marketplace.site.tree import Tree
from lockgate_marketplace.wheel import Surroundings, Target, Wheel, open_wheel

__all__ = [
    "ANY_MACHINE",
    "Intake",
    "Refused",
    "owned_names",
    "sorted_refusals",
    "take_in",
]

ANY_MACHINE = Surroundings(Target(), host=True)
"""An index serves wheels for machines that it is not; whoever installs judges again."""

_COMING = ".coming"
_BESIDE = (PROVENANCE_SUFFIX, SIGNATURE_SUFFIX, beside.VERDICTS_SUFFIX)
_BATCH = 64
_PIECE_BYTES = 1 << 20

_AHEAD = 4
_THREADS = 2
"""hashlib lets go of the interpreter while it hashes."""

Progress: TypeAlias = "Callable[[str, float | None], None]"
"""Told a file's name, and how far the work is (0 to 1)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A wheel that is not in the index, and why."""

    file: str
    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of a folder of wheels; `judged` are those that were new."""

    releases: tuple[Release, ...]
    refused: tuple[Refused, ...]
    judged: frozenset[str]


def take_in(
    wheels: Path, state: State, tree: Tree, *, rules: str, now: int, progress: Progress
) -> Intake:
    """Judge, hash and place every wheel below `wheels`.

    What other `rules` than these passed is judged again.

    Raises:
        PublishError: If `wheels` is no folder (`index-wheels-missing`).
        OSError: If a file can't be read or written.
    """
    found, others, refused = _listed(wheels)
    hashes = _hashed([name for name in found if name in state.releases], found)
    names = sorted(found)
    fresh = [name for name in names if _to_judge(name, hashes, state, tree, rules)]
    releases: list[Release] = []
    judged = frozenset(fresh)
    with closing(_opened([found[name] for name in fresh], tree)) as opened:
        for at, name in enumerate(names):
            progress(name, at / len(found))
            path, before = found[name], state.releases.get(name)
            try:
                if before and name not in judged:
                    releases.append(_taken_over(before, path, tree, others))
                    _check_same(before, hashes[name], path)
                    continue
                uploaded = before.uploaded if before else now
                wheel = next(opened).result()
                gone = state.gone.get(name, "")
                releases.append(_placed(wheel, path, tree, others, uploaded, gone))
            except LockgateError as error:
                refused.append(_refused(name, error))
    tree.drop(_COMING)
    return Intake(tuple(releases), tuple(refused), judged)


def _to_judge(
    name: str, hashes: Mapping[str, str], state: State, tree: Tree, rules: str
) -> bool:
    """Whether a wheel is new, or has to pass again: other `rules`, or no copy of it."""
    before = state.releases.get(name)
    if not before:
        return True
    if hashes[name] != before.sha256:
        return False  # refused for that, whatever is in it
    return state.rules != rules or not tree.has(before.path(), before.size)


def _opened(paths: Sequence[str], tree: Tree) -> Generator[Future[Wheel]]:
    """Copy and judge wheels, some ahead of who takes them, in their order.

    zlib and hashlib let go of the interpreter, and take most of a gate's time.
    """
    waiting: deque[Future[Wheel]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for path in paths:
            name = os.path.basename(path)  # noqa: PTH119
            waiting.append(pool.submit(_open, path, tree.path(f"{_COMING}/{name}")))
            if len(waiting) > _AHEAD:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()


def _open(path: str, coming: Path) -> Wheel:
    """Copy the wheel, and let the gate judge the copy."""
    _copy(path, coming)
    return open_wheel(coming, around=ANY_MACHINE)


def _listed(wheels: Path) -> tuple[dict[str, str], frozenset[str], list[Refused]]:
    """Each wheel by its file name, the other files' names, and what is there twice."""
    if not wheels.is_dir():
        message = f"{wheels} is no folder of wheels"
        raise PublishError("index-wheels-missing", message, where=str(wheels))
    found: dict[str, list[str]] = {}
    others: set[str] = set()
    for folder, folders, files in os.walk(wheels):
        folders.sort()
        for name in files:
            if name.endswith(".whl"):
                found.setdefault(name, []).append(f"{folder}/{name}")
            else:
                others.add(name)
    refused = [_twice(name) for name, paths in found.items() if len(paths) > 1]
    once = {name: one[0] for name, one in found.items() if len(one) == 1}
    return once, frozenset(others), refused


def _hashed(names: Sequence[str], found: Mapping[str, str]) -> dict[str, str]:
    """The hash of each file; in batches, since handing one over costs as much."""
    batches = [names[at : at + _BATCH] for at in range(0, len(names), _BATCH)]

    def batch(some: Sequence[str]) -> list[str]:
        return [_sha256(found[name]) for name in some]

    with ThreadPoolExecutor(_THREADS) as pool:
        made = pool.map(batch, batches)
        return dict(zip(names, chain.from_iterable(made), strict=True))


def _sha256(path: str) -> str:
    """The hash; empty if the file can't be read."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _changed(name: str, was: str) -> PublishError:
    message = f"{name} was published with other bytes (sha256 {was[:16]}…)"
    return PublishError("index-file-changed", message, where=name)


def _check_same(before: Release, digest: str, path: str) -> None:
    """Whether a wheel has the bytes still that it was published with."""
    if not digest:
        raise _unreadable(path)
    if digest != before.sha256:
        raise _changed(before.filename, before.sha256)


def _unreadable(path: str, reason: str | None = None) -> WheelError:
    return WheelError("wheel-unreadable", reason or "it can't be read", where=path)


def _taken_over(
    before: Release, path: str, tree: Tree, others: frozenset[str]
) -> Release:
    """The release as the present site has it, with what lies beside it now."""
    found = _with_sidecars(before, path, tree, others)
    suffixes = ["", METADATA_SUFFIX]
    if before.manifest:
        suffixes.append(MANIFEST_SUFFIX)
    for suffix in suffixes:
        tree.keep(before.path(suffix))
    return found


def _placed(
    wheel: Wheel,
    path: str,
    tree: Tree,
    others: frozenset[str],
    uploaded: int,
    gone: str,
) -> Release:
    """Keep the copy of a wheel that the gate let in, with what belongs to it."""
    if gone and gone != wheel.sha256:
        raise _changed(wheel.filename, gone)
    release, sidecar = _release(wheel, uploaded)
    release = _with_sidecars(release, path, tree, others)
    tree.write(release.path(METADATA_SUFFIX), wheel.metadata)
    if sidecar:
        tree.write(release.path(MANIFEST_SUFFIX), sidecar)
    tree.path(f"{_COMING}/{wheel.filename}").rename(tree.path(release.path()))
    return release


def _copy(path: str, coming: Path) -> None:
    """The wheel's bytes into the next site.

    Raises:
        WheelError: If there is no file that can be read (`wheel-unreadable`).
    """
    try:
        file = open_regular(path)
    except OSError as error:
        raise _unreadable(path, error.strerror) from None
    with file, coming.open("wb") as copy:
        shutil.copyfileobj(file, copy, _PIECE_BYTES)


def _release(wheel: Wheel, uploaded: int) -> tuple[Release, bytes]:
    """What is known of a wheel, and the sidecar with its manifest, if it has one."""
    project = canonicalize_name(wheel.name)
    plain = Release(
        filename=wheel.filename,
        project=project,
        name=wheel.name,
        version=str(parse_wheel_filename(wheel.filename)[1]),
        sha256=wheel.sha256,
        size=wheel.size,
        uploaded=uploaded,
        requires_python=wheel.requires_python,
        requires=tuple(wheel.requires_dist),
        about=about(wheel.metadata),
        metadata_sha256=hashlib.sha256(wheel.metadata).hexdigest(),
    )
    if wheel.manifest is None:
        return plain, b""
    manifest = parse_manifest(
        wheel.manifest, file=f"{wheel.filename}/lockgate.toml", distribution=wheel.name
    )
    data = manifest.to_data(short=True)
    sidecar = canonical(
        {
            "schema": 1,
            "filename": wheel.filename,
            "sha256": wheel.sha256,
            "toml-sha256": hashlib.sha256(wheel.manifest).hexdigest(),
            "manifest": data,
        }
    )
    digest = hashlib.sha256(sidecar).hexdigest()
    return replace(plain, manifest=data, manifest_sha256=digest), sidecar


def _with_sidecars(
    release: Release, path: str, tree: Tree, others: frozenset[str]
) -> Release:
    """The release with what lies beside its wheel: origin and verdicts."""
    had = release.provenance_sha256 or release.signature_sha256 or release.verdicts
    has = any(release.filename + suffix in others for suffix in _BESIDE)
    if not had and not has:
        return release
    found = replace(
        release,
        provenance_sha256="",
        publishers=(),
        signature_sha256="",
        signers=(),
        verdicts=(),
    )
    provenance = _beside(path, PROVENANCE_SUFFIX, others)
    if provenance is not None:
        publishers = beside.check_provenance(
            provenance, filename=release.filename, sha256=release.sha256
        )
        digest = hashlib.sha256(provenance).hexdigest()
        found = replace(found, provenance_sha256=digest, publishers=publishers)
        tree.write(release.path(PROVENANCE_SUFFIX), provenance)
    signature = _beside(path, SIGNATURE_SUFFIX, others)
    if signature is not None:
        file = WheelFile(release.filename, release.sha256)
        keys = tuple(one.subject for one in verify_signature(file, signature))
        digest = hashlib.sha256(signature).hexdigest()
        found = replace(found, signature_sha256=digest, signers=keys)
        tree.write(release.path(SIGNATURE_SUFFIX), signature)
    verdicts = _beside(path, beside.VERDICTS_SUFFIX, others)
    if verdicts is not None:
        said = beside.check_verdicts(verdicts, filename=release.filename)
        found = replace(found, verdicts=said)
    return found


def _beside(path: str, suffix: str, others: frozenset[str]) -> bytes | None:
    name = os.path.basename(path) + suffix  # noqa: PTH119 - asked for every wheel
    if name not in others:
        return None
    try:
        with BufferedReader(open_regular(Path(path).with_name(name))) as file:
            raw = file.read(beside.SIDECAR_LIMIT_BYTES + 1)
    except FileNotFoundError:  # that of a wheel in another folder
        return None
    except OSError as error:
        message = f"{name} can't be read: {error.strerror}"
        raise PublishError("index-sidecar-invalid", message, where=name) from None
    if len(raw) > beside.SIDECAR_LIMIT_BYTES:
        limit = f"{beside.SIDECAR_LIMIT_BYTES >> 20} MiB"
        message = f"{name} is larger than {limit}"
        raise PublishError("index-sidecar-invalid", message, where=name)
    return raw


def owned_names(
    releases: Iterable[Release],
) -> tuple[tuple[Release, ...], tuple[Refused, ...]]:
    """Each plugin's name for the project that had it first; the others are refused."""
    ordered = sorted(releases, key=lambda one: (one.uploaded, one.project))
    owners: dict[str, str] = {}
    kept: list[Release] = []
    refused: list[Refused] = []
    for release in ordered:
        name = release.manifest["name"] if release.manifest else ""
        owner = owners.setdefault(name, release.project) if name else release.project
        if owner == release.project:
            kept.append(release)
        else:
            refused.append(_taken(release, name, owner))
    return tuple(kept), tuple(refused)


def _taken(release: Release, name: str, owner: str) -> Refused:
    message = f"the plugin name {name!r} belongs to {owner}"
    return _refused(release.filename, PublishError("index-name-taken", message))


def _twice(name: str) -> Refused:
    message = f"more than one file below the folder has the name {name}"
    return _refused(name, PublishError("index-file-twice", message))


def _refused(file: str, error: LockgateError) -> Refused:
    return Refused(file, error.code, error.message, error.hint)


def sorted_refusals(*groups: Iterable[Refused]) -> tuple[Refused, ...]:
    """All refusals by file name."""
    found: Iterator[Refused] = (one for group in groups for one in group)
    return tuple(sorted(found, key=lambda one: one.file))
