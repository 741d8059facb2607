"""Hostile indexes, one for each way in which a server can attack its client.

Each offers ``evil 1.0``, an honest wheel with the module `PLANTED`, and does one thing
wrong. `lured` is what our client makes of it; pip and uv meet the same servers in
``tests/integration/supply_chain``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from lockgate_marketplace.fetch import Credentials, Fetcher, FetchLimits
from lockgate_marketplace.memory import LocalMemory
from lockgate_marketplace.resolve import IndexClient, Policy, Resolution, Want, resolve
from lockgate_marketplace.sources import Index, Sources
from lockgate_marketplace.wheel import open_wheel
from tests.support.indexes import (
    LoopbackIndex,
    Published,
    cut_short,
    deep_json,
    drip,
    gzip_bomb,
    loopback_index,
    many_rows,
    redirect,
)
from tests.support.servers import reply
from tests.support.wheels import forge

__all__ = ["ATTACKS", "PLANTED", "IndexAttack", "Stage", "lured", "stage"]

PLANTED = "planted_by_an_index.py"
"""A module of each hostile wheel."""
EVIL = "/files/evil-1.0-py3-none-any.whl"
PAGE = "/simple/evil/"


@dataclass
class Stage:
    """Two indexes and a folder; the attack is on whoever uses the first."""

    index: LoopbackIndex
    other: LoopbackIndex
    folder: Path
    evil: Published


@dataclass(frozen=True)
class IndexAttack:
    """A server that must be refused with `code`."""

    name: str
    """In the words of the table: what the server does."""
    code: str
    """Empty if the client goes on unharmed instead."""
    prepare: Callable[[Stage], object] = field(repr=False)
    effect: str = "installs it"
    """What it is called where it succeeds."""
    want: str = "evil"
    both: bool = False
    """Whether the client is configured with the other index too."""
    costly: bool = False
    """Whether it is about what the client spends: time, or memory."""
    slow: bool = False


@contextmanager
def stage(folder: Path) -> Generator[Stage]:
    """Two indexes with the honest ``evil 1.0``."""
    with loopback_index() as index, loopback_index() as other:
        evil = index.add("evil", files={PLANTED: "x = 1\n"})
        yield Stage(index, other, folder, evil)


LIMITS = FetchLimits(
    slowest_seconds=1.5, page_seconds=20, backoff_seconds=0.01, attempts=3
)


def lured(attack: IndexAttack, on: Stage) -> tuple[Resolution, list[Path]]:
    """Resolve and download as an install does, until a step refuses.

    Gives what was chosen, and the wheels that passed the gate.

    Raises:
        MarketplaceError: The refusal.
    """
    indexes = {"main": Index("main", on.index.url, prefixes=("acme",))}
    if attack.both:
        indexes["public"] = Index("public", on.other.url)
    sources = Sources(indexes, default="main", cooldown=timedelta())
    memory = LocalMemory(on.folder / "seen")
    wheels = on.folder / "wheels"
    wheels.mkdir()
    nobody = Credentials({}, {})
    with Fetcher(on.folder / "cache", limits=LIMITS, credentials=nobody) as fetcher:
        client = IndexClient(sources, fetcher, memory)
        found = resolve([Want.parse(attack.want)], client, Policy.running())
        passed: list[Path] = []
        for one in found.pinned:
            index, to = sources.named(one.index), wheels / one.file.filename
            got = fetcher.download(client.wanted(index, one.file, to))
            one.check(open_wheel(got.path, expect=one.file.wheel))
            passed.append(got.path)
    return found, passed


# How each goes wrong


def _row(**how: object) -> Callable[[Stage], object]:
    return lambda on: on.evil.row.update(how)


def _api(on: Stage) -> None:
    on.index.api_version = "2.0"


def _status(on: Stage) -> None:
    on.index.project("evil").status = {"status": "quarantined", "reason": "malware"}


def _foreign(on: Stage) -> None:
    other = on.index.add("other", files={PLANTED: "x = 1\n"})
    on.evil.row.update(other.row)


def _file_url(on: Stage) -> None:
    local = on.folder / "evil-1.0-py3-none-any.whl"
    local.write_bytes(on.evil.content)
    on.evil.row["url"] = local.as_uri()


def _elsewhere(on: Stage) -> None:
    on.other.served[EVIL] = on.evil.content
    on.index.answers[EVIL] = redirect(f"{on.other.origin}{EVIL}")


def _to_a_file(on: Stage) -> None:
    local = on.folder / "evil-1.0-py3-none-any.whl"
    local.write_bytes(on.evil.content)
    on.index.answers[EVIL] = redirect(local.as_uri())


def _hidden_dependency(on: Stage) -> None:
    content = forge("evil", requires=["needed"], files={PLANTED: "x = 1\n"})
    metadata = on.index.served[f"{EVIL}.metadata"]
    on.evil.row["hashes"] = {"sha256": hashlib.sha256(content).hexdigest()}
    on.evil.row["size"] = len(content)
    on.index.served[EVIL] = content
    digest = hashlib.sha256(metadata).hexdigest()
    on.evil.row["core-metadata"] = {"sha256": digest}
    on.index.add("needed")


def _metadata_hash(on: Stage) -> None:
    on.index.served[f"{EVIL}.metadata"] += b"Requires-Dist: more\n"


def _answer(path: str, make: Callable[[Stage], object]) -> Callable[[Stage], object]:
    def prepare(on: Stage) -> None:
        answer = make(on)
        if isinstance(answer, bytes):
            on.index.answers[path] = lambda _: answer
        else:
            on.index.answers[path] = answer  # type: ignore[assignment]

    return prepare


def _page_of(on: Stage) -> bytes:
    return json.dumps(on.index.json_page("evil")).encode()


def _confusion(on: Stage) -> None:
    on.index.add("acme-core", "1.0")
    on.other.add("acme-core", "99.0", files={PLANTED: "x = 1\n"})


def _confusion_below(on: Stage) -> None:
    on.index.add("acme-core", "1.0")
    on.other.add("acme-core", "99.0", files={PLANTED: "x = 1\n"})
    on.other.add("helper", "1.0", requires=["acme-core"])


def _typo(on: Stage) -> None:
    on.index.add("reqeusts", "1.0", files={PLANTED: "x = 1\n"})


ATTACKS: tuple[IndexAttack, ...] = (
    IndexAttack("a wrong hash", "fetch-hash", _row(hashes={"sha256": "0" * 64})),
    IndexAttack("no hash", "page-unhashed", _row(hashes={})),
    IndexAttack("a wrong size", "fetch-size", _row(size=12)),
    IndexAttack("version 2.0 of the API", "page-api-version", _api),
    IndexAttack("a project in quarantine, files listed", "page-quarantined", _status),
    IndexAttack("a yanked release", "resolve-no-candidate", _row(yanked="bad")),
    IndexAttack(
        "a file name with `../`",
        "page-filename",
        _row(filename="../evil-1.0-py3-none-any.whl"),
    ),
    IndexAttack(
        "a file name that its URL does not end with",
        "page-filename",
        _row(filename="evil-2.0-py3-none-any.whl"),
    ),
    IndexAttack("a file of another project", "page-foreign-file", _foreign),
    IndexAttack("a `file:` URL", "fetch-scheme", _file_url, "installs the local file"),
    IndexAttack("a file redirected to another host", "fetch-host", _elsewhere),
    IndexAttack("a file redirected to `file:`", "fetch-scheme", _to_a_file),
    IndexAttack(
        "`.metadata` that hides a dependency",
        "resolve-metadata-differs",
        _hidden_dependency,
        "installs it without the dependency",
    ),
    IndexAttack("`.metadata` with a wrong hash", "page-metadata-hash", _metadata_hash),
    IndexAttack(
        "a file that is cut short",
        "fetch-truncated",
        _answer(EVIL, lambda on: cut_short(on.evil.content, after=100)),
    ),
    IndexAttack(
        "a file at a byte a second",
        "fetch-slow",
        _answer(EVIL, lambda on: drip(on.evil.content, seconds=1)),
        costly=True,
        slow=True,
    ),
    IndexAttack(
        "a page at a byte a second",
        "fetch-slow",
        _answer(PAGE, lambda on: drip(_page_of(on), seconds=1)),
        costly=True,
        slow=True,
    ),
    IndexAttack(
        "a page of 480 MB",
        "fetch-too-large",
        _answer(PAGE, lambda on: many_rows(on.evil.row, 400_000)),
        costly=True,
        slow=True,
    ),
    IndexAttack(
        "a page that unpacks to 1 GiB",
        "fetch-too-large",
        _answer(PAGE, lambda _: gzip_bomb()),
        costly=True,
        slow=True,
    ),
    IndexAttack(
        "deeply nested JSON", "page-depth", _answer(PAGE, lambda _: deep_json())
    ),
    IndexAttack(
        "endless redirects",
        "fetch-redirects",
        _answer(PAGE, lambda _: redirect(PAGE)),
    ),
    IndexAttack(
        "an error page as the project's",
        "page-content-type",
        _answer(PAGE, lambda _: reply(b"no", headers=("Content-Type: text/plain",))),
    ),
    IndexAttack(
        "dependency confusion: the public index has version 99",
        "",
        _confusion,
        "takes it from the public index",
        want="acme-core",
        both=True,
    ),
    IndexAttack(
        "dependency confusion by a dependency",
        "source-elsewhere",
        _confusion_below,
        "takes it from the public index",
        want="public/helper",
        both=True,
    ),
    IndexAttack(
        "a name that is a typo of a well-known one",
        "resolve-near-name",
        _typo,
        want="reqeusts",
    ),
)
