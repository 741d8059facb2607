"""What the index said last time: ``index-state.json`` in the site itself.

It is swapped in together with the site, so that the two never disagree. It holds
no more than the site does; without it, upload times are lost and files that were
published could come back with other bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from packaging.utils import parse_wheel_filename
from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.site.owner import Standing
from lockgate_marketplace.site.release import Release

__all__ = ["STATE_FILE", "State", "canonical", "read_state"]

STATE_FILE = "index-state.json"
_SCHEMA = 1
_PLAIN = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)* [0-9]+(?:\.[0-9]+)*")


@dataclass(frozen=True, slots=True)
class State:
    """`rules` is the release that judged; `gone` the hashes of files taken away.

    `title`, `url` and `standings` are what pages were made from besides, `pages`
    the paths of all of them.
    """

    rules: str = ""
    releases: Mapping[str, Release] = field(default_factory=dict[str, Release])
    gone: Mapping[str, str] = field(default_factory=dict[str, str])
    title: str = ""
    url: str = ""
    standings: Mapping[str, Standing] = field(default_factory=dict[str, Standing])
    pages: tuple[str, ...] = ()

    def encoded(self) -> bytes:
        """The file's bytes: the same for the same state.

        By `pydantic_core`, which takes a tenth of `json`'s time for these megabytes.
        """
        standings = sorted(self.standings.items())
        data = {
            "schema": _SCHEMA,
            "rules": self.rules,
            "releases": [
                self.releases[name].to_data() for name in sorted(self.releases)
            ],
            "gone": dict(sorted(self.gone.items())),
            "title": self.title,
            "url": self.url,
            "standings": {name: one.to_data() for name, one in standings},
            "pages": self.pages,
        }
        return to_json(data) + b"\n"


def canonical(value: object) -> bytes:
    """`value` as JSON, the same bytes for the same value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return text.encode() + b"\n"


def read_state(site: Path) -> State | None:
    """The state in the folder `site`; None if it is not there, or empty.

    Raises:
        PublishError: If the folder is not an index (`index-site-foreign`), or its
            state can't be read (`index-state-invalid`).
    """
    path = site / STATE_FILE
    try:
        if path.is_symlink():
            raise FileNotFoundError
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if not site.exists() or (site.is_dir() and not any(site.iterdir())):
            return None
        message = f"{site} is there, and is no index of ours: it would be replaced"
        raise PublishError("index-site-foreign", message, where=str(site)) from None
    try:
        return _state(from_json(raw))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"the index's state can't be read: {str(error)[:300]}"
        raise PublishError("index-state-invalid", message, where=str(path)) from error


def _state(data: dict[str, Any]) -> State:
    """The state that `data` holds, which may be anything: it can be a stranger's site.

    Raises:
        ValueError, KeyError, TypeError: If it holds none, or names a file elsewhere.
    """
    if data["schema"] != _SCHEMA:
        raise ValueError(f"its schema is {data['schema']}")
    if not isinstance(data["releases"], list):
        raise TypeError("its releases are no list")
    listed = cast("list[dict[str, Any]]", data["releases"])
    releases = {one["filename"]: one for one in listed}
    rest = {name: data[name] for name in State.__slots__ if name != "releases"}
    state = TypeAdapter(State).validate_python({**rest, "releases": releases})
    for release in state.releases.values():
        if not _names_its_project(release):
            raise ValueError(f"{release.filename!r} is no file of {release.project!r}")
    for page in state.pages:
        parts = page.split("/")
        if {"", ".", ".."} & set(parts) or not page.isprintable():
            raise ValueError(f"{page!r} is no path within the site")
    return state


def _names_its_project(release: Release) -> bool:
    project, version = release.project, release.version
    if _PLAIN.fullmatch(f"{project} {version}"):  # most; parsing is dear
        pure = f"{project.replace('-', '_')}-{version}-py3-none-any.whl"
        if release.filename == pure:
            return True
    name, parsed, *_ = parse_wheel_filename(release.filename)
    return (name, parsed) == (project, release.parsed)
