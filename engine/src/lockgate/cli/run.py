"""``lockgate run``: a pipeline of hook calls, from a YAML file."""

from __future__ import annotations

import argparse
from pathlib import Path

from lockgate.cli._arguments import interleave, read_arguments
from lockgate.cli._session import Subparsers

__all__ = ["add", "run"]

_ABOUT = """\
Run a pipeline of hook calls.

An input is written key=value: JSON if it parses, else text. key=@file.yaml loads
a document, key=@folder/ a tree of files, and a lone - reads a JSON object of
inputs from standard input. Status 0: done, 1: failed, 3: refused."""


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser("run", description=_ABOUT)
    parser.formatter_class = argparse.RawTextHelpFormatter
    parser.add_argument("pipeline", metavar="PIPELINE.yaml")
    parser.add_argument("inputs", metavar="key=value", nargs="*")
    parser.add_argument("--out", metavar="DIR", help="write the files made to DIR")
    parser.add_argument(
        "--force", action="store_true", help="write into a folder with other files"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    interleave(parser, "--out")


def run(args: argparse.Namespace) -> int:
    """Run the pipeline, write its files, tell what happened."""
    from lockgate.cli._pipelines import pipeline_at, pipeline_files, run_document
    from lockgate.cli._runs import finish_run
    from lockgate.cli._session import settings
    from lockgate.cli._trees import check_target

    path = Path(args.pipeline)
    out = Path(args.out) if args.out else None
    if out is not None:
        check_target(out, force=args.force)
    pipeline = pipeline_at(path)
    document = run_document(
        settings(args),
        pipeline,
        read_arguments(args.inputs),
        pipeline_files(path, pipeline),
        safe=args.safe,
        quiet=args.json,
    )
    return finish_run(document, out=out, force=args.force, as_json=args.json)
