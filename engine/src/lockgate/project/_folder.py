"""A plugin's project on disk: its pyproject.toml, its package, its manifest.

Read as files; nothing of it is imported, built or installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from lockgate._text.files import UnreadableError, read_bounded
from lockgate._text.toml import load_toml
from lockgate._text.toml_lines import line_of
from lockgate.discovery._entry_points import MANIFEST_GROUP
from lockgate.discovery._locate import LocateError, split_value
from lockgate.errors import ProjectError

__all__ = ["Project", "find_project"]

_PYPROJECT_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Project:
    """One plugin's project. `root` is the folder that its package is imported from.

    `pyproject` is the parsed file, `text` as it is written.
    """

    folder: Path
    root: Path
    plugin: str
    package: str
    manifest: Path
    pyproject: Mapping[str, Any]
    text: str

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The table ``[project]``."""
        return table_of(self.pyproject, "project")

    @property
    def distribution(self) -> str:
        """The distribution's name."""
        return str(self.metadata.get("name", ""))

    @property
    def version(self) -> str:
        """The distribution's version; ``0`` where a tool works it out."""
        return str(self.metadata.get("version", "0"))

    def line(self, *key: str) -> int:
        """Where a key of ``pyproject.toml``, or what would hold it, is written."""
        return line_of(self.text, key)


def table_of(document: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """The table at `keys`; an empty one where there is none."""
    found: Any = document
    for key in keys:
        inner = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        found = inner.get(key)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def find_project(folder: str | Path = ".") -> Project:
    """The project in `folder`.

    Raises:
        ProjectError: If it is no plugin's project: what is missing, and where.
    """
    place = Path(folder).resolve()
    file = place / "pyproject.toml"
    try:
        text = read_bounded(str(file), _PYPROJECT_LIMIT_BYTES).decode("utf-8")
        document = load_toml(text.replace("\r\n", "\n"))
    except UnreadableError as error:
        hint = "`lockgate new KIND NAME` makes a plugin's project."
        raise ProjectError(f"the file {error}", file=str(file), hint=hint) from None
    except (ValueError, RecursionError) as error:
        raise ProjectError(f"not TOML: {error}", file=str(file)) from None
    name, value = _entry(document, str(file), text)
    try:
        package, manifest = split_value(value)
    except LocateError as error:
        line = line_of(text, ("project", "entry-points", MANIFEST_GROUP, name))
        raise ProjectError(
            str(error), file=str(file), line=line, hint=error.hint
        ) from None
    line = line_of(text, ("project", "entry-points", MANIFEST_GROUP, name))
    for root in (place / "src", place):
        if (root / package).is_dir():
            path = root / package / manifest
            _check_unlinked(path, place, str(file), line)
            return Project(place, root, name, package, path, document, text)
    raise ProjectError(
        f"the entry point names the package {package!r}, which is not there",
        file=str(file),
        line=line,
        hint=f"It belongs into {place / 'src' / package}.",
    )


def _check_unlinked(path: Path, folder: Path, file: str, line: int) -> None:
    """Whether the manifest lies in the project, and not where a link leads.

    Raises:
        ProjectError: If a part of its path is a link.
    """
    for part in (path, *path.parents):
        if part == folder:
            return
        if part.is_symlink():
            raise ProjectError(
                f"{part.relative_to(folder)} is a symbolic link, and may lead anywhere",
                file=file,
                line=line,
                hint="Put the package itself, and its manifest, into the project.",
            )


def _entry(document: Mapping[str, Any], file: str, text: str) -> tuple[str, str]:
    """Name and value of the one manifest entry point."""
    group = table_of(document, "project", "entry-points", MANIFEST_GROUP)
    entries = [(str(name), value) for name, value in group.items()]
    if len(entries) == 1 and isinstance(entries[0][1], str):
        return entries[0][0], entries[0][1]
    line = line_of(text, ("project", "entry-points", MANIFEST_GROUP))
    said = "names no manifest" if not entries else "names more than one manifest"
    raise ProjectError(
        f"the project {said}, so it is no plugin's",
        file=file,
        line=line,
        hint=f'[project.entry-points."{MANIFEST_GROUP}"] with one line: '
        'NAME = "your_package:lockgate.toml".',
    )
