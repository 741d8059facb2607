"""What a plugin's trial came to: from the sandbox's errors to findings about a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from lockgate._call.way_out import about
from lockgate_sandbox import LimitError, RemoteError, SandboxError

if TYPE_CHECKING:
    from lockgate.manifest import Manifest

__all__ = ["LoadFinding", "LoadKind", "Teller"]

LoadKind: TypeAlias = Literal["import", "impl", "denied", "limit", "crash"]
"""``import`` raised; ``impl``: the function is missing, or no impl of the hook;
``denied``: the kernel refused what it did; ``limit``: it used too much; ``crash``: its
worker ended."""

_TEXT_LIMIT_CHARS = 2000
_NO_THREAD = "RuntimeError: can't start new thread"


@dataclass(frozen=True, slots=True)
class LoadFinding:
    """One module that does not load. `line` counts from 1; 0 is the file as a whole.

    `right` is the right that its import needs, as a grant's key or, where the worker
    can't tell more, its kind; `asked` says that the manifest asks for it, so that it
    may load once its owner agreed.
    """

    kind: LoadKind
    message: str
    target: str
    file: str = ""
    line: int = 0
    right: str = ""
    asked: bool = False

    @property
    def where(self) -> str:
        """File and line, or what the manifest names."""
        place = self.file or self.target
        return f"{place}:{self.line}" if self.line else place


@dataclass(frozen=True, slots=True)
class Teller:
    """Makes the findings of one plugin, which lies in `folders`."""

    manifest: Manifest
    folders: Sequence[str]

    def of(self, error: SandboxError, target: str) -> LoadFinding:
        """The finding for how the import of `target` failed."""
        if isinstance(error, RemoteError):
            return self._told(error, target)
        kind: LoadKind = "limit" if isinstance(error, LimitError) else "crash"
        return LoadFinding(kind, str(error), target, self._file(target))

    def _told(self, error: RemoteError, target: str) -> LoadFinding:
        """What the worker says of it."""
        details = error.details
        told: Mapping[str, object] = details if isinstance(details, dict) else {}
        line, message = told.get("line"), error.message[:_TEXT_LIMIT_CHARS]
        finding = LoadFinding(
            "import" if told.get("code") == "import-failed" else "impl",
            message or error.type,
            target,
            self._inside(_text(told, "file")),
            line if isinstance(line, int) and 0 < line < 2**31 else 0,
        )
        raised, denied = told.get("raised"), told.get("denied")
        if raised == "MemoryError" or message.endswith(_NO_THREAD):
            return replace(finding, kind="limit")
        if isinstance(denied, dict) and denied:
            met = cast("dict[str, object]", denied)
            if met.get("kind") == "missing-variable":
                return self._needing(finding, f"env:{_text(met, 'name')}")
            return self._needing(replace(finding, kind="denied"), _right(met))
        return finding

    def _needing(self, finding: LoadFinding, right: str) -> LoadFinding:
        key = self._asked(right)
        return replace(finding, right=key or right, asked=bool(key))

    def _asked(self, right: str) -> str:
        """The right that the manifest asks for and that would allow `right`, or ``""``.

        Of a kind alone, the first one of that kind.
        """
        from lockgate.grants import rights_asked

        kind, _, value = right.partition(":")
        for one in rights_asked(self.manifest):
            if kind == "path":
                below = value == one.value or value.startswith(f"{one.value}/")
                if one.kind in ("read", "write", "device") and below:
                    return one.key
            elif value in ("", one.value) and one.kind in _KINDS.get(kind, (kind,)):
                return one.key
        return ""

    def _file(self, target: str) -> str:
        """The module of an impl, as the wheel names it; ``""`` if it is no source."""
        path = target.partition(":")[0].replace(".", "/")
        for folder in self.folders:
            for name in (f"{path}/__init__.py", f"{path}.py"):
                if Path(folder, name).is_file():
                    return name
        return ""

    def _inside(self, file: str) -> str:
        """A file as the wheel names it."""
        for folder in self.folders:
            if file.startswith(f"{folder}/"):
                return file.removeprefix(f"{folder}/")
        return file


_KINDS = {"program": ("program", "tool")}


def _right(denied: Mapping[str, object]) -> str:
    """What a refusal was about, as far as the worker's words tell."""
    if denied.get("kind") == "denied-path":
        return f"path:{_text(denied, 'path')}"
    return about(_text(denied, "file"))


def _text(table: Mapping[str, object], key: str) -> str:
    value = table.get(key)
    return value[:_TEXT_LIMIT_CHARS] if isinstance(value, str) else ""
