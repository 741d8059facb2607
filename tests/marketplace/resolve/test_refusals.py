"""What is left out of a choice, what stops it, and the reasons that are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lockgate_marketplace.resolve import Policy, Want, resolve
from lockgate_marketplace.sources import Index, Sources
from tests.marketplace.resolve.asked import NOW, Client, reasons, refused, versions
from tests.support.indexes import LoopbackIndex, loopback_index


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
