"""``lockgate check``: look through a plugin's project; with ``--write`` mend it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lockgate.cli._answers import finding_lines
from lockgate.cli._output import clean, one_line, print_json, print_lines
from lockgate.cli._session import Subparsers
from lockgate.quantities import counted

if TYPE_CHECKING:
    from lockgate.project import Checked

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = (
        "Check a plugin's project: its manifest against its code, its rights, its "
        "metadata. Nothing of it is imported."
    )
    parser = subparsers.add_parser("check", description=about)
    parser.add_argument("folder", metavar="DIR", nargs="?", default=".")
    parser.add_argument(
        "--write",
        action="store_true",
        help="write the hooks and kinds of the code into the manifest",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print JSON")
    how.add_argument("--sarif", action="store_true", help="print SARIF 2.1.0")


def run(args: argparse.Namespace) -> int:
    """Print the findings. Status 1 if one is an error."""
    from lockgate.project import check_project, find_project, kinds_around

    project = find_project(args.folder)
    added = kinds_around(project)
    checked = check_project(project, added)
    wrote = bool(args.write and checked.diff)
    if wrote:
        _write(checked)
        checked = check_project(find_project(args.folder), added)
    if args.json:
        print_json(_data(checked, wrote=wrote))
    elif args.sarif:
        from lockgate import __version__
        from lockgate.sarif import to_sarif

        print_json(to_sarif(checked.findings, versions={"lockgate": __version__}))
    else:
        print_lines(_lines(checked, wrote=wrote))
    return 0 if checked.passed else 1


def _write(checked: Checked) -> None:
    """Put the compiled manifest in the place of the project's own.

    Raises:
        OutputError: If it can't be written there, or that is elsewhere by now.
    """
    from lockgate.errors import OutputError
    from lockgate.owned import replace_beneath

    folder, place = checked.project.folder, checked.project.manifest
    mode = place.lstat().st_mode & 0o777
    try:
        path = place.relative_to(folder).as_posix()
        replace_beneath(folder, path, checked.text.encode("utf-8"), mode=mode)
    except OSError as error:
        raise OutputError(str(error.strerror), path=str(place)) from None


def _data(checked: Checked, *, wrote: bool) -> dict[str, object]:
    from lockgate._codec.convert import to_data

    return {
        "plugin": checked.project.plugin,
        "distribution": checked.project.distribution,
        "passed": checked.passed,
        "level": checked.level,
        "written": wrote,
        "diff": checked.diff,
        "findings": to_data(list(checked.findings)),
    }


def _lines(checked: Checked, *, wrote: bool) -> Iterator[str]:
    if wrote:
        yield f"wrote {one_line(str(checked.project.manifest))}"
    for finding in checked.findings:
        yield from finding_lines(finding)
    if checked.diff:
        yield from (clean(line) for line in checked.diff.splitlines())
    errors = sum(finding.severity == "error" for finding in checked.findings)
    others = len(checked.findings) - errors
    level = f"; level {checked.level}" if checked.level else ""
    name = one_line(checked.project.plugin)
    told = f"{counted(errors, 'error')}, {counted(others, 'other finding')}"
    yield f"{name}: {told}{level}"
