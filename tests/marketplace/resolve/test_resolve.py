"""Which versions are chosen, from a real index, and the reason against each other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.marketplace.resolve.asked import Client, reasons, refused, versions
from tests.support.indexes import HTML, LoopbackIndex


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
