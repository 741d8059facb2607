"""``lockgate docs``: a page about a plugin, from its manifest and its docstrings."""

from __future__ import annotations

import argparse
from pathlib import Path

from lockgate.cli._output import clean, print_json, print_lines
from lockgate.cli._session import Subparsers
from lockgate.errors import OutputError

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = (
        "Write a Markdown page about a plugin's project: hooks, rights in words, "
        "settings, commands. Nothing of it is imported."
    )
    parser = subparsers.add_parser("docs", description=about)
    parser.add_argument("folder", metavar="DIR", nargs="?", default=".")
    parser.add_argument("--out", metavar="FILE", help="write there, not to stdout")
    parser.add_argument(
        "--check", action="store_true", help="only compare FILE; status 1 if it differs"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the page, write it, or compare it with the one that is there.

    Raises:
        UsageError: If ``--check`` names no file to compare.
        ManifestError: If the manifest is not sound.
        OutputError: If the page can't be read or written.
    """
    from lockgate.errors import UsageError
    from lockgate.manifest import read_manifest
    from lockgate.owned import replace_whole
    from lockgate.project import find_project, kinds_around
    from lockgate.project._page import page

    if args.check and not args.out:
        raise UsageError("--check compares a file: name it with --out FILE")
    project = find_project(args.folder)
    name = project.distribution
    manifest = read_manifest(str(project.manifest), distribution=name)
    text = page(project, manifest, kinds_around(project))
    out = Path(args.out) if args.out else None
    same = out is not None and out.is_file() and out.read_text("utf-8") == text
    if out is not None and not args.check and not same:
        try:
            replace_whole(out, text.encode("utf-8"), mode=0o644)
        except OSError as error:
            reason = str(error.strerror or error)
            hint = "Its folder must be there, and yours to write in."
            raise OutputError(reason, path=str(out), hint=hint) from error
    if args.json:
        print_json({"plugin": project.plugin, "page": text, "current": same})
    elif out is None:
        print_lines([clean(line) for line in text.splitlines()])
    else:
        said = "is as it should be" if same else "differs" if args.check else "written"
        print_lines([f"{clean(str(out))} {said}"])
    return 1 if args.check and not same else 0
