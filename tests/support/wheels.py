r"""A wheel forge: honest wheels in one call, every attack by a `Draft`.

::

    path = forge_file(tmp_path, "lockgate-echo", manifest=True)     # a plugin's wheel
    raw = forge("six", "1.17", files={"six.py": "x = 1\n"})         # a library's

    draft = Draft("evil", "1.0")
    draft.add("evil/__init__.py")
    draft.add("../outside.py", b"x = 1\n")
    raw = draft.seal().pack()               # RECORD is right; the path is the attack
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.dists import manifest_text, package_of
from tests.support.zips import End, Entry, zip_bytes

__all__ = ["Draft", "forge", "forge_file", "record_line", "wheel_filename"]

TAG = "py3-none-any"
Content = str | bytes


def _raw(content: Content) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _escaped(name: str) -> str:
    """A distribution's name as file names write it."""
    return package_of(name)


def wheel_filename(name: str, version: str = "1.0", tag: str = TAG) -> str:
    """The file name of a wheel."""
    return f"{_escaped(name)}-{version}-{tag}.whl"


def record_line(path: str, data: bytes) -> list[str]:
    """One row of RECORD: path, hash, size."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return [path, f"sha256={digest.decode()}", str(len(data))]


@dataclass
class Draft:
    """A wheel that is not packed yet: its entries can be changed one by one.

    It begins with METADATA and WHEEL; `seal` adds RECORD.
    """

    name: str
    version: str = "1.0"
    tag: str = TAG
    purelib: bool = True
    requires: tuple[str, ...] = ()
    requires_python: str = ""
    metadata_version: str = "2.4"
    headers: tuple[str, ...] = ()
    """Further lines of METADATA, like ``Import-Name: six``."""
    wheel_headers: tuple[str, ...] = ()
    entries: list[Entry] = field(default_factory=list[Entry])

    def __post_init__(self) -> None:
        requires = [f"Requires-Dist: {line}" for line in self.requires]
        python = (
            [f"Requires-Python: {self.requires_python}"] if self.requires_python else []
        )
        metadata = [
            f"Metadata-Version: {self.metadata_version}",
            f"Name: {self.name}",
            f"Version: {self.version}",
            "Summary: A distribution of a test.",
            *python,
            *requires,
            *self.headers,
        ]
        wheel = [
            "Wheel-Version: 1.0",
            "Generator: lockgate-tests",
            f"Root-Is-Purelib: {str(self.purelib).lower()}",
            *[f"Tag: {tag}" for tag in _expanded(self.tag)],
            *self.wheel_headers,
        ]
        self.add(f"{self.info}/METADATA", "\n".join([*metadata, ""]))
        self.add(f"{self.info}/WHEEL", "\n".join([*wheel, ""]))

    @property
    def info(self) -> str:
        """The name of the ``.dist-info`` folder."""
        return f"{_escaped(self.name)}-{self.version}.dist-info"

    @property
    def filename(self) -> str:
        """The file name that fits the content."""
        return wheel_filename(self.name, self.version, self.tag)

    def add(self, path: str | bytes, data: Content = b"", **how: Any) -> Entry:
        """Append an entry; `how` are the fields of `Entry`."""
        entry = Entry(path, _raw(data), **how)
        self.entries.append(entry)
        return entry

    def entry(self, path: str) -> Entry:
        """The entry `path`; ``METADATA`` and its like may go without folder."""
        wanted = {path, f"{self.info}/{path}"}
        (found,) = [e for e in self.entries if e.name in wanted]
        return found

    def drop(self, path: str) -> Draft:
        """Take the entry `path` away."""
        self.entries.remove(self.entry(path))
        return self

    def points(self, groups: Mapping[str, Mapping[str, str]]) -> Draft:
        """Write ``entry_points.txt``."""
        lines: list[str] = []
        for group, points in groups.items():
            lines += [f"[{group}]", *[f"{k} = {v}" for k, v in points.items()], ""]
        self.add(f"{self.info}/entry_points.txt", "\n".join(lines))
        return self

    def rows(self) -> list[list[str]]:
        """The rows that RECORD should have, without its own."""
        files = [e for e in self.entries if not e.raw_name().endswith(b"/")]
        return [
            record_line(e.raw_name().decode("utf-8", "surrogateescape"), e.data)
            for e in files
        ]

    def seal(self, rows: Iterable[list[str]] | None = None, **how: Any) -> Draft:
        """Append RECORD: the right one, or one of `rows` and its own row."""
        text = io.StringIO()
        own = [f"{self.info}/RECORD", "", ""]
        lines = [*(self.rows() if rows is None else rows), own]
        csv.writer(text, lineterminator="\n").writerows(lines)
        raw = text.getvalue().encode("utf-8", "surrogateescape")
        self.add(f"{self.info}/RECORD", raw, **how)
        return self

    def pack(self, end: End | None = None) -> bytes:
        """The wheel's bytes."""
        return zip_bytes(self.entries, end)

    def write(self, folder: Path, end: End | None = None) -> Path:
        """The wheel as a file in `folder`, under the name that fits it."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.filename
        path.write_bytes(self.pack(end))
        return path


def _expanded(tag: str) -> list[str]:
    pythons, abis, platforms = tag.split("-")
    return [
        f"{python}-{abi}-{platform}"
        for python in pythons.split(".")
        for abi in abis.split(".")
        for platform in platforms.split(".")
    ]


def _draft(
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, Content] | None = None,
    entry_points: Mapping[str, Mapping[str, str]] | None = None,
    requires: Iterable[str] = (),
    requires_python: str = "",
    manifest: Content | bool | None = None,
    plugin: str = "",
    tag: str = TAG,
    scripts: Mapping[str, Content] | None = None,
    deflate: bool = True,
    headers: Iterable[str] = (),
) -> Draft:
    draft = Draft(
        name,
        version,
        tag,
        requires=tuple(requires),
        requires_python=requires_python,
        headers=tuple(headers),
    )
    package, plugin = package_of(name), plugin or name.removeprefix("lockgate-")
    groups = {group: dict(points) for group, points in (entry_points or {}).items()}
    content: dict[str, Content] = dict(files or {})
    if manifest is not None and manifest is not False:
        text = manifest_text(plugin, package=package) if manifest is True else manifest
        content.setdefault(f"{package}/__init__.py", _PLUGIN_SOURCE)
        content[f"{package}/lockgate.toml"] = text
        target = f"{package}:lockgate.toml"
        groups.setdefault("lockgate.manifest", {plugin: target})
    if not content:
        content[f"{package}/__init__.py"] = ""
    for path, body in content.items():
        draft.add(path, body, deflate=deflate)
    for script, body in (scripts or {}).items():
        place = f"{_escaped(name)}-{version}.data/scripts/{script}"
        draft.add(place, body, mode=0o100755, deflate=deflate)
    if groups:
        draft.points(groups)
    return draft.seal()


_PLUGIN_SOURCE = '''\
"""A plugin of a test: gives the files back as they came."""

from lockgate.plugin import Context, Document, Transformation, Tree, hookimpl


@hookimpl
def transform(tree: Tree, options: Document, context: Context) -> Transformation:
    """Change nothing."""
    return Transformation(tree)
'''


def forge(name: str, version: str = "1.0", **how: Any) -> bytes:
    """An honest wheel.

    `how`: `files` (path -> text or bytes; default an empty package), `entry_points`
    (group -> name -> value), `requires`, `requires_python`, `manifest` (TOML text, or
    True for a sound one; adds the entry point, and a module that answers `transform`
    if `files` has no ``__init__.py``), `plugin` (its name, default the distribution's
    without ``lockgate-``), `tag`, `scripts` (name -> text), `headers` (further lines
    of METADATA), `deflate`.
    """
    return _draft(name, version, **how).pack()


def forge_file(folder: Path, name: str, version: str = "1.0", **how: Any) -> Path:
    """An honest wheel as a file in `folder`: `forge` says what `how` may be."""
    return _draft(name, version, **how).write(folder)
