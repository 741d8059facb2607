"""One Python file, run once under a policy, as the options of a verb say."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate_sandbox.backend import open_confinement
from lockgate_sandbox.cli._layers import add_layer_option, layers_of
from lockgate_sandbox.cli._options import add_policy_options, secret_values
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.profiles import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lockgate_sandbox.broker import Broker
    from lockgate_sandbox.policy import Policy
    from lockgate_sandbox.results import Denial, RunResult

__all__ = [
    "add_file_arguments",
    "add_file_options",
    "check_file",
    "run_once",
    "source_of",
]

_LEAST_MEMORY = 16 << 20
"""Below it an interpreter ends before it could say why."""


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the options that say how a file is run."""
    add_policy_options(parser)
    add = parser.add_argument
    about = "a folder to import from; may be repeated"
    add("--path", metavar="DIR", action="append", default=[], help=about)
    add_layer_option(parser)
    about = "append each decision on a grant, as JSON lines"
    add("--audit", metavar="FILE", help=about)
    add(
        "--profile",
        choices=[str(profile) for profile in Profile],
        default=str(Profile.PLAIN),
        help="how the file is compiled; restricted: by RestrictedPython, no boundary",
    )


def add_file_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the file and its arguments, which come last."""
    add = parser.add_argument
    add("-c", metavar="CODE", dest="code", help="run this text instead of a file")
    about = "the Python file; - reads it from standard input"
    add("file", metavar="FILE.py", nargs="?", help=about)
    rest = add("argv", metavar="ARG", nargs=argparse.REMAINDER, help="its arguments")
    rest.required = False  # argparse would name it as missing, beside the file
    parser.set_defaults(usage_error=parser.error)


def _check_memory(policy: Policy) -> None:
    given = policy.limits.memory_bytes
    if given < _LEAST_MEMORY:
        raise PolicyError(
            f"{given:,} bytes of memory are less than Python needs to start",
            hint=f"give it at least {_LEAST_MEMORY >> 20}M; 64M is enough for a little",
        )


def source_of(args: argparse.Namespace) -> bytes | None:
    """What is run if it is no file; `args` then say how it is called.

    Raises:
        PolicyError: If it was to be read from where nothing is.
    """
    if args.code is not None:
        if args.file is not None:
            args.argv = [args.file, *args.argv]
        args.file = "-c"
        return str(args.code).encode("utf-8", "surrogateescape")
    if args.file is None:
        args.usage_error("the following arguments are required: FILE.py")
    if args.file != "-":
        return None
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  (closed)
        raise PolicyError("standard input, which was to be run, is closed")
    return sys.stdin.buffer.read()


def check_file(name: str) -> None:
    """Refuse to run what is no file.

    Raises:
        PolicyError: If it is none.
    """
    if Path(name).is_dir():
        hint = "name the Python file in it that is to run"
        raise PolicyError(f"{name} is a folder, not a Python file", hint=hint)
    if not Path(name).is_file():
        raise PolicyError(f"no such file: {name}", hint="check the path")


def run_once(
    policy: Policy,
    args: argparse.Namespace,
    source: bytes | None,
    advice: Callable[[str, str], str],
    denied: list[Denial],
    *,
    path: Sequence[str],
    stdio: tuple[int, int, int] = (0, 1, 2),
) -> RunResult:
    """Run the file; what its broker refuses is added to `denied`.

    `advice` says what would allow that. The result's denials are the file's own words.

    Raises:
        SandboxError: If it can't be run so, or not at all.
        OSError: If its output can't be written.
    """
    _check_memory(policy)
    layers = layers_of(args)
    sys.stdout.flush()
    sys.stderr.flush()
    with ExitStack() as stack:
        broker = None
        if policy.brokered or args.audit:  # a record of nothing is a record, too
            made = _broker(policy, args, denied, advice)
            broker = stack.enter_context(made)
        sandbox = stack.enter_context(open_confinement(layers=layers))
        return sandbox.run_file(
            policy,
            args.file,
            args.argv,
            path=path,
            stdio=stdio,
            broker=broker if policy.brokered else None,
            profile=args.profile,
            source=source,
        )


def _broker(
    policy: Policy,
    args: argparse.Namespace,
    denied: list[Denial],
    advice: Callable[[str, str], str],
) -> Broker:
    """The broker of one run; what it refuses is added to `denied`."""
    from lockgate_sandbox.broker import Broker, denials_into

    return Broker(
        policy,
        secrets=secret_values(args),
        audit=denials_into(denied),
        audit_file=args.audit,
        worker=Path(args.file).name,
        advice=advice,
    )
