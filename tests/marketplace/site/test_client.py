"""Our own client reads our own index: both forms, and what is beside the files."""

from __future__ import annotations

import hashlib

import httpx
import pytest

from lockgate_marketplace.simple import ACCEPT, ProjectPage, parse_page
from lockgate_marketplace.sources import Index

PROJECTS = ["lockgate-acme", "lockgate-old", "six"]


def read(url: str, project: str, accept: str) -> ProjectPage:
    index = Index("main", f"{url}simple/")
    answer = httpx.get(index.project_url(project), headers={"accept": accept})
    return parse_page(
        answer.content,
        answer.headers["content-type"],
        index=index,
        name=project,
        url=str(answer.url),
    )


@pytest.mark.parametrize("project", PROJECTS)
def test_json_and_html_are_the_same_page(url: str, project: str) -> None:
    """But for what HTML has no place for: versions, sizes, times."""
    json, html = read(url, project, ACCEPT), read(url, project, "text/html")

    assert (json.name, json.api_version) == (project, "1.4")
    assert (json.status, json.reason) == (html.status, html.reason)
    assert json.others == html.others == ()
    for one, other in zip(json.files, html.files, strict=True):
        assert (one.filename, one.url, one.sha256) == (
            other.filename,
            other.url,
            other.sha256,
        )
        assert (one.yanked, one.requires_python) == (
            other.yanked,
            other.requires_python,
        )
        assert one.metadata_sha256 == other.metadata_sha256
        assert one.manifest_sha256 == other.manifest_sha256
        assert one.size
        assert one.upload_time


@pytest.mark.parametrize("project", PROJECTS)
def test_everything_that_is_named_is_there_with_its_hash(
    url: str, project: str
) -> None:
    for file in read(url, project, ACCEPT).files:
        named = {file.url: file.sha256, f"{file.url}.metadata": file.metadata_sha256}
        if file.manifest_url:
            named[file.manifest_url] = file.manifest_sha256
        for address, digest in named.items():
            content = httpx.get(address).raise_for_status().content
            assert hashlib.sha256(content).hexdigest() == digest
        if file.provenance_url:
            httpx.get(file.provenance_url).raise_for_status()
