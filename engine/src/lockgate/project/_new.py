"""Make a new plugin's project in a folder that does not exist yet."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from lockgate.errors import OutputError, UsageError, did_you_mean
from lockgate.manifest import RESERVED_NOUNS
from lockgate.project._template import kinds, rendered

if TYPE_CHECKING:
    from lockgate.kinds import AddedKind

__all__ = ["Adder", "check_name", "make_project"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NAME_LIMIT_CHARS = 40
_SUMMARY_LIMIT_CHARS = 200


class Adder(NamedTuple):
    """A kind that is not built in, and the plugin that adds it."""

    kind: AddedKind
    plugin: str


_NOBODY: Mapping[str, Adder] = MappingProxyType({})


def check_name(name: str) -> str:
    """`name` if a plugin may be called so.

    Raises:
        UsageError: If not, with what would do.
    """
    if not _NAME.fullmatch(name) or len(name) > _NAME_LIMIT_CHARS:
        words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        words = words.lstrip("0123456789-")[:_NAME_LIMIT_CHARS].strip("-")
        hint = "Lower-case letters, digits and single dashes, a letter first"
        hint += f", like {words!r}." if words else "."
        raise UsageError(f"{name!r} can't be a plugin's name", hint=hint)
    if name in RESERVED_NOUNS or name in ("plugin", "sandbox", "marketplace"):
        hint = f"It is a word of lockgate's own: take 'my-{name}'."
        raise UsageError(f"{name!r} can't be a plugin's name", hint=hint)
    return name


def make_project(
    kind: str,
    name: str,
    *,
    summary: str,
    out: Path,
    added: Mapping[str, Adder] = _NOBODY,
) -> Path:
    """Write the project below `out`; whole or not at all. Gives its folder.

    `added` are the kinds that installed plugins add.

    Raises:
        UsageError: If the kind, the name or the summary won't do.
        OutputError: If the folder is there already, or can't be written.
    """
    known = (*kinds(), *(one for one in added if one not in kinds()))
    if kind not in known:
        hint = did_you_mean(kind, known) or f"Kinds: {', '.join(known)}."
        raise UsageError(f"there is no template of the kind {kind!r}", hint=hint)
    check_name(name)
    wrong = not summary.isprintable() or len(summary) > _SUMMARY_LIMIT_CHARS
    if wrong or any(sign in summary for sign in '"\\{}'):
        hint = 'One line of at most 200 characters, without " \\ { }.'
        raise UsageError("the summary can't be written as it is", hint=hint)
    project, files = rendered(kind, name, summary)
    if kind not in kinds():
        files |= _files_of(added[kind], name, summary, project)
    place = out / project
    if place.exists() or place.is_symlink():
        hint = "Take another name, or another folder: --out DIR."
        raise OutputError("it is there already", path=str(place), hint=hint)
    try:
        out.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{project}-", dir=out))
        try:
            aside.chmod(0o755)
            for path, text in files.items():
                target = aside / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, "utf-8", newline="\n")
            aside.rename(place)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    except OSError as error:
        raise OutputError(str(error.strerror or error), path=str(place)) from error
    return place


def _files_of(adder: Adder, name: str, summary: str, project: str) -> dict[str, str]:
    from lockgate.project._added import added_files

    return added_files(
        adder.kind,
        adder.plugin,
        name=name,
        summary=summary or f"A plugin of the kind {adder.kind.name}.",
        package=project.replace("-", "_"),
        project=project,
    )
