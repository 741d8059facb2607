"""``lockgate call``: one hook call, its answers on standard output."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lockgate.cli._answers import answer_lines, data_lines
from lockgate.cli._arguments import interleave, read_arguments
from lockgate.cli._output import (
    clean,
    colored,
    indented,
    log_printer,
    one_line,
    print_json,
    print_lines,
)
from lockgate.cli._progress import progress
from lockgate.cli._session import Subparsers, installed, settings
from lockgate.values import Data

if TYPE_CHECKING:
    from lockgate.discovery import PluginState
    from lockgate.host import Answers, AnswerStream, HookFailure

__all__ = ["add", "print_answers", "print_stream", "run"]

_ABOUT = """\
Call one hook and print the answers.

An argument is written key=value: JSON if it parses, else text. key=@file.yaml
loads a document (yaml, json, toml, else text), key=@folder/ a tree of files, and
a lone - reads a JSON object of arguments from standard input. What comes back is
shown for people; --json prints all of it, the files' contents too."""


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser("call", description=_ABOUT)
    parser.formatter_class = argparse.RawTextHelpFormatter
    parser.add_argument("hook", metavar="HOOK", help="the hook (see lockgate hooks)")
    parser.add_argument("arguments", metavar="key=value", nargs="*")
    parser.add_argument("--plugin", metavar="NAME", help="ask only this plugin")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, help="for the whole call"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    interleave(parser, "--plugin", "--timeout")


def _seconds(text: str) -> float:
    """A duration, as argparse wants its types.

    Raises:
        ArgumentTypeError: If it is none above 0.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        message = f"{text!r} is no number of seconds above 0"
        raise argparse.ArgumentTypeError(message)
    return seconds


def run(args: argparse.Namespace) -> int:
    """Call the hook. Status 1 if an answer reports errors or a check failed.

    Raises:
        UnknownHookError: If nothing that is installed has such a hook.
        LockgateError: As `Host.call` does.
    """
    from lockgate._seating.registry import specs_of
    from lockgate._specs.spec import specs
    from lockgate.errors import NoAnswerError, UnknownHookError
    from lockgate.host import Host, Progress

    config = settings(args)
    spec = specs().get(args.hook)
    if spec is None:  # a hook that a plugin adds, or none
        known = specs_of(installed(config).plugins)
        spec = known.get(args.hook)
        if spec is None:
            raise UnknownHookError(args.hook, known=known)
    types = {argument.name: argument.annotation for argument in spec.arguments}
    arguments = read_arguments(args.arguments, types=types)
    with progress(args.hook, quiet=args.json) as report:

        def tell(event: Progress) -> None:
            report(f"{event.plugin}: {event.message}", event.fraction)

        log = log_printer(config.log_level)
        with Host.open(config, safe=args.safe, on_progress=tell, on_log=log) as host:
            whom: tuple[str | None, float | None] = (args.plugin, args.timeout)
            if spec.stream:
                stream = host.stream_within(args.hook, *whom, arguments, None)
                return print_stream(args.hook, stream, as_json=args.json)
            answers = host.call_within(args.hook, *whom, arguments, None)
            if not answers.items and not answers.failed:
                hint = _who_could(args.hook, host.plugins())
                raise NoAnswerError(args.hook, asked=answers.asked, hint=hint)
            _ = answers.first  # no answer at all is an error
    if args.json:
        print_json(answers.to_dict())
    else:
        print_answers(answers)
    return 1 if any(_failed(answer.data) for answer in answers) else 0


def _who_could(hook: str, plugins: Sequence[PluginState]) -> str:
    """Whoever would have been asked, if it could be; empty if there is nobody."""
    found = [
        f"{plugin.name} answers it too, and is {plugin.state}: {plugin.reason}"
        for plugin in plugins
        if not plugin.usable and plugin.manifest and hook in plugin.manifest.answers
    ]
    return ". ".join(found)


def print_stream(hook: str, stream: AnswerStream[Any], *, as_json: bool) -> int:
    """Print the items as they come; with `as_json` all of them at the end.

    Raises:
        NoAnswerError: If there was none.
    """
    from lockgate.errors import NoAnswerError
    from lockgate.host import to_data

    items: list[Data] = []
    last = ""
    with stream:
        for plugin, value in stream:
            data = to_data(value)
            if as_json:
                items.append({"plugin": plugin, "value": data})
                continue
            if plugin != last:
                print_lines([colored(one_line(plugin), "bold")])
            last = plugin
            print_lines(
                data_lines(data) if not isinstance(data, str) else [clean(data)]
            )
    failed: list[Data] = [failure.to_dict() for failure in stream.failed]
    if not (items or last):
        hint = "; ".join(f"{f.plugin}: {f.error.message}" for f in stream.failed)
        raise NoAnswerError(hook, asked=stream.asked, hint=hint)
    if as_json:
        asked: list[Data] = list(stream.asked)
        print_json({"hook": hook, "items": items, "failed": failed, "asked": asked})
    else:
        _print_failures(stream.failed)
    return 0


def print_answers(answers: Answers[Any]) -> None:
    """Print the answers for a person."""
    for answer in answers:
        who = (
            f"{answer.plugin} {answer.version} ({answer.tier}, {answer.seconds:.2f} s)"
        )
        print_lines(
            [colored(one_line(who), "bold"), *answer_lines(answer.value, answer.data)]
        )
        if answer.output:
            print_lines(["printed:", *_indented(answer.output)])
        for denial in answer.denials:
            message = indented(f"denied: {denial.get('message')!s}")
            print_lines([colored(message, "yellow")])
    _print_failures(answers.failed)


def _print_failures(failures: Iterable[HookFailure]) -> None:
    for failure in failures:
        message = indented(f"{failure.plugin} failed: {failure.error.message}")
        print_lines([colored(message, "red")])


def _objects(value: Data) -> list[Mapping[str, Data]]:
    items = value if isinstance(value, (list, tuple)) else []
    return [item for item in items if isinstance(item, Mapping)]


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in clean(text).splitlines()]


def _failed(value: Data) -> bool:
    """Whether an answer says that the work has failed: errors found, checks missed."""
    if not isinstance(value, Mapping):
        return False
    findings = _objects(value.get("findings"))
    errors = any(finding.get("severity") == "error" for finding in findings)
    return errors or value.get("passed") is False
