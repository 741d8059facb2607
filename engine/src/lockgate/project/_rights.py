"""The rights that a package's code uses, beside those that its manifest asks for.

Two readers: the source gate, which knows what Python's own doors need, and one
that knows the doors of `lockgate.plugin.Context`. Both see literals only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate._text.files import UnreadableError, read_bounded
from lockgate.manifest import Manifest
from lockgate.values import Finding, Position, Range

if TYPE_CHECKING:
    from lockgate_sandbox.source import Finding as Needs

__all__ = ["rights_findings", "source_findings"]

_SOURCE_LIMIT_BYTES = 512 * 1024
_FILE_LIMIT_BYTES = 8 * 1024 * 1024
_FILES_LIMIT = 2000
_CODE = frozenset({".py", ".pyc", ".so"})
_SHOWN = 5
_NAMED = {"run_program": "program", "secret": "secret", "open_device": "device"}
_PLAIN = {"http_transport": "net", "run_python": "workers"}


@dataclass(slots=True)
class _Used:
    """What the code asks its context for, and where first.

    `vague` are kinds that are used with a name that is worked out.
    """

    named: dict[tuple[str, str], tuple[str, int]] = field(
        default_factory=dict[tuple[str, str], tuple[str, int]]
    )
    vague: set[str] = field(default_factory=set[str])
    unread: list[str] = field(default_factory=list[str])
    """Modules that are too large to look into for doors of the context."""


def rights_findings(
    folder: Path, package: Path, manifest: Manifest, manifest_file: str
) -> Iterator[Finding]:
    """What is used and not asked for, and what is asked for and not used.

    Nothing of tier ``system``: that runs in the host, where no right is enforced.
    """
    if manifest.tier == "system":
        return
    below = package.relative_to(folder).as_posix()
    files: dict[str, bytes] = {}
    unread: list[str] = []
    for path, data in _package_files(package):
        if data is None:
            unread.append(f"{below}/{path}")
        else:
            files[f"{below}/{path}"] = data
    yield from source_findings(files, manifest, manifest_file, unread=unread)


def source_findings(
    files: Mapping[str, bytes],
    manifest: Manifest,
    manifest_file: str,
    *,
    unread: Sequence[str] = (),
) -> Iterator[Finding]:
    """`rights_findings` of files that are at hand, by their paths; of any tier.

    `unread` are files that are there too. What isn't read by both readers is told, a
    file at a time: what it needs is not known.
    """
    from lockgate_sandbox.source import rights, scan_tree

    derived = rights(scan_tree(files).findings)
    used = _used(files)
    declared = _declared(manifest)
    yield from _undeclared(used, declared)
    yield from _shut(derived.because, manifest)
    closed = [*unread, *used.unread]
    for path in closed[:_SHOWN]:
        message = "it is not read (too large, or no file): what it needs is not known"
        yield Finding(path, "source-opaque", "note", message)
    if derived.blind or len(closed) > _SHOWN:
        message = "some code can't be read: what it needs is not known"
        yield Finding(manifest_file, "source-opaque", "note", message)
    if derived.blind or closed:
        return
    doors = {str(finding.right) for finding in derived.because}
    yield from _unused(used, doors, declared, manifest_file)


def _shut(because: Iterable[Needs], manifest: Manifest) -> Iterator[Finding]:
    """What the source does that needs a right which the manifest does not ask for."""
    for finding in because:
        missing = _door(str(finding.right), finding.subject, manifest)
        if not missing:
            continue
        place = Range(
            Position(finding.line, finding.column),
            Position(finding.end_line, finding.end_column),
        )
        message = f"{finding.message}; {missing[0]}"
        yield Finding(
            finding.path, "right-undeclared", "error", message, place, hint=missing[1]
        )


def _declared(manifest: Manifest) -> dict[str, set[str]]:
    rights = manifest.rights
    return {
        "program": {p.name for p in rights.programs} | {t.name for t in rights.tools},
        "secret": set(rights.secrets),
        "device": set(rights.devices),
        "net": set(rights.net),
        "env": set(rights.env),
        "workers": {""} if rights.workers else set(),
    }


def _package_files(package: Path) -> Iterator[tuple[str, bytes | None]]:
    """The files of a package by their paths in it; caches are left out.

    A file of code that is a link, too large or too many has None: it would be imported
    all the same.
    """
    left = _FILES_LIMIT
    for path in sorted(package.rglob("*")):
        if "__pycache__" in path.parts or (path.is_dir() and not path.is_symlink()):
            continue
        code = path.suffix in _CODE or path.is_symlink()
        data: bytes | None = None
        left -= 1
        if left >= 0 and not path.is_symlink():
            with suppress(UnreadableError):
                data = read_bounded(str(path), _FILE_LIMIT_BYTES)
        if data is not None or code:
            yield path.relative_to(package).as_posix(), data


def _used(files: Mapping[str, bytes]) -> _Used:
    from lockgate_sandbox.parsing import batch, parse

    def work() -> _Used:
        used = _Used()
        for file in sorted(files):
            data = files[file]
            if not file.endswith(".py"):
                continue
            if len(data) > _SOURCE_LIMIT_BYTES:
                used.unread.append(file)
                continue
            try:
                tree = parse(data.decode("utf-8-sig"))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    _note(used, node, node.func.attr, file)
        return used

    return batch(work)


def _note(used: _Used, call: ast.Call, method: str, file: str) -> None:
    if method in _PLAIN:
        used.named.setdefault((_PLAIN[method], ""), (file, call.lineno))
    elif method in _NAMED and call.args:
        first = call.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            key = _NAMED[method], first.value
            used.named.setdefault(key, (file, call.lineno))
        else:
            used.vague.add(_NAMED[method])


_HINTS = {
    "program": "Add it as [[rights.programs]] (a wheel's) or [[rights.tools]].",
    "secret": 'Add it to `secrets` under [rights], tier = "elevated".',
    "device": 'Add it to `devices` under [rights], tier = "elevated".',
    "net": 'Add the hosts to `net` under [rights], tier = "elevated".',
    "workers": "Write `workers = true` under [rights].",
}


def _undeclared(used: _Used, declared: dict[str, set[str]]) -> Iterator[Finding]:
    for (kind, name), (file, line) in used.named.items():
        if name in declared[kind] or (kind == "net" and declared["net"]):
            continue
        what = f"the {kind} {name!r}" if name else f"the right {kind!r}"
        place = Range(Position(line), Position(line))
        message = f"it uses {what}, which the manifest does not ask for"
        yield Finding(
            file, "right-undeclared", "error", message, place, hint=_HINTS[kind]
        )


def _door(kind: str, subject: str, manifest: Manifest) -> tuple[str, str] | None:
    """What the manifest lacks for what the source gate saw, and the way out."""
    rights = manifest.rights
    if kind == "net" and not rights.net:
        return "the manifest asks for no host", _HINTS["net"]
    if kind == "write" and manifest.tier == "read-only":
        return "tier 'read-only' writes nothing", 'Set tier = "basic".'
    if kind in ("program", "process") and not (rights.programs or rights.tools):
        return "the manifest asks for no program", "Use context.run_program."
    if kind == "env" and subject and subject not in rights.env:
        hint = f"Add {subject!r} to `env` under [rights]."
        return "the manifest does not ask for that variable", hint
    return None


def _unused(
    used: _Used, doors: set[str], declared: dict[str, set[str]], file: str
) -> Iterator[Finding]:
    for kind, names in declared.items():
        seen = {name for one, name in used.named if one == kind}
        by_python = kind in doors or (kind == "program" and "process" in doors)
        if kind in used.vague or by_python or (kind == "net" and seen):
            continue
        for name in sorted(names - seen):
            what = f"{kind}:{name}" if name else kind
            message = f"it asks for {what}, which no code seems to use"
            hint = "Ask for what you need: each right is a question to the owner."
            yield Finding(file, "right-unused", "warning", message, hint=hint)
