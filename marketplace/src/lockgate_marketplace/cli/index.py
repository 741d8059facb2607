"""``lockgate index``: build a static index of wheels, and serve it for trying."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import UsageError
from lockgate.verb import (
    Subparsers,
    counted,
    one_line,
    print_json,
    print_lines,
    print_table,
    progress,
)

if TYPE_CHECKING:
    from lockgate_marketplace.site import Report, Server

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "index", description="Build a static index of wheels, and serve it for trying."
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="verb")
    build = verbs.add_parser(
        "build",
        description="Make a folder of wheels into a site that any file server serves.",
        help="make a folder of wheels into a site",
    )
    build.add_argument("wheels", metavar="WHEELS", type=Path, help="folder of wheels")
    build.add_argument(
        "--out", metavar="SITE", type=Path, required=True, help="folder of the site"
    )
    build.add_argument(
        "--title", help="what its pages are called (default: as before, or Plugins)"
    )
    build.add_argument(
        "--url",
        help="the address that it will have (default: as before, if not a local one)",
    )
    build.add_argument(
        "--status",
        metavar="FILE",
        type=Path,
        help="the owner's word on projects (default: WHEELS/status.toml)",
    )
    build.add_argument(
        "--strict", action="store_true", help="build nothing if a wheel is refused"
    )
    serve = verbs.add_parser(
        "serve",
        description="Serve a site on loopback, for trying.",
        help="serve a site on loopback, for trying",
    )
    serve.add_argument("site", metavar="SITE", type=Path, help="folder of the site")
    serve.add_argument("--port", type=int, default=0, help="default: a free one")
    for verb in (build, serve):
        verb.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Do what the verb says."""
    return _build(args) if args.verb == "build" else _serve(args)


def _build(args: argparse.Namespace) -> int:
    """Status 1 if a wheel was left out."""
    from lockgate_marketplace.site import Options, build, options_of

    before = options_of(args.out)
    with progress("index") as shown:
        options = Options(
            title=before.title if args.title is None else args.title,
            url=before.url if args.url is None else args.url,
            status=args.status,
            strict=args.strict,
            progress=shown,
        )
        report = build(args.wheels, args.out, options)
    if args.json:
        print_json(_data(report))
    else:
        _print(report)
    return 1 if report.refused else 0


def _data(report: Report) -> dict[str, object]:
    return {
        "site": str(report.site),
        "projects": report.projects,
        "plugins": report.plugins,
        "judged": report.judged,
        "hashed": report.hashed,
        "removed": list(report.removed),
        "refused": [
            {"file": r.file, "code": r.code, "message": r.message, "hint": r.hint}
            for r in report.refused
        ],
    }


def _print(report: Report) -> None:
    plugins = counted(report.plugins, "plugin")
    counts = f"{plugins} in {counted(report.projects, 'project')}"
    work = f"{counted(report.judged, 'wheel')} judged, {report.hashed} hashed"
    print_lines([one_line(f"{report.site}: {counts} ({work})")])
    if report.removed:
        print_lines([one_line(f"gone: {', '.join(report.removed)}")])
    if report.refused:
        rows = [[one.file, one.code, one.message] for one in report.refused]
        print_table(["left out", "code", "why"], rows)
    print_lines([one_line(f"To try it: lockgate index serve {report.site}")])


def _serve(args: argparse.Namespace) -> int:
    with _listening(args) as server, _until_told():
        if args.json:
            print_json({"url": server.url, "site": str(args.site)})
        else:
            print_lines(
                [
                    one_line(f"Serving {args.site} at {server.url} (Ctrl-C ends it)"),
                    f"  pip install --index-url {server.url}simple/ NAME",
                    "`lockgate install here/NAME` wants this in your settings:",
                    "  [plugins.marketplace.indexes.here]",
                    f'  url = "{server.url}simple/"',
                    "  cooldown-days = 0    # else a new file waits three days",
                ]
            )
        sys.stdout.flush()
        server.serve_forever(poll_interval=0.2)
    return 0


def _listening(args: argparse.Namespace) -> Server:
    from lockgate_marketplace.site import Server

    try:
        return Server(args.site, args.port)
    except (OSError, OverflowError) as error:
        message = f"port {args.port} can't be had: {error}"
        raise UsageError(message, hint="Leave --port away for a free one.") from error


@contextlib.contextmanager
def _until_told() -> Generator[None]:
    """End on SIGTERM as on Ctrl-C: quietly, with status 0."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
