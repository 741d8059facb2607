"""The Simple API as files, held against what the standards say."""

from __future__ import annotations

import hashlib
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import parse_wheel_filename

from lockgate.manifest import Manifest, parse_manifest
from lockgate_marketplace.site import Options, build
from lockgate_marketplace.site.catalog import FACETS
from lockgate_marketplace.wheel import open_wheel
from tests.marketplace.site.samples import plugin_wheel, stock
from tests.support.report import Markup

ATOM = "{http://www.w3.org/2005/Atom}"
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


def loaded(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_root_lists_every_project_in_both_forms(site: Path) -> None:
    data = loaded(site / "simple" / "index.json")
    html = Markup((site / "simple" / "index.html").read_text())

    names = [one["name"] for one in data["projects"]]
    assert data["meta"] == {"api-version": "1.4"}
    assert names == sorted(
        path.name for path in (site / "simple").iterdir() if path.is_dir()
    )
    assert [a["href"] for tag, a in html.tags if tag == "a"] == [f"{n}/" for n in names]


@pytest.mark.parametrize("project", ["lockgate-acme", "lockgate-old", "six"])
def test_a_projects_json_is_what_pep_691_and_its_successors_ask_for(
    site: Path, project: str
) -> None:
    data = loaded(site / "simple" / project / "index.json")

    assert data["name"] == project
    assert data["meta"]["api-version"] == "1.4"
    assert data["project-status"]["status"] in ("active", "deprecated")
    assert {str(parse_wheel_filename(f["filename"])[1]) for f in data["files"]} == set(
        data["versions"]
    )
    for file in data["files"]:
        path = (site / "simple" / project / file["url"]).resolve()
        raw = path.read_bytes()
        assert path.is_relative_to(site)
        assert path.name == file["filename"]
        assert file["hashes"] == {"sha256": hashlib.sha256(raw).hexdigest()}
        assert file["size"] == len(raw)
        assert TIME.match(file["upload-time"])
        assert file["yanked"] is False or isinstance(file["yanked"], str)
        metadata = path.with_name(path.name + ".metadata").read_bytes()
        assert file["core-metadata"]["sha256"] == hashlib.sha256(metadata).hexdigest()
        assert file["data-dist-info-metadata"] == file["core-metadata"]
        assert metadata == open_wheel(path).metadata
        assert file["provenance"] is None or file["provenance"].endswith(".provenance")


def test_html_and_json_say_the_same(site: Path) -> None:
    folder = site / "simple" / "lockgate-acme"
    page = Markup((folder / "index.html").read_text())
    files = {f["filename"]: f for f in loaded(folder / "index.json")["files"]}
    metas = {
        a["name"]: a["content"] for tag, a in page.tags if tag == "meta" and "name" in a
    }
    anchors = [a for tag, a in page.tags if tag == "a"]

    assert metas["pypi:repository-version"] == "1.4"
    assert metas["pypi:project-status"] == "active"
    assert len(anchors) == len(files) == 3
    for anchor in anchors:
        url, _, fragment = (anchor["href"] or "").partition("#")
        file = files[url.rsplit("/", 1)[1]]
        sha = file["core-metadata"]["sha256"]
        assert url == file["url"]
        assert fragment == f"sha256={file['hashes']['sha256']}"
        assert anchor["data-core-metadata"] == f"sha256={sha}"
        assert anchor["data-requires-python"] == file["requires-python"] == ">=3.11"
        assert anchor.get("data-yanked", False) == file["yanked"]
        assert anchor.get("data-provenance") == file["provenance"]


def test_a_yanked_version_says_why(site: Path) -> None:
    data = loaded(site / "simple" / "lockgate-acme" / "index.json")
    yanked = {f["filename"]: f["yanked"] for f in data["files"]}

    assert yanked["lockgate_acme-0.9-py3-none-any.whl"] == "writes empty tables"
    assert yanked["lockgate_acme-1.1-py3-none-any.whl"] is False


def test_the_manifest_is_readable_before_the_wheel(site: Path) -> None:
    """And says of itself which wheel, and which bytes, it was taken from."""
    data = loaded(site / "simple" / "lockgate-flasher" / "index.json")
    (file,) = data["files"]
    named = file["_lockgate"]["manifest"]
    path = (site / "simple" / "lockgate-flasher" / named["url"]).resolve()
    sidecar = loaded(path)
    wheel = open_wheel(path.with_name(file["filename"]))
    assert wheel.manifest is not None
    truth = parse_manifest(wheel.manifest, file="", distribution="")

    assert named["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sidecar["sha256"] == file["hashes"]["sha256"]
    assert sidecar["toml-sha256"] == hashlib.sha256(wheel.manifest).hexdigest()
    assert Manifest.from_data(sidecar["manifest"]) == truth
    assert "_lockgate" not in loaded(site / "simple" / "six" / "index.json")["files"][0]


def test_with_an_address_files_are_still_where_they_are_served(tmp_path: Path) -> None:
    build(
        stock(tmp_path / "wheels"),
        tmp_path / "site",
        Options(url="https://plugins.example/x"),
    )
    data = loaded(tmp_path / "site" / "simple" / "lockgate-acme" / "index.json")
    last = data["files"][0]

    assert last["provenance"].startswith(
        "https://plugins.example/x/files/lockgate-acme/"
    )
    page = tmp_path / "site" / "simple" / "lockgate-acme" / "index.html"
    assert (page.parent / last["url"]).resolve().is_file()
    assert 'href="../../files/' in page.read_text()
    assert 'href="https://plugins.example' not in page.read_text()
    feed = (tmp_path / "site" / "feed.xml").read_text()
    assert "https://plugins.example/x/plugins/lockgate-acme/" in feed


def test_the_catalogue_holds_what_its_page_documents(site: Path) -> None:
    data = loaded(site / "catalog.json")
    reference = (
        Path(__file__).parents[3] / "docs" / "reference" / "catalog.md"
    ).read_text()
    acme = next(one for one in data["plugins"] if one["name"] == "acme")
    keys = {*data, *acme, *acme["versions"][0], *acme["versions"][0]["files"][0]}

    assert [key for key in sorted(keys) if f"`{key}`" not in reference] == []
    assert set(acme["facets"]) == set(FACETS) == set(data["facets"])
    assert data["libraries"] == ["six"]
    assert acme["risk"] == "high"
    assert "what it learns can leave" in acme["risk-why"]
    assert acme["versions"][0]["rights-added"] == ["read:/srv/parts"]
    assert acme["versions"][0]["rights-dropped"] == ["env:LANG"]
    assert acme["versions"][0]["files"][0]["verdicts"][0]["outcome"] == "passed"
    assert acme["versions"][0]["files"][0]["provenance"] is True
    assert data["facets"]["right"]["net"] == 2
    assert data["facets"]["device"] == {"/dev/ttyACM0": 1, "/dev/ttyUSB0": 1}


def test_the_feed_is_atom(site: Path) -> None:
    feed = ET.fromstring((site / "feed.xml").read_bytes())  # noqa: S314 - our own
    entries = feed.findall(f"{ATOM}entry")

    assert feed.findtext(f"{ATOM}title") == "Acme plugins"
    assert len(entries) == 7
    for entry in entries:
        assert entry.findtext(f"{ATOM}id", "").startswith("urn:sha256:")
        assert TIME.match(entry.findtext(f"{ATOM}updated", ""))
        assert entry.findtext(f"{ATOM}author/{ATOM}name")
    summary = " ".join(entry.findtext(f"{ATOM}summary", "") for entry in entries)
    assert "Now it may also: read /srv/parts and everything below." in summary


@pytest.mark.parametrize("char", ["\ufffe", "\uffff", "\u202e", "]]>"])
def test_no_author_spoils_the_feed_of_all(tmp_path: Path, char: str) -> None:
    headers = (f"Author: evil{char}one",)
    plugin_wheel(tmp_path / "wheels", "acme", headers=headers)
    plugin_wheel(tmp_path / "wheels", "other")

    assert build(tmp_path / "wheels", tmp_path / "site").refused == ()

    feed = ET.fromstring((tmp_path / "site" / "feed.xml").read_bytes())  # noqa: S314
    assert len(feed.findall(f"{ATOM}entry")) == 2
    if char in "\ufffe\uffff":  # as it is, no reader takes it
        with pytest.raises(ET.ParseError):
            ET.fromstring(f"<author>evil{char}one</author>")  # noqa: S314
