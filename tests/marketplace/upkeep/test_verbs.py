"""``search``, ``outdated`` and ``why``, as a person runs them, against real indexes."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lockgate_marketplace.site import Options, build
from tests.marketplace.site.conftest import serving
from tests.support.dists import manifest_text
from tests.support.indexes import LoopbackIndex
from tests.support.market import Home, offered, show_manifest
from tests.support.wheels import forge_file

pytestmark = pytest.mark.kernel


def codes(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["version"]: row["code"] for row in rows}


# search


def test_search_finds_by_word_and_facet_in_an_index_that_we_built(
    home: Home, tmp_path: Path
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    acme = Path(home.wheel()).rename(wheels / "acme-1.0-py3-none-any.whl")
    hooks = '[hooks]\nanalyze = "netter:analyze"\n'
    text = manifest_text("netter", kinds='["analyzer"]', extra=hooks)
    forge_file(wheels, "netter", "2.0", manifest=text)
    assert not build(wheels, tmp_path / "site", Options()).refused
    with serving(tmp_path / "site") as url:
        home.indexes(main=f'url = "{url}simple/"')
        home.run("install", str(acme))

        everything = home.json("search")
        kind = home.json("search", "--kind", "transformer")
        slip = home.run("search", "--kind", "transformers")

    assert {(p["name"], p["version"]) for p in everything["plugins"]} == {
        ("acme", "1.0"),
        ("netter", "2.0"),
    }
    (found,) = kind["plugins"]
    assert (found["name"], found["index"], found["installed"]) == (
        "acme",
        "main",
        "1.0",
    )
    assert found["facets"]["tier"] == ["read-only"]
    assert slip[0] == 0
    assert "did you mean 'transformer'" in slip[1].lower()


def test_search_says_which_index_could_not_be_asked(
    home: Home, main: LoopbackIndex
) -> None:
    main.add("acme")
    main.add("beacon")

    found = home.json("search", "bea")
    assert (found["status"], [p["name"] for p in found["plugins"]]) == (0, ["beacon"])
    said = {"name": "main", "catalog": False, "found": 1, "hint": ""}
    assert found["indexes"] == [said]
    told = home.run("search", "bea", "--kind", "hardware")
    assert "no catalog" in told[1]

    home.indexes(main=main, gone='url = "http://127.0.0.1:1/simple/"')
    found = home.json("search", "bea")
    assert found["status"] == 1
    assert [p["name"] for p in found["plugins"]] == ["beacon"]
    assert [e["code"] for e in found["failed"]] == ["fetch-unreachable"]
    assert home.json("search", "--index", "gone")["status"] == 3
    home.indexes()
    assert home.json("search")["error"]["code"] == "source-none"


# outdated


def test_outdated_tells_what_is_newer_and_why_the_newest_is_not_taken(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main)
    assert home.json("outdated") == {"status": 0, "plugins": []}
    home.json("install", "acme")
    (row,) = home.json("outdated")["plugins"]
    assert (row["outdated"], row["latest"], row["waiting"]) == (False, "1.0", [])

    offered(main, version="1.1")
    offered(main, version="1.2", yanked="it eats files")
    later = offered(main, version="1.3")
    text = manifest_text("acme").replace('hook-api = ">=1,<2"', 'hook-api = ">=9"')
    assert "hook-api" in text
    show_manifest(main, later, text)
    offered(main, version="1.4", uploaded=datetime.now(UTC))
    offered(main, version="1.5b1")
    home.indexes(main=f'url = "{main.url}"')
    # As on a machine that looks first now: an upload time is believed there.
    shutil.rmtree(home.data / "trust" / "seen")

    found = home.json("outdated")
    (row,) = found["plugins"]
    assert (found["status"], row["index"], row["version"], row["latest"]) == (
        0,
        "main",
        "1.0",
        "1.1",
    )
    assert codes(row["waiting"]) == {
        "1.2": "yanked",
        "1.3": "hook-api",
        "1.4": "cooldown",
    }
    told = home.run("outdated")[1]
    assert "acme 1.0 (main): 1.1 is there" in told
    assert "not 1.2: it was yanked: it eats files" in told


def test_an_installed_version_that_was_withdrawn_is_told(
    home: Home, main: LoopbackIndex
) -> None:
    published = offered(main)
    home.json("install", "acme")
    published.row["yanked"] = "stolen key"

    (row,) = home.json("outdated")["plugins"]

    assert row["against"]["code"] == "yanked"
    assert "stolen key" in home.run("outdated")[1]

    main.project("acme").status = {"status": "quarantined", "reason": "malware"}
    found = home.json("outdated")
    assert found["status"] == 1
    assert found["plugins"][0]["error"]["code"] == "page-quarantined"


def test_what_cannot_be_known_of_one_plugin_stops_no_other(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main)
    offered(main, "beacon")
    home.json("install", "acme", "beacon")
    offered(main, "beacon", "1.1")
    main.project("acme").files.clear()  # versions do not vanish

    found = home.json("outdated")

    assert found["status"] == 1
    rows = {row["name"]: row for row in found["plugins"]}
    assert rows["acme"]["error"]["code"] == "freshness-version-vanished"
    assert rows["beacon"]["latest"] == "1.1"


# why


def test_why_explains_every_candidate_and_who_wants_it(
    home: Home, main: LoopbackIndex
) -> None:
    main.add("needed", "2.0", files={"needed/__init__.py": ""})
    main.add("needed", "2.1", files={"needed/__init__.py": ""}, yanked="broken")
    main.add("needed", "3.0", files={"needed/__init__.py": ""})
    offered(main, requires=("needed>=1,<3",))
    offered(main, version="1.1", requires=("needed>=4",))
    offered(main, version="1.2", uploaded=datetime.now(UTC))
    home.indexes(main=f'url = "{main.url}"')

    found = home.json("why", "acme")

    assert found["status"] == 0
    own, needed = found["plugins"][0]["would-install"]
    assert (own["name"], own["version"], own["wanted-by"]) == ("acme", "1.0", [None])
    assert codes(own["rejected"]) == {"1.1": "conflict", "1.2": "cooldown"}
    assert (needed["version"], needed["wanted-by"]) == ("2.0", ["acme"])
    assert codes(needed["rejected"]) == {"2.1": "yanked", "3.0": "requirement"}
    told = home.run("why", "acme")[1]
    assert "not 1.1: it requires needed>=4, of which no version can be used" in told
    assert "not 3.0: acme requires" in told


def test_why_tells_of_what_is_installed_which_generation_brought_it(
    home: Home, main: LoopbackIndex
) -> None:
    main.add("needed", "2.0", files={"needed/__init__.py": ""})
    offered(main, requires=("needed>=1",))
    home.json("install", "acme")

    (own,) = home.json("why", "acme")["plugins"]
    assert own["since"].startswith("generation 1, ")
    assert own["since"].endswith("install acme 1.0")
    (needed,) = home.json("why", "needed")["plugins"]
    assert needed["installed"] == [
        {
            "within": "acme",
            "version": "2.0",
            "wanted-by": [{"name": "acme", "requires": "needed>=1"}],
        }
    ]


def test_why_nothing_can_be_installed_is_a_finding(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main, requires_python=">=9")

    found = home.json("why", "acme")

    assert found["status"] == 1
    error = found["plugins"][0]["error"]
    assert (error["code"], codes(error["rejected"])) == (
        "resolve-no-candidate",
        {"1.0": "python"},
    )
    assert "1.0: it requires Python >=9" in home.run("why", "acme")[1]
    assert home.json("why", "=?")["status"] == 3


def test_why_says_what_install_says_of_a_step_back(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main, version="0.1.0")
    newest = offered(main, version="0.2.0")
    home.json("install", "acme", "--no-load")
    newest.row["yanked"] = "broken"

    told = home.run("why", "acme")[1]
    (row,) = home.json("why", "acme")["plugins"]
    (named,) = home.json("why", "acme==0.1.0")["plugins"]

    assert home.json("install", "acme")["error"]["code"] == "resolve-older"
    assert "acme 0.2.0 stays; 0.1.0 would be a step back: name it, acme==0.1.0" in told
    assert "not 0.2.0: " in told
    assert "broken" in told
    assert row["would-install"] == []
    assert row["stays"]["version"] == "0.2.0"
    assert row["stays"]["could-be"]["version"] == "0.1.0"
    assert (named["would-install"][0]["version"], named["stays"]) == ("0.1.0", None)


def test_why_says_one_thing_once_and_the_way_out(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main, version="0.1.0", uploaded=datetime.now(UTC))
    home.indexes(main=f'url = "{main.url}"')
    offered(main, "bolt", version="0.3.0")

    waiting = home.run("why", "acme")[1]
    other = home.run("why", "bolt==9")[1]

    assert waiting.count("0.1.0") == 1
    assert "--no-cooldown" in waiting
    assert "0.3.0: you asked for ==9" in other
    assert "requires" not in other
