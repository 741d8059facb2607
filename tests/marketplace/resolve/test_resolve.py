"""Which versions are chosen, from a real index, and the reason against each other."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lockgate_marketplace.errors import MarketplaceError
from lockgate_marketplace.fetch import Credentials, Downloaded, Fetcher, FetchLimits
from lockgate_marketplace.identity import Evidence
from lockgate_marketplace.install.named._get import Arrived, opened
from lockgate_marketplace.memory import Forgetful, LocalMemory
from lockgate_marketplace.resolve import (
    IndexClient,
    Policy,
    Resolution,
    Want,
    outdated,
    resolve,
    search,
)
from lockgate_marketplace.sources import Index, Sources
from lockgate_marketplace.wheel import Surroundings
from tests.support.indexes import HTML, LoopbackIndex, loopback_index
from tests.support.servers import reply

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def index() -> Generator[LoopbackIndex]:
    with loopback_index() as index:
        yield index


class Client:
    """A client of one index, as a program makes it."""

    def __init__(self, index: LoopbackIndex, folder: Path) -> None:
        self.index = index
        self.sources = Sources({"main": Index("main", index.url)})
        self.fetcher = Fetcher(
            folder / "cache",
            limits=FetchLimits(backoff_seconds=0.01),
            credentials=Credentials({}, {}),
        )
        self.memory = LocalMemory(folder / "seen", now=lambda: NOW)

    @property
    def pages(self) -> IndexClient:
        """A new one: as if the program were started anew."""
        return IndexClient(self.sources, self.fetcher, self.memory)

    def resolve(self, *wants: str, **policy: Any) -> Resolution:
        given: dict[str, Any] = {"now": NOW, **policy}
        return resolve(map(Want.parse, wants), self.pages, Policy.running(**given))


@pytest.fixture
def client(index: LoopbackIndex, tmp_path: Path) -> Generator[Client]:
    client = Client(index, tmp_path)
    yield client
    client.fetcher.close()


def refused(code: str) -> Any:
    def check(error: MarketplaceError) -> bool:
        return error.code == code

    return pytest.raises(MarketplaceError, check=check)


def versions(resolution: Resolution) -> dict[str, str]:
    return {one.name: one.version for one in resolution.pinned}


def reasons(resolution: Resolution, name: str) -> dict[str, str]:
    return {r.version: r.code for r in resolution.why(name).rejected}


# What is chosen


def test_the_newest_that_fits_is_chosen_with_what_it_needs(
    index: LoopbackIndex, client: Client
) -> None:
    for version in ("1.0", "1.1", "2.0"):
        index.add("base", version)
    index.add("top", requires=["base<2", 'never; python_version < "3"'])

    found = client.resolve("top")

    assert versions(found) == {"top": "1.0", "base": "1.1"}
    base, top = found.pinned
    assert (top.requires, top.wanted_by) == (("base",), ("",))
    assert (base.requires, base.wanted_by) == ((), ("top",))
    assert reasons(found, "base") == {"2.0": "requirement"}
    assert found.why("base").text().splitlines() == [
        "base 1.1 from main, wanted by top",
        "  not 2.0: top requires <2",
    ]


def test_it_goes_back_to_an_older_version(index: LoopbackIndex, client: Client) -> None:
    index.add("base", "1.0")
    index.add("base", "2.0")
    index.add("one", "1.0", requires=["base<2"])
    index.add("two", "1.0")
    index.add("two", "2.0", requires=["base>=2"])

    assert versions(client.resolve("one", "two")) == {
        "base": "1.0",
        "one": "1.0",
        "two": "1.0",
    }


def test_extras_bring_their_dependencies(index: LoopbackIndex, client: Client) -> None:
    index.add("more", "1.0")
    extra = ["Provides-Extra: all"]
    index.add("top", requires=['more; extra == "all"'], headers=extra)

    assert versions(client.resolve("top")) == {"top": "1.0"}
    found = client.resolve("top[all]")
    assert versions(found) == {"more": "1.0", "top": "1.0"}
    assert found.pinned[1].extras == {"all"}
    assert found.pinned[1].requires == ("more",)


def test_what_is_locked_stays_where_it_fits(
    index: LoopbackIndex, client: Client
) -> None:
    for version in ("1.0", "1.1"):
        index.add("base", version)

    assert versions(client.resolve("base", locked={"base": "1.0"})) == {"base": "1.0"}
    assert versions(client.resolve("base>1", locked={"base": "1.0"})) == {"base": "1.1"}


def test_the_best_wheel_of_a_version_is_taken(
    index: LoopbackIndex, client: Client
) -> None:
    import sys

    own = f"cp{sys.version_info.major}{sys.version_info.minor}"
    index.add("base", tag="py3-none-any")
    index.add("base", tag=f"{own}-none-any")

    assert client.resolve("base").pinned[0].file.filename == (
        f"base-1.0-{own}-none-any.whl"
    )


# What is not


def test_each_version_left_out_has_its_reason(
    index: LoopbackIndex, client: Client
) -> None:
    index.add("base", "1.0")
    index.add("base", "1.1", yanked="broken")
    index.add("base", "1.2", requires_python="<3")
    index.add("base", "1.3", tag="cp27-cp27m-win32")
    index.add("base", "1.4", uploaded=NOW - timedelta(days=2))
    index.add("base", "1.5rc1")
    index.publish("base", "1.6", "base-1.6.tar.gz", b"no wheel")
    index.add("base", "1.7", requires=["other @ https://evil.example/x.whl"])
    plugin = index.add("base", "1.8")
    manifest(index, plugin, ">=7")
    liar = index.add("base", "1.9", requires_python="<3")
    del liar.row["requires-python"]

    found = client.resolve("base")

    assert versions(found) == {"base": "1.0"}
    assert reasons(found, "base") == {
        "1.1": "yanked",
        "1.2": "python",
        "1.3": "tags",
        "1.4": "cooldown",
        "1.5rc1": "pre-release",
        "1.6": "no-wheel",
        "1.7": "metadata",
        "1.8": "hook-api",
        "1.9": "python",
    }
    assert all(r.reason for r in found.rejected)
    assert any("1.4 is waiting" in warning for warning in found.warnings)


def manifest(index: LoopbackIndex, published: Any, hook_api: str) -> None:
    """Show a manifest beside a wheel, as our own indexes do."""
    import hashlib
    import json

    raw = json.dumps({"schema": 1, "manifest": {"hook_api": hook_api}}).encode()
    path = f"/files/{published.filename}.lockgate.json"
    index.served[path] = raw
    digest = hashlib.sha256(raw).hexdigest()
    sidecar = {"url": f"../..{path}", "sha256": digest}
    published.row["_lockgate"] = {"manifest": sidecar}


def test_a_manifest_that_is_not_the_pages_stops(
    index: LoopbackIndex, client: Client
) -> None:
    published = index.add("base")
    manifest(index, published, ">=1")
    index.served[f"/files/{published.filename}.lockgate.json"] += b" "

    with refused("page-metadata-hash"):
        client.resolve("base")


def test_nothing_usable_is_an_error_that_says_why(
    index: LoopbackIndex, client: Client
) -> None:
    index.add("base", "1.0", uploaded=NOW - timedelta(hours=1))

    with refused("resolve-no-candidate") as caught:
        client.resolve("base")

    assert "less than 3 days ago" in caught.value.message
    assert "--no-cooldown" in caught.value.hint
    assert caught.value.fields["rejected"]


def test_what_cannot_go_together_is_told_by_both_sides(
    index: LoopbackIndex, client: Client
) -> None:
    index.add("base", "1.0")
    index.add("base", "2.0")
    index.add("one", requires=["base<2"])
    index.add("two", requires=["base>=2"])

    with refused("resolve-impossible") as caught:
        client.resolve("one", "two")

    assert "one 1.0 requires base<2" in caught.value.message
    assert "two 1.0 requires base>=2" in caught.value.message


def test_rounds_are_bounded(index: LoopbackIndex, client: Client) -> None:
    from dataclasses import replace

    index.add("top", requires=["base"])
    index.add("base")
    policy = replace(Policy.running(now=NOW), rounds=1)

    with refused("resolve-too-deep"):
        resolve([Want.parse("top")], client.pages, policy)


def test_a_name_without_a_page_is_told(client: Client) -> None:
    with refused("fetch-missing"):
        client.resolve("nothing-there")


@pytest.mark.parametrize(
    "text",
    ["", "a b", "base @ https://x.example/y.whl", "base==", "main/", "a[", "x/y/z"],
)
def test_what_is_no_want_is_refused(text: str) -> None:
    with refused("resolve-want"):
        Want.parse(text)


def test_a_want_may_name_its_index() -> None:
    assert Want.parse("main/base[x]>=1").index == "main"
    assert Want.parse('base; os_name == "a/b"').index == ""


# The owner's decisions


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


def test_prereleases_are_had_by_name_or_by_specifier(
    index: LoopbackIndex, client: Client
) -> None:
    index.add("base", "1.0")
    index.add("base", "2.0a1")

    assert versions(client.resolve("base")) == {"base": "1.0"}
    assert versions(client.resolve("base>=2.0a0")) == {"base": "2.0a1"}
    for names in ({"base"}, {"*"}):
        found = client.resolve("base", prereleases=frozenset(names))
        assert versions(found) == {"base": "2.0a1"}


def test_a_name_close_to_a_known_one_stops_unless_vouched_for(
    index: LoopbackIndex, client: Client
) -> None:
    index.add("lockgate-lnit")
    index.add("acme-ecko")

    with refused("resolve-near-name") as caught:
        client.resolve("lockgate-lnit")
    assert "lockgate-lint" in caught.value.message
    known = frozenset(("acme-echo",))
    with refused("resolve-near-name"):
        client.resolve("acme-ecko", known=known)
    assert client.resolve(
        "acme-ecko", right_names=frozenset(("acme-ecko",)), known=known
    )
    assert client.resolve("acme-ecko", known=known | {"acme-ecko"})


def test_one_name_wanted_from_two_indexes_stops(
    index: LoopbackIndex, client: Client
) -> None:
    with loopback_index() as other:
        other.add("base")
        index.add("base")
        index.add("top", requires=["base"])
        client.sources = Sources(
            {"main": Index("main", index.url), "pub": Index("pub", other.url)}
        )

        with refused("source-two-indexes"):
            client.resolve("main/top", "pub/base")


# Where metadata come from


@pytest.mark.parametrize("form", ["sidecar", "range", "whole"])
def test_metadata_come_without_the_wheel_where_that_is_possible(
    form: str, index: LoopbackIndex, client: Client
) -> None:
    index.sidecars = form == "sidecar"
    index.ranges = form != "whole"
    index.add("base", files={"base.bin": bytes(200_000)}, deflate=False)

    found = client.resolve("base")

    assert found.pinned[0].metadata.startswith(b"Metadata-Version")
    wheel = [r for r in index.requests if r.target.endswith(".whl")]
    assert {bool(r.header("range")) for r in wheel} == {
        "sidecar": set(),
        "range": {True},
        "whole": {True, False},
    }[form]


@pytest.mark.parametrize("raw", [b"no archive", b"PK\x05\x06" + bytes(18)])
def test_a_wheel_whose_metadata_cannot_be_read_is_left_out(
    raw: bytes, index: LoopbackIndex, client: Client
) -> None:
    index.add("base", "1.0")
    index.publish("base", "2.0", "base-2.0-py3-none-any.whl", raw)

    found = client.resolve("base")

    assert versions(found) == {"base": "1.0"}
    assert reasons(found, "base") == {"2.0": "metadata"}
    with refused("page-metadata"):
        main = client.sources.named("main")
        page = client.pages.page(main, "base").page
        client.pages.metadata(main, page.files[1])


def test_a_second_run_asks_for_nothing_but_revalidation(
    index: LoopbackIndex, client: Client
) -> None:
    for number in range(50):
        index.add(f"plugin{number}", requires=["base"])
    index.add("base")
    names = [f"plugin{number}" for number in range(50)]
    client.resolve(*names)
    first = len(index.requests)
    client.resolve(*names)

    again = index.requests[first:]
    assert first == 102  # of each its page, and its metadata
    assert sorted(r.target for r in again) == sorted(
        f"/simple/{name}/" for name in [*names, "base"]
    )
    assert all(r.header("if-none-match") for r in again)


def test_an_html_index_will_do(index: LoopbackIndex, client: Client) -> None:
    index.formats = (HTML,)
    index.add("base", requires_python=">=3")
    index.add("top", requires=["base"])

    found = client.resolve("top", cooldown=timedelta())

    assert versions(found) == {"base": "1.0", "top": "1.0"}


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


# Looking around


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
