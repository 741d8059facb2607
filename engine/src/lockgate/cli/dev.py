"""``lockgate dev``: look again at a plugin's project whenever a file of it changes.

Each round checks the project; with a hook, calls it in a sealed worker from the
project's folder, else runs the tests. Nothing needs to be installed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.cli._output import clean, colored, print_error, print_json, print_lines
from lockgate.cli._session import Subparsers, settings
from lockgate.errors import LockgateError

if TYPE_CHECKING:
    from lockgate.manifest import Manifest
    from lockgate.project import Project
    from lockgate.values import Finding

__all__ = ["add", "run"]

POLL_SECONDS = 0.3
_SUFFIXES = (".py", ".toml", ".yaml", ".yml", ".json")
_SKIPPED = frozenset({".git", ".venv", "__pycache__", ".pytest_cache", "dist"})
Marks = dict[str, tuple[int, int]]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = (
        "Check a plugin's project and run its tests, or call a hook of it, again at "
        "each change. The owner's grants count."
    )
    parser = subparsers.add_parser("dev", description=about)
    parser.add_argument("folder", metavar="DIR", nargs="?", default=".")
    parser.add_argument(
        "--call",
        metavar="WORD",
        nargs="+",
        default=[],
        help="HOOK [key=value ...]: call this instead of running the tests",
    )
    parser.add_argument("--once", action="store_true", help="one round, then end")
    parser.add_argument("--json", action="store_true", help="print JSON, once")


def run(args: argparse.Namespace) -> int:
    """Work until interrupted. With ``--once`` the status is the round's."""
    from lockgate.project import find_project

    folder = find_project(args.folder).folder
    seen = _marks(folder)  # before: what changes meanwhile is a change
    status = _round(folder, args)
    if args.once or args.json:
        return status
    while True:
        time.sleep(POLL_SECONDS)
        now = _marks(folder)
        if now != seen:
            changed = sorted({p for p, _ in {*now.items()} ^ {*seen.items()}})
            seen = now
            print_lines(
                ["", colored(f"changed: {clean(', '.join(changed[:5]))}", "bold")]
            )
            _round(folder, args)


def _marks(folder: Path) -> Marks:
    """The stamp of every file that a change of counts."""
    found: Marks = {}
    waiting = [folder]
    while waiting:
        for path in waiting.pop().iterdir():
            if path.is_dir() and not path.is_symlink() and path.name not in _SKIPPED:
                waiting.append(path)
            elif path.suffix in _SUFFIXES:
                try:
                    status = path.stat()
                except OSError:
                    continue
                name = path.relative_to(folder).as_posix()
                found[name] = status.st_mtime_ns, status.st_size
    return found


def _round(folder: Path, args: argparse.Namespace) -> int:
    """Check, then call or test; an error of the plugin ends the round only."""
    from lockgate.project import check_project, find_project, kinds_around
    from lockgate.project._run import run_tests

    try:
        project = find_project(folder)
        checked = check_project(project, kinds_around(project))
        if not args.json:
            print_lines(_summary(checked.findings, passed=checked.passed))
        if not checked.passed:
            if args.json:
                print_json({"passed": False, "answers": None})
            return 1
        if args.call:
            return _call(project, checked.manifest, args)
        status = run_tests(project, [], quiet=args.json)
        if args.json:
            print_json({"passed": status == 0, "answers": None})
        return 0 if status == 0 else 1
    except LockgateError as error:
        if args.once or args.json:
            raise
        print_error(error, as_json=False)
        return error.exit_status


def _summary(findings: Sequence[Finding], *, passed: bool) -> Iterator[str]:
    from lockgate.cli._answers import finding_lines

    for finding in findings:
        if finding.severity == "error":
            yield from finding_lines(finding)
    yield colored("checked", "green") if passed else colored("not sound", "red")


def _call(project: Project, manifest: Manifest | None, args: argparse.Namespace) -> int:
    """Call the hook in a worker that starts from the project's folder."""
    from lockgate.cli._arguments import read_arguments
    from lockgate.cli._output import log_printer
    from lockgate.cli.call import print_answers, print_stream
    from lockgate.errors import UnknownHookError
    from lockgate.host import Answers, Host
    from lockgate.kinds._specs import specs_with
    from lockgate.project._around import environments_of, kinds_of, services_around
    from lockgate.project._stage import stage

    hook, *words = args.call
    services = services_around(project)
    known = specs_with(kinds_of(manifest, services))
    spec = known.get(hook)
    if spec is None:
        raise UnknownHookError(hook, known=known)
    types = {argument.name: argument.annotation for argument in spec.arguments}
    arguments = read_arguments(words, types=types)
    config = settings(args)
    beside = {**environments_of(services), **config.environments}
    config = replace(config, environments=beside)
    with tempfile.TemporaryDirectory(prefix="lockgate-dev-") as place:
        site = stage(project, Path(place))
        log = log_printer(config.log_level)
        with Host.open(config, search_path=[site], on_log=log) as host:
            if spec.stream:
                stream = host.stream_within(hook, project.plugin, None, arguments, None)
                return print_stream(hook, stream, as_json=args.json)
            ask: Callable[..., Answers[Any]] = host.call
            answers = ask(hook, plugin=project.plugin, **arguments)
            _ = answers.first  # no answer at all is an error
    if args.json:
        print_json({"passed": True, "answers": answers.to_dict()})
    else:
        print_answers(answers)
    return 0
