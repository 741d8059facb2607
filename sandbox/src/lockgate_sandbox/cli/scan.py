"""``lockgate-sandbox scan``: what source says that it does, without running it.

Status 0 if nothing was found at the level of ``--fail-on``, 1 if something was, 2 if
the command line or a path makes no sense. A clean scan proves nothing: what code may
do is decided by a policy and held by the kernel.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate_sandbox.cli._complaint import complain
from lockgate_sandbox.errors import PolicyError, SandboxError
from lockgate_sandbox.terminal import clean, colored

if TYPE_CHECKING:
    from lockgate_sandbox.source import Derived, FileScan, Finding, TreeScan
    from lockgate_sandbox.terminal import Color

__all__ = ["ABOUT", "add_arguments", "main"]

ABOUT = (
    "Read Python source and say what it would do, without running it. This is no "
    "boundary: a clean scan proves nothing. Exit status: 0; 1 if something was found "
    "at the level of --fail-on; 2 for a usage error."
)
"""What ``--help`` says."""

_USAGE = 2
_COLORS: dict[str, Color] = {"error": "red", "warning": "yellow", "note": "dim"}
_TOOL = "lockgate-sandbox"
_MOST_JOBS = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the arguments of ``scan``."""
    add = parser.add_argument
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print JSON")
    how.add_argument("--sarif", metavar="FILE", help="write SARIF 2.1.0; - prints it")
    add("--fail-on", choices=["error", "warning", "never"], default="error",
        help="the least level that makes the status 1; default: error")  # fmt: skip
    add("--notes", action="store_true", help="list notes, too")
    add("--cache", metavar="FILE", help="remember findings by the hash of the content")
    add("--jobs", metavar="N", type=_jobs, default=0,
        help="how many processes read files; default: one for each core")  # fmt: skip
    add("path", metavar="PATH", nargs="+", help="a file, or a folder with all in it")


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _MOST_JOBS:
        msg = f"a number from 1 to {_MOST_JOBS}, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def main(args: argparse.Namespace) -> int:
    """Scan what parsed arguments name; gives the exit status."""
    from lockgate_sandbox.source import Level, ScanCache, rights

    cache = ScanCache(args.cache) if args.cache else None
    try:
        jobs = args.jobs or len(os.sched_getaffinity(0))
        scan = _scanned(args.path, cache, jobs)
        if cache is not None:
            cache.save()
        derived = rights(scan.findings)
        if args.json:
            json.dump(_document(scan, derived), sys.stdout, indent=2)
            print()
        elif args.sarif:
            _sarif(scan, args.sarif)
            if args.sarif != "-":
                _print_sum(scan)
        else:
            _print(scan, derived, notes=args.notes)
    except SandboxError as error:
        complain(error, as_json=args.json)
        return _USAGE
    except OSError as error:
        told = f"{error.filename} can't be written: {error.strerror}"
        complain(PolicyError(told, hint="name a file in a folder that is there"))
        return _USAGE
    failed = args.fail_on != "never" and scan.reaches(Level(args.fail_on))
    return 1 if failed else 0


def _scanned(paths: list[str], cache: object, jobs: int) -> TreeScan:
    from lockgate_sandbox.source import ScanCache, TreeScan, scan_tree

    known = cache if isinstance(cache, ScanCache) else None
    scans = [(path, scan_tree(path, cache=known, jobs=jobs)) for path in paths]
    files: dict[str, FileScan] = {}
    for path, scan in scans:
        below = path if Path(path).is_dir() else ""
        for file in scan.files:
            moved = _below(below, file)
            files[moved.path] = moved
    first = scans[0][1]
    return TreeScan(tuple(files.values()), first.python, first.rules)


def _below(folder: str, file: FileScan) -> FileScan:
    """`file` with its path as the reader would open it."""
    if not folder or folder == ".":
        return file
    path = os.path.join(folder, file.path)  # noqa: PTH118 - as it was written
    findings = tuple(replace(finding, path=path) for finding in file.findings)
    return replace(file, path=path, findings=findings)


def _document(scan: TreeScan, derived: Derived) -> dict[str, object]:
    return {
        "schema": 1,
        "python": scan.python,
        "rules": scan.rules,
        "files": [{"path": file.path, "sha256": file.sha256} for file in scan.files],
        "findings": [asdict(finding) for finding in scan.findings],
        "derived": derived.to_dict(),
    }


def _sarif(scan: TreeScan, file: str) -> None:
    from lockgate_sandbox._whole import write_whole
    from lockgate_sandbox.sarif import to_sarif
    from lockgate_sandbox.source._results import sarif_results

    log = to_sarif(sarif_results(scan.findings), default_tool=_TOOL)
    text = json.dumps(log, indent=2) + "\n"
    if file == "-":
        sys.stdout.write(text)
    else:
        write_whole(Path(file), text.encode())


def _print(scan: TreeScan, derived: Derived, *, notes: bool) -> None:
    for finding in scan.findings:
        if notes or finding.level != "note":
            print(_line(finding))
    _print_sum(scan)
    if not notes and any(finding.level == "note" for finding in scan.findings):
        print("  to see the notes: --notes")
    if derived.rights:
        print(f"would need: {', '.join(sorted(derived.rights))}")
    if derived.blind:
        print("  and maybe more: some of the code can't be read")


def _print_sum(scan: TreeScan) -> None:
    counts = Counter(str(finding.level) for finding in scan.findings)
    told = ", ".join(
        f"{counts[level]} {level}{'' if counts[level] == 1 else 's'}"
        for level in _COLORS
    )
    files = f"{len(scan.files)} file{'' if len(scan.files) == 1 else 's'}"
    print(f"{files} read as Python {scan.python}: {told}")


def _line(finding: Finding) -> str:
    # One line each: a message may quote what it was found in.
    path, said = (
        clean(text).replace("\n", "\\n") for text in (finding.path, finding.message)
    )
    place = f"{path}:{finding.line}:{finding.column}"
    level = colored(finding.level, _COLORS[finding.level], sys.stdout)
    return f"{place}: {level} {said} [{finding.rule}]"
