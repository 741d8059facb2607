"""What the commands about running hosts share: finding them, asking them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lockgate.errors import ControlError, NoHostError

if TYPE_CHECKING:
    from lockgate._control.wire import Request
    from lockgate.config import Config

__all__ = ["add_host_option", "asked", "code_of", "told", "way_out"]


def add_host_option(parser: argparse.ArgumentParser) -> None:
    """The option that chooses one of the running hosts."""
    parser.add_argument(
        "--host",
        type=int,
        default=0,
        metavar="PID",
        help="only the host in this process (default: every host of yours)",
    )


def asked(
    config: Config, args: argparse.Namespace, request: Request
) -> list[tuple[int, dict[str, Any]]]:
    """Each running host's process and answer.

    Raises:
        NoHostError: If the one that was named does not run.
        ControlError: If the folder of the sockets is not its owner's alone.
    """
    from lockgate._control.client import ask_all

    folder = Path(config.runtime_folder)
    found = [(host.pid, told) for host, told in ask_all(folder, request, pid=args.host)]
    if args.host and not found:
        raise NoHostError(f"no host of yours runs in process {args.host}")
    return found


def told(answer: dict[str, Any]) -> str:
    """An error that a host answered with, in words; else the empty string."""
    error = _error(answer)
    return (str(error.get("message", "")) or ControlError.code) if error else ""


def code_of(answer: dict[str, Any]) -> str:
    """The code of an error that a host answered with."""
    return str(_error(answer).get("code", ""))


def way_out(answer: dict[str, Any]) -> str:
    """The hint of an error that a host answered with."""
    return str(_error(answer).get("hint", ""))


def _error(answer: dict[str, Any]) -> dict[str, Any]:
    error: object = answer.get("error")
    return cast("dict[str, Any]", error) if isinstance(error, dict) else {}
