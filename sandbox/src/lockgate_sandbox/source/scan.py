"""Scanning source: one text, or a tree of files.

A finding is a reason to look, and the absence of findings is no proof of
anything: Python can hide what it does from every reader. What a plugin may do is
decided by its policy and held by the kernel.
"""

from __future__ import annotations

import hashlib
import io
import os
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.parsing import batch
from lockgate_sandbox.source import _registry as registry
from lockgate_sandbox.source._files import Left, Source, sources_of
from lockgate_sandbox.source._judge import judge
from lockgate_sandbox.source._rules import native, parsing, startup
from lockgate_sandbox.source._site import Report
from lockgate_sandbox.source.cache import ScanCache
from lockgate_sandbox.source.findings import FileScan, Finding, Level, Right, Rule
from lockgate_sandbox.source.limits import ScanLimits, refusal

__all__ = ["TreeScan", "scan_source", "scan_tree"]

_DEFAULTS = ScanLimits()
_MANY_BYTES = 512 << 10
"""Below so much source a process is not started before the work would be done."""

_ENCODINGS = frozenset({"utf-8", "utf-8-sig", "ascii", "iso-8859-1"})
_HOOK_FILES = frozenset({"sitecustomize.py", "usercustomize.py"})


@dataclass(frozen=True, slots=True)
class TreeScan:
    """What a tree holds, in order of paths.

    `python` is the version whose grammar was read, `rules` changes when the rules
    do: results are comparable only if both are equal.
    """

    files: tuple[FileScan, ...]
    python: str
    rules: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, by path and place."""
        return tuple(finding for file in self.files for finding in file.findings)

    def reaches(self, level: Level) -> bool:
        """Whether anything of at least `level` was found."""
        return any(finding.level.rank >= level.rank for finding in self.findings)


def scan_source(
    source: str | bytes,
    filename: str = "<source>",
    *,
    limits: ScanLimits = _DEFAULTS,
    cache: ScanCache | None = None,
) -> tuple[Finding, ...]:
    """What `source` holds; `filename` also says how to read it (``.py``, ``.pth``).

    Never raises for what `source` is: what can't be read is a finding. The grammar
    is that of the running interpreter.
    """
    # A lone surrogate has no UTF-8; passed on, so that it is found to be unreadable.
    raw = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    return _with_cache(filename, raw, limits, cache, threaded=True).findings


def scan_tree(
    tree: str | os.PathLike[str] | Mapping[str, bytes],
    *,
    limits: ScanLimits = _DEFAULTS,
    cache: ScanCache | None = None,
    jobs: int = 1,
) -> TreeScan:
    """What the Python files of `tree` hold: a folder, a file, or paths with bytes.

    In a folder no link is followed; ``.git`` and cached byte code are left out.
    Start-up files (``.pth``), bytecode and native libraries are findings. With more
    than one of `jobs`, so many processes read the files, if there are enough of them
    to be worth it; what is found is the same.

    Raises:
        PolicyError: If a folder or file does not exist or can't be read at all, or
            there are less than one of `jobs`.
    """
    if jobs < 1:
        msg = f"files are read by one process at least, not {jobs}"
        raise PolicyError(msg)
    sources = sources_of(tree, limits)
    if jobs > 1:
        sources, many = _counted(sources)
        jobs = jobs if many else 1
    if jobs > 1:
        found = _scans_by(jobs, sources, limits, cache)
    else:
        found = batch(lambda: list(_scans(sources, limits, cache)))
    found.sort(key=lambda file: file.path)
    return TreeScan(tuple(found), registry.PYTHON, registry.rules_version())


def _scans(
    sources: Iterator[Source | Left], limits: ScanLimits, cache: ScanCache | None
) -> Iterator[FileScan]:
    for item in sources:
        if isinstance(item, Left):
            yield _left(item)
        else:
            yield _with_cache(item.path, item.data, limits, cache)


def _left(item: Left) -> FileScan:
    return FileScan(item.path, "", (_plain(item.path, parsing.LEFT_OUT, item.reason),))


def _counted(
    sources: Iterator[Source | Left],
) -> tuple[Iterator[Source | Left], bool]:
    """The same sources, and whether they are worth starting processes for."""
    first: list[Source | Left] = []
    size = 0
    for item in sources:
        first.append(item)
        size += len(item.data) if isinstance(item, Source) else 0
        if size >= _MANY_BYTES:
            return chain(first, sources), True
    return iter(first), False


def _scans_by(
    jobs: int,
    sources: Iterator[Source | Left],
    limits: ScanLimits,
    cache: ScanCache | None,
) -> list[FileScan]:
    """What `jobs` processes find, and the cache knows."""
    from lockgate_sandbox.source._readers import Asked, read_by

    scans: list[FileScan] = []

    def unknown() -> Iterator[Asked]:
        for item in sources:
            if isinstance(item, Left):
                scans.append(_left(item))
                continue
            kind, digest = _kind(item.path), hashlib.sha256(item.data).hexdigest()
            known = (
                cache.get(digest, kind, limits, item.path)
                if cache is not None
                else None
            )
            if known is None:
                yield Asked(item.path, kind, digest, item.data)
            else:
                scans.append(known)

    for asked, found in read_by(jobs, unknown(), limits):
        if isinstance(found, str):
            found = (_plain(asked.path, parsing.TOO_LARGE, found),)
            scans.append(FileScan(asked.path, asked.sha256, found))
            continue
        scans.append(FileScan(asked.path, asked.sha256, found))
        if cache is not None:
            cache.put(asked.kind, limits, scans[-1])
    return scans


def _with_cache(
    path: str,
    data: bytes,
    limits: ScanLimits,
    cache: ScanCache | None,
    *,
    threaded: bool = False,
) -> FileScan:
    digest = hashlib.sha256(data).hexdigest()
    kind = _kind(path)
    if cache is not None:
        known = cache.get(digest, kind, limits, path)
        if known is not None:
            return known
    if threaded:
        findings = batch(lambda: findings_in(path, kind, data, limits))
    else:
        findings = findings_in(path, kind, data, limits)
    scan = FileScan(path, digest, findings)
    if cache is not None:
        cache.put(kind, limits, scan)
    return scan


def _kind(path: str) -> str:
    """How a file is read; part of the key of the cache."""
    name = path.replace("\\", "/").rpartition("/")[2].lower()
    if name in _HOOK_FILES:
        return "hook"
    suffix = name.rpartition(".")[2] if "." in name else ""
    if suffix in ("pth", "pyc", "pyo"):
        return suffix[:3]
    if suffix in ("so", "pyd", "dylib", "dll"):
        return "native"
    return "py"


def findings_in(
    path: str, kind: str, data: bytes, limits: ScanLimits
) -> tuple[Finding, ...]:
    """What is found in `data`, which is read as `kind`. Only in a `batch`."""
    if kind == "native":
        return (_plain(path, native.LIBRARY, "a compiled library"),)
    if kind in ("pyc", "pyo"):
        return (_plain(path, startup.BYTECODE, "compiled Python without source"),)
    if kind == "pth":
        return _pth(path, data, limits)
    found = _python(path, data, limits)
    if kind == "hook":
        said = "the interpreter imports this module when it starts"
        found = (_plain(path, startup.SITE, said), *found)
    return found


def _plain(path: str, rule: Rule, message: str, line: int = 1) -> Finding:
    return Finding(path, line, 1, line, 1, rule.id, rule.level, message, rule.right, "")


def _pth(path: str, data: bytes, limits: ScanLimits) -> tuple[Finding, ...]:
    """Lines that `site` executes: those that begin with ``import``."""
    found: list[Finding] = []
    if len(data) > limits.file_bytes:
        return (_plain(path, parsing.TOO_LARGE, refusal(data, limits)),)
    lines = data.decode("utf-8-sig", "replace").split("\n")
    for number, line in enumerate(lines, 1):
        if line.startswith(("import ", "import\t")):
            found.append(_plain(path, startup.PTH, "runs at start-up", number))
            found += [
                replace(item, line=number, end_line=number)
                for item in _python(path, line.encode(), limits)
            ]
        elif line.lstrip().startswith("/") or ".." in line:
            said = "adds a folder of the machine to the import path"
            found.append(_plain(path, startup.IMPORTS, said, number))
        if len(found) > limits.findings:
            break
    return _bounded(path, found, limits)


def _python(path: str, data: bytes, limits: ScanLimits) -> tuple[Finding, ...]:
    reason = refusal(data, limits)
    if reason:
        return (_plain(path, parsing.TOO_LARGE, reason),)
    try:
        text, raw = _decoded(data)
    except (ValueError, SyntaxError, LookupError) as error:
        return (_plain(path, parsing.UNREADABLE, str(error)[:200]),)
    try:
        reports = judge(text, raw, limits.findings)
    except SyntaxError as error:
        return (_syntax(path, error),)
    except (RecursionError, MemoryError):
        return (_plain(path, parsing.TOO_LARGE, "nested too deeply to be read"),)
    except ValueError as error:  # numbers, in some versions
        return (_plain(path, parsing.UNREADABLE, str(error)[:200]),)
    lines = None if text.isascii() else raw.split(b"\n")
    found = [_finding(path, report, lines) for report in _distinct(reports)]
    return _bounded(path, found, limits, more=len(reports) > limits.findings)


def _decoded(data: bytes) -> tuple[str, bytes]:
    """The text of `data` with plain line ends, and the same as UTF-8.

    Raises:
        ValueError: If it holds null bytes, is not what it says, or says something
            unusual: an encoding like ``unicode_escape`` hides code in comments.
        SyntaxError: If it says an encoding that there is not.
    """
    if b"\0" in data:
        raise ValueError("it holds null bytes")
    encoding, raw = "utf-8", data
    if b"coding" in data or data.startswith(b"\xef\xbb\xbf"):
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        if encoding not in _ENCODINGS:
            raise ValueError(f"its encoding is {encoding!r}")
    text = data.decode(encoding)
    if b"\r" in data:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        raw = text.encode()
    elif encoding not in ("utf-8", "ascii"):
        raw = text.encode()
    return text, raw


def _syntax(path: str, error: SyntaxError) -> Finding:
    line, column = max(error.lineno or 1, 1), max(error.offset or 1, 1)
    rule = parsing.SYNTAX
    said = f"no Python {registry.PYTHON}: {error.msg}"[:200]
    return Finding(
        path, line, column, line, column, rule.id, rule.level, said, rule.right
    )


def _distinct(reports: list[Report]) -> list[Report]:
    """In order of place, each once; a vague one is left out beside a better one.

    ``os.environ["HOME"]`` is a mention of the environment, too, but says less.
    """
    best: dict[tuple[int, int, Right | None], tuple[int, bool]] = {}
    for line, column, _, _, rule, _, subject in reports:
        key = (line, column, rule.right)
        weight = (rule.level.rank, bool(subject))
        best[key] = max(best.get(key, weight), weight)
    kept: dict[tuple[object, ...], Report] = {}
    for report in sorted(reports, key=_place):
        line, column, _, _, rule, message, subject = report
        weight = (rule.level.rank, bool(subject))
        if rule.right in _NAMED and weight < best[line, column, rule.right]:
            continue
        kept.setdefault((line, column, rule.id, subject or message), report)
    return list(kept.values())


_NAMED = frozenset({Right.ENV, Right.PROGRAM, Right.READ, Right.WRITE, Right.NET})
"""Rights whose findings can say what they are about."""


def _place(report: Report) -> tuple[object, ...]:
    """A whole order: names come in sets, whose order is another in each process."""
    line, column, _, end_column, rule, message, subject = report
    return line, column, -end_column, rule.id, message, subject


def _finding(path: str, report: Report, lines: list[bytes] | None) -> Finding:
    line, column, end, end_column, rule, message, subject = report
    return Finding(
        path,
        line,
        _character(lines, line, column),
        end,
        _character(lines, end, end_column),
        rule.id,
        rule.level,
        message,
        rule.right,
        subject,
    )


def _character(lines: list[bytes] | None, line: int, column: int) -> int:
    """The column in characters, from 1, of a column in bytes, from 0."""
    if lines is None or line > len(lines):
        return column + 1
    return len(lines[line - 1][:column].decode("utf-8", "replace")) + 1


def _bounded(
    path: str, found: list[Finding], limits: ScanLimits, *, more: bool = False
) -> tuple[Finding, ...]:
    """At most so many as are kept; `more` if some were dropped before this."""
    if len(found) <= limits.findings and not more:
        return tuple(found)
    kept = found[: limits.findings]
    said = f"only the first {limits.findings:,} findings are listed"
    return (*kept, _plain(path, parsing.MORE, said, kept[-1].line))
