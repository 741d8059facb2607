"""How long a file has been there, and what is quarantined or yanked."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from lockgate_marketplace.fetch import Downloaded
from lockgate_marketplace.identity import Evidence
from lockgate_marketplace.install.named._get import Arrived, opened
from lockgate_marketplace.memory import LocalMemory
from lockgate_marketplace.sources import Index, Sources
from lockgate_marketplace.wheel import Surroundings
from tests.marketplace.resolve.asked import NOW, Client, refused, versions
from tests.support.indexes import LoopbackIndex


def test_the_cooldown_is_shortened_for_a_name_an_index_or_all(
    index: LoopbackIndex, client: Client
) -> None:
    index.add("base", uploaded=NOW - timedelta(hours=1))
    none = timedelta()

    assert versions(client.resolve("base", cooldown=none))
    assert versions(client.resolve("base", cooldowns={"base": none}))
    only = {"main": Index("main", index.url, cooldown=none)}
    client.sources = Sources(only)
    assert versions(client.resolve("base"))


def test_a_file_that_came_since_is_not_as_old_as_the_index_says(
    index: LoopbackIndex, client: Client
) -> None:
    """Whoever can publish can back-date; not before what was seen here without it."""
    index.add("base")
    assert versions(client.resolve("base")) == {"base": "1.0"}
    memory = client.memory

    def at(**later: float) -> datetime:
        moment = NOW + timedelta(**later)
        client.memory = LocalMemory(memory.folder, now=lambda: moment)
        return moment

    index.add("base", "1.1")  # LONG_AGO, it says
    found = client.resolve("base", now=at(days=30))
    assert versions(found) == {"base": "1.0"}
    assert "first seen here 2026-07-01" in found.why("base").text()
    found = client.resolve("base", now=at(days=32))
    assert versions(found) == {"base": "1.0"}
    client.memory = LocalMemory(memory.folder / "fresh")
    fresh = client.resolve("base", now=NOW + timedelta(days=32))
    assert versions(fresh) == {"base": "1.1"}, "at a first look the index is believed"
    assert versions(client.resolve("base", now=at(days=33, hours=1))) == {"base": "1.1"}

    # Who looks rarely need not wait: it may well have come meanwhile.
    index.add("base", "1.2", uploaded=NOW + timedelta(days=40))
    assert versions(client.resolve("base", now=at(days=60))) == {"base": "1.2"}

    # Nor is a clock that differs by minutes held against anybody.
    index.add("base", "1.3", uploaded=NOW + timedelta(days=60, minutes=-10))
    assert versions(client.resolve("base", now=at(days=90))) == {"base": "1.3"}


def test_a_memory_of_an_earlier_form_knows_what_it_did_not_see(
    index: LoopbackIndex, client: Client
) -> None:
    index.add("base")
    client.resolve("base")
    (file,) = client.memory.folder.glob("main/*.json")
    record = json.loads(file.read_text())
    del record["looked"], record["files"][index.file("base", "1.0").filename]["absent"]
    file.write_text(json.dumps(record))
    index.add("base", "1.1")

    assert versions(client.resolve("base")) == {"base": "1.0"}


def test_metadata_that_were_not_the_wheels_are_asked_for_anew(
    index: LoopbackIndex, client: Client, tmp_path: Path
) -> None:
    index.add("needed")
    good = index.add("base", requires=("needed",))
    name, honest = good.filename, index.served[f"/files/{good.filename}.metadata"]
    good.row["core-metadata"] = {}  # it is there, without a hash
    lie = honest.replace(b"Requires-Dist", b"X-Dist")
    index.served[f"/files/{name}.metadata"] = lie
    (pinned,) = client.resolve("base").pinned
    wheel = tmp_path / name
    wheel.write_bytes(good.content)
    got = Downloaded(wheel, good.sha256, len(good.content), 0)

    with refused("resolve-metadata-differs"):
        opened(Arrived(pinned, got, Evidence()), client.pages, Surroundings())

    index.served[f"/files/{name}.metadata"] = honest
    assert sorted(versions(client.resolve("base"))) == ["base", "needed"]


def test_without_upload_times_the_cooldown_is_from_the_first_sight(
    index: LoopbackIndex, client: Client
) -> None:
    index.add("base", uploaded=None)

    with refused("resolve-no-candidate") as caught:
        client.resolve("base")
    assert "first seen here" in caught.value.message
    assert versions(client.resolve("base", now=NOW + timedelta(days=4)))


def test_a_yanked_version_is_had_by_its_exact_version(
    index: LoopbackIndex, client: Client
) -> None:
    index.add("base", "1.0", yanked=True)

    with refused("resolve-no-candidate"):
        client.resolve("base")
    found = client.resolve("base==1.0")
    assert versions(found) == {"base": "1.0"}
    assert "was yanked" in found.warnings[0]


def test_quarantine_is_remembered_and_stops(
    index: LoopbackIndex, client: Client
) -> None:
    index.add("base")
    index.project("base").status = "quarantined"
    with refused("page-quarantined"):
        client.resolve("base")
    index.project("base").status = None

    with refused("freshness-status-back"):
        client.resolve("base")
