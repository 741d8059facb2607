"""What a lock names and neither the store nor a folder has: got from its index.

The lock says which file, by its hash, and which index it came from. Whether that is
one to ask is the owner's word: the settings know its address, and which names it has.
All else is as with a name that is installed: the index is held against its past, the
file against what its page says, and who made it is proven. A module of its own,
because it brings the HTTP client, which wheels at hand do without.
"""

from __future__ import annotations

from collections.abc import (
    Collection,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from lockgate.errors import LockgateError
from lockgate_marketplace.errors import FetchError, LockFileError, SourceError
from lockgate_marketplace.identity import Pin, WheelFile
from lockgate_marketplace.install._disk import told_of_the_disk
from lockgate_marketplace.install._incoming import Incoming
from lockgate_marketplace.install._origin import Origin, of_index, unproven
from lockgate_marketplace.install.named import Tell
from lockgate_marketplace.install.named._get import Arrived, get
from lockgate_marketplace.levels import Levels
from lockgate_marketplace.lock import LockedPlugin, LockedWheel
from lockgate_marketplace.resolve import (
    IndexClient,
    Pinned,
    Policy,
    check_file,
    check_name,
)
from lockgate_marketplace.sources import Index, Sources

__all__ = ["Got", "fetch_missing"]

Came: TypeAlias = Collection[tuple[str, str]]
"""By index and name, what was installed here before, with its owner's consent."""


@dataclass(frozen=True, slots=True)
class Got:
    """A file of a lock that came from its index, and who made it."""

    path: Path
    origin: Origin
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A wheel of a lock, and the index that may be asked for it."""

    wheel: LockedWheel
    index: Index
    plugin: bool
    """Whether it is the plugin's own, not one that comes along."""


@contextmanager
def fetch_missing(
    missing: Iterable[LockedWheel],
    entries: Iterable[LockedPlugin],
    client: IndexClient,
    pins: Sequence[Pin],
    incoming: Incoming,
    policy: Policy,
    levels: Levels,
    *,
    tell: Tell,
) -> Generator[Mapping[str, Got]]:
    """Get each of the wheels `missing` of `entries`, several at a time; by their hash.

    The files lie in `incoming` while the block lasts, and are taken away if it refuses
    one; else whoever asked takes them away.

    Raises:
        LockFileError: ``lock-index`` if the settings know no index of that name, or
            have the name of a wheel come from another, or from none;
            ``lock-wheel-missing`` if the index does not list a file any more,
            ``lock-wheel-differs`` if it lists another one by its name.
        SourceError: ``source-reserved`` if a name belongs to another index.
        ResolutionError: If a name is like another's, or a file is not for this
            machine, or too young.
        FetchError, PageError, FreshnessError, IdentityError: As with a name.
    """
    wanted = _wanted({wheel.sha256 for wheel in missing}, entries, client, pins)
    for one in wanted:
        if one.plugin:
            check_name(one.wheel.name, policy)
    places: list[Path] = []
    try:
        with told_of_the_disk(), incoming.held():
            pinned = _asked(wanted, client, policy, tell)
            places += (incoming.place(p.index, p.file.filename) for p, _ in pinned)
            arrived = get([pin for pin, _ in pinned], client, incoming, tell)
            _pin_unhashed(pinned, arrived, client)
            yield dict(_got(wanted, pinned, arrived, pins, levels))
    except FetchError:
        raise  # what came whole is what it must be, and need not come again
    except LockgateError:
        incoming.discard(places)
        raise


def _pin_unhashed(
    pinned: Sequence[tuple[Pinned, tuple[str, ...]]],
    arrived: Mapping[tuple[str, str], Arrived],
    client: IndexClient,
) -> None:
    """Remember the bytes of an index without hashes, as one that is installed from.

    They are those that the lock names; the next that it gives by the name must be too.

    Raises:
        FreshnessError: If it is known to have given others.
    """
    for one, _ in pinned:
        if client.sources.named(one.index).unhashed:
            file = arrived[one.index, one.file.filename].file
            name = one.file.filename
            client.freshness.pin(one.index, one.name, name, file.sha256, file.size)


def _asked(
    wanted: Sequence[_Wanted], client: IndexClient, policy: Policy, tell: Tell
) -> list[tuple[Pinned, tuple[str, ...]]]:
    tell("asking the indexes", None)
    with ThreadPoolExecutor(client.fetcher.limits.parallel, "lockgate-ask") as pool:
        return list(pool.map(partial(_pinned, client=client, policy=policy), wanted))


def _got(
    wanted: Sequence[_Wanted],
    pinned: Sequence[tuple[Pinned, tuple[str, ...]]],
    arrived: Mapping[tuple[str, str], Arrived],
    pins: Sequence[Pin],
    levels: Levels,
) -> Iterator[tuple[str, Got]]:
    """Each file by its hash, with who made it."""
    for one, (pin, warnings) in zip(wanted, pinned, strict=True):
        came = arrived[pin.index, pin.file.filename]
        origin = of_index(
            WheelFile(pin.file.filename, came.file.sha256),
            (pin.name, pin.version),
            one.index,
            came.evidence,
            pins,
            plugin=one.plugin,
            levels=levels,
        )
        told = (*warnings, *unproven(origin, one.index, levels))
        yield one.wheel.sha256, Got(came.file.path, origin, told)


def _wanted(
    hashes: set[str],
    entries: Iterable[LockedPlugin],
    client: IndexClient,
    pins: Iterable[Pin],
) -> list[_Wanted]:
    """Each wheel once, with its index; a plugin's own before what comes along."""
    found: dict[str, _Wanted] = {}
    came = {(pin.index, pin.name) for pin in pins}
    for entry in entries:
        for number, wheel in enumerate(entry.wheels):
            known = found.get(wheel.sha256)
            if wheel.sha256 in hashes and (known is None or not known.plugin):
                index = _index_of(wheel, entry, client.sources, came)
                found[wheel.sha256] = _Wanted(wheel, index, number == 0)
    return list(found.values())


def _index_of(
    wheel: LockedWheel, entry: LockedPlugin, sources: Sources, came: Came
) -> Index:
    """The index that the lock names, if by the settings the name comes from there.

    Raises:
        LockFileError: ``lock-index``.
        SourceError: ``source-reserved``, ``source-elsewhere``.
    """
    own = entry.wheels[0]
    _check_named(wheel, sources)
    if wheel is own or own.index not in sources.indexes:
        return _by_name(wheel, sources, came)
    # The lock says by which index the plugin came, too: it must be so.
    index = sources.bind_dependency(wheel.name, _by_name(own, sources, came))
    if index.name != wheel.index:
        message = (
            f"the lock has {wheel.name} {wheel.version} from the index {wheel.index}; "
            f"by your settings what {entry.distribution} needs comes from {index.name}"
        )
        hint = (
            f"If it may come from there: dependencies = {wheel.index!r} in "
            f"[plugins.marketplace.indexes.{own.index}]. Or bring the wheels along: "
            "--wheels."
        )
        raise LockFileError("lock-index", message, where=wheel.filename, hint=hint)
    return index


def _check_named(wheel: LockedWheel, sources: Sources) -> None:
    """Whether the settings name the index that the lock names.

    Raises:
        LockFileError: ``lock-index``.
    """
    if wheel.index in sources.indexes:
        return
    message = (
        f"the lock has {wheel.name} {wheel.version} from the index "
        f"{wheel.index!r}, which your settings do not name"
    )
    hint = (
        "A lock is anybody's text: which index is asked is your word. If you trust "
        f"it, add [plugins.marketplace.indexes.{wheel.index}] with its `url` to "
        "your settings (`lockgate config path`). Or bring the wheels along: "
        "--wheels."
    )
    raise LockFileError("lock-index", message, where=wheel.filename, hint=hint)


def _by_name(wheel: LockedWheel, sources: Sources, came: Came) -> Index:
    """The index of the lock, if the bare name comes from there or came from there.

    Else whoever writes a lock could have a name of one index come from another, where
    anybody may have taken it.

    Raises:
        LockFileError: ``lock-index`` if the settings say another, or none.
        SourceError: ``source-reserved``.
    """
    index = sources.bind(wheel.name, wheel.index)
    if (index.name, wheel.name) in came:
        return index
    try:
        bound = sources.bind(wheel.name).name
    except SourceError:
        bound = ""
    if bound == index.name:
        return index
    message = (
        f"the lock has {wheel.name} {wheel.version} from the index {index.name}; by "
        f"your settings that name comes from {bound or 'none of your indexes'}"
    )
    hint = (
        f"If it may come from there: add {wheel.name!r} to `prefixes` in "
        f"[plugins.marketplace.indexes.{index.name}], or install it once: lockgate "
        f"install {index.name}/{wheel.name}. Or bring the wheels along: --wheels."
    )
    raise LockFileError("lock-index", message, where=wheel.filename, hint=hint)


def _pinned(
    one: _Wanted, *, client: IndexClient, policy: Policy
) -> tuple[Pinned, tuple[str, ...]]:
    """The file as its index lists it now, and what should be seen of it.

    Raises:
        LockFileError: If it lists none of that name, or one with another hash.
        ResolutionError: If it may not be used here.
        FetchError, PageError, FreshnessError: If the index can't be believed.
    """
    wheel, index = one.wheel, one.index
    seen = client.page(index, wheel.name)
    file = next((f for f in seen.page.files if f.filename == wheel.filename), None)
    where = f"{index.name}/{wheel.filename}"
    if file is None:
        message = f"{index.name} does not list {wheel.filename} any more"
        raise LockFileError("lock-wheel-missing", message, where=where)
    if file.sha256 not in ("", wheel.sha256):
        message = f"{index.name} has it by SHA-256 {file.sha256}, and "
        message += f"{wheel.sha256} is locked"
        raise LockFileError("lock-wheel-differs", message, where=where)
    warnings = check_file(file, seen, index, client, policy, needed=not one.plugin)
    # An index without hashes has to give the locked bytes all the same.
    file = replace(file, sha256=wheel.sha256)
    return Pinned(wheel.name, wheel.version, index.name, file, b""), warnings
