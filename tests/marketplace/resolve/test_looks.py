"""Search and `outdated`: what an index offers, without choosing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lockgate_marketplace.memory import Forgetful
from lockgate_marketplace.resolve import (
    IndexClient,
    Policy,
    Want,
    outdated,
    resolve,
    search,
)
from tests.marketplace.resolve.asked import NOW, Client
from tests.support.indexes import LoopbackIndex
from tests.support.servers import reply


def test_search_uses_the_catalog_or_the_names(
    index: LoopbackIndex, client: Client
) -> None:
    index.add("acme-echo")
    index.add("other")
    main = client.sources.named("main")
    by_name = search(client.pages, main, ["ACME"])
    assert [f.name for f in by_name.found] == ["acme-echo"]
    assert not by_name.catalog

    serve_catalog(index, {"acme-echo": "Says it\x1b again.", "other": "", "": "lost"})
    says = search(client.pages, main, ["says"], [("kind", "transformer")])

    assert [(f.name, f.summary) for f in says.found] == [
        ("acme-echo", "Says it? again.")
    ]
    assert says.catalog
    none = search(client.pages, main, [], [("kind", "analyzer")])
    assert (none.found, none.offers) == ((), {"kind": ("transformer",)})


def test_what_fits_best_comes_first(index: LoopbackIndex, client: Client) -> None:
    told = {"zz": "net things", "a-net": "", "net-b": "", "net": "", "a": "no net"}
    serve_catalog(index, told)

    found = search(client.pages, client.sources.named("main"), ["net"]).found

    assert [one.name for one in found] == ["net", "net-b", "a-net", "a", "zz"]


def serve_catalog(index: LoopbackIndex, summaries: dict[str, str]) -> None:
    entries: list[Any] = [
        {"project": name, "summary": text, "facets": {"kind": ["transformer"]}}
        for name, text in summaries.items()
    ]
    catalog = json.dumps({"plugins": [*entries, 3]}).encode()
    kind = ("Content-Type: application/json",)
    index.answers["/catalog.json"] = lambda _: reply(catalog, headers=kind)


def test_outdated_tells_what_is_newer_and_what_waits(
    index: LoopbackIndex, client: Client
) -> None:
    for version in ("1.0", "1.1", "2.0b1"):
        index.add("base", version)
    index.add("base", "1.2", uploaded=NOW)
    index.add("same", "1.0")
    main, policy = client.sources.named("main"), Policy.running(now=NOW)

    found = outdated("base", main, "1.0", client.pages, policy)

    assert (found.current, found.latest, found.newer) == ("1.0", "1.1", True)
    assert [(r.version, r.code) for r in found.waiting] == [("1.2", "cooldown")]
    same = outdated("same", main, "1.0", client.pages, policy)
    assert (same.newer, same.waiting, same.against) == (False, (), None)


def test_what_is_newer_and_does_not_fit_is_told_with_its_reason(
    index: LoopbackIndex, client: Client
) -> None:
    index.add("base", "1.0", yanked="it leaks")
    index.add("base", "1.1", requires_python=">=9")
    index.add("base", "1.2", requires=["gone>=1"])
    index.add("gone", "0.1")
    policy = Policy.running(now=NOW)

    found = outdated("base", client.sources.named("main"), "1.0", client.pages, policy)

    assert (found.latest, found.newer) == ("1.0", False)
    assert [(r.version, r.code) for r in found.waiting] == [
        ("1.2", "conflict"),
        ("1.1", "python"),
    ]
    assert found.waiting[0].reason == (
        "it requires gone>=1, of which no version can be used"
    )
    assert found.against is not None
    assert "it leaks" in found.against.reason


def test_looking_without_a_memory_remembers_nothing(
    index: LoopbackIndex, client: Client, tmp_path: Path
) -> None:
    index.add("base")
    pages = IndexClient(client.sources, client.fetcher, Forgetful())

    assert resolve([Want.parse("base")], pages, Policy.running(now=NOW)).pinned
    assert not (tmp_path / "seen").exists()
