"""``lockgate demo``: the main job on bundled specs, and one report to look at."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from lockgate.cli._session import Subparsers
from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.errors import UsageError
from lockgate.values import Data

__all__ = ["add", "run"]

FOLDER = "lockgate-demo"


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Run the main job on bundled specs, end to end, and write a report."
    parser = subparsers.add_parser("demo", description=about)
    parser.add_argument(
        "--out", metavar="DIR", help=f"where to write (default ./{FOLDER})"
    )
    parser.add_argument(
        "--plugin", metavar="NAME", help="whose demo, if several have one"
    )
    parser.add_argument(
        "--force", action="store_true", help="write into a folder with other files"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Run the demo's pipeline, write what it makes, say where the report is."""
    from lockgate.cli._contributed import package_files
    from lockgate.cli._output import print_lines
    from lockgate.cli._pipelines import pipeline_at, run_document
    from lockgate.cli._runs import finish_run
    from lockgate.cli._session import settings
    from lockgate.cli._trees import check_target

    out = Path(args.out or FOLDER)
    check_target(out, force=args.force)
    config = settings(args)
    plugin, path = _demo(config, args.plugin)
    document = run_document(
        config,
        pipeline_at(path),
        {},
        package_files(path.parent, plugin),
        safe=args.safe,
        quiet=args.json,
    )
    status = finish_run(document, out=out, force=args.force, as_json=args.json)
    report = _report(document.get("outputs"), out)
    if report is not None and status == 0 and not args.json:
        print_lines([f"Report: {report}"])
    return status


def _demo(config: Config, name: str | None) -> tuple[PluginState, Path]:
    """The plugin with a demo (of several the first by name), and its pipeline.

    Raises:
        UsageError: If there is none.
    """
    from lockgate.cli._session import installed

    for plugin in sorted(installed(config).plugins, key=lambda one: one.name):
        manifest = plugin.manifest if plugin.usable else None
        if manifest is None or manifest.demo is None or name not in (None, plugin.name):
            continue
        folder = Path(plugin.manifest_path).parent
        return plugin, folder / manifest.demo.pipeline
    which = f"the plugin {name!r}" if name else "any usable plugin"
    raise UsageError(
        f"there is no demo of {which}",
        hint="`lockgate list` shows the plugins and what is wrong with them.",
    )


def _report(outputs: Data, out: Path) -> Path | None:
    """The HTML page among the written files that lies highest, if there is one."""
    if not isinstance(outputs, Mapping) or outputs.get("tree") is None:
        return None
    pages = sorted(out.rglob("*.html"), key=lambda page: (len(page.parts), str(page)))
    return pages[0].resolve() if pages else None
