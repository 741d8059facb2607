"""Commands that plugins contribute: typed by the manifest, run as a pipeline.

The host opens what a ``path`` argument names, reads the pipeline and its sister
files from the plugin's package as data, and hands all of it to the
``run_pipeline`` hook. Not a byte of the contributing plugin's code runs here.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lockgate._manifest.value import PathFormat
from lockgate._text.files import UnreadableError, read_bounded
from lockgate.cli._brought import brought
from lockgate.cli._progress import progress
from lockgate.cli._runs import finish_run
from lockgate.cli._session import installed, tolerant_settings
from lockgate.cli._trees import check_target
from lockgate.cli._verbs import VERBS, make_parser
from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.documents import read_document
from lockgate.errors import (
    DocumentError,
    ManifestError,
    PluginUnavailableError,
    UsageError,
    did_you_mean,
)
from lockgate.manifest import Command, CommandArgument, Manifest
from lockgate.values import Data, Document, File, Tree

__all__ = ["package_files", "parser_of", "run_contributed"]

_FILES_MAXIMUM = 2000
_FILES_LIMIT_BYTES = 16 * 1024 * 1024


def run_contributed(
    noun: str,
    rest: Sequence[str],
    *,
    overrides: Sequence[str],
    chosen: Sequence[str],
    safe: bool,
) -> int:
    """Run ``lockgate NOUN VERB …`` and return its exit status.

    Raises:
        UsageError: If no plugin has the noun, or the arguments are wrong.
        PluginUnavailableError: If the plugin that has it cannot be called.
        InputRefusedError: If the pipeline's work refused the input.
    """
    config, wrong = tolerant_settings(overrides, chosen)
    if wrong:
        raise wrong
    plugin, manifest = _owner(noun, config)
    args = parser_of(noun, manifest).parse_args(list(rest))
    command: Command = args.command
    out = Path(args.out) if args.out else None
    if out is not None:
        check_target(out, force=args.force)
    inputs = {
        argument.name: value
        for argument in command.arguments
        if (value := _value(argument, getattr(args, _dest(argument)))) is not None
    }
    pipeline, files = _pipeline(plugin, command.pipeline)
    document = _run(config, pipeline, inputs, files, args, safe=safe)
    return finish_run(document, out=out, force=args.force, as_json=args.json)


def _run(
    config: Config,
    pipeline: Document,
    inputs: Document,
    files: Tree,
    args: argparse.Namespace,
    *,
    safe: bool,
) -> Document:
    from lockgate.host import Host

    name = str(pipeline.get("name") or "run")
    with (
        progress(name, quiet=args.json) as report,
        Host.open(
            config, safe=safe, on_progress=lambda p: report(p.message, p.fraction)
        ) as host,
    ):
        answers = host.call(
            "run_pipeline", pipeline=pipeline, inputs=inputs, files=files
        )
        return answers.first


_ELSEWHERE = {
    **dict.fromkeys(("remove", "delete", "rm"), "uninstall"),
    **dict.fromkeys(("add", "get"), "install"),
    **dict.fromkeys(("create", "init", "scaffold"), "new"),
    **dict.fromkeys(("plugins", "ls", "freeze"), "list"),
    **{verb: f"sandbox {verb}" for verb in ("learn", "policy", "scan")},
    "exec": "call",
    "show": "info",
    "status": "doctor",
    "update": "upgrade",
    "version": "--version",
}
"""What other tools call our commands."""

_RUNNERS = {
    ".py": "lockgate sandbox run",
    ".whl": "lockgate install",
    ".yaml": "lockgate run",
    ".yml": "lockgate run",
}
"""What is done with a file that was given in the place of a command."""


def _owner(noun: str, config: Config) -> tuple[PluginState, Manifest]:
    """The usable plugin whose command noun is `noun`."""
    found = installed(config).plugins
    plugins = [plugin for plugin in found if plugin.noun]
    for plugin in plugins:
        if plugin.noun == noun and plugin.usable and plugin.manifest is not None:
            return plugin, plugin.manifest
    for plugin in plugins:
        if plugin.noun == noun:
            raise PluginUnavailableError(
                plugin.name, state=plugin.state, reason=plugin.reason, hint=plugin.hint
            )
    known = [*VERBS, *(verb.name for verb, _ in brought(found))]
    known += [plugin.noun for plugin in plugins if plugin.usable]
    meant = _ELSEWHERE.get(noun, "")
    near = did_you_mean(noun, known)
    if meant in (*known, "--version"):
        near = did_you_mean(meant, [meant])
    elif meant:
        near = f"Did you mean `lockgate {meant}`?"
    if (runner := _RUNNERS.get(Path(noun).suffix)) and not near:
        near = f"Did you mean `{runner} {noun}`?"
    raise UsageError(
        f"there is no command {noun!r}",
        hint=near or "`lockgate --help` lists the commands.",
    )


def parser_of(noun: str, manifest: Manifest) -> argparse.ArgumentParser:
    """The parser of the commands of a plugin, as its manifest types them."""
    parser = make_parser(f"lockgate {noun}", manifest.summary)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for command in manifest.commands:
        text = command.help.replace("%", "%%")
        verb = verbs.add_parser(
            command.verb, help=text, description=text, allow_abbrev=False
        )
        verb.set_defaults(command=command)
        for argument in command.arguments:
            _add_argument(verb, argument)
        group = verb.add_argument_group("lockgate's own")
        group.add_argument("--out", metavar="DIR", help="write the files made to DIR")
        group.add_argument(
            "--force", action="store_true", help="write into a folder with other files"
        )
        group.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _dest(argument: CommandArgument) -> str:
    # A name of its own, so that no argument can stand in for `out` or `command`.
    return f"input:{argument.name}"


def _add_argument(parser: argparse.ArgumentParser, argument: CommandArgument) -> None:
    options: dict[str, Any] = {"help": argument.help.replace("%", "%%") or None}
    if argument.type == "choice":
        options["choices"] = argument.choices
    elif argument.type == "integer":
        options["type"] = int
    if argument.positional:
        options["metavar"] = argument.name.upper()
        if argument.repeat:
            options["nargs"] = "+" if argument.required else "*"
        elif not argument.required:
            options["nargs"] = "?"
        parser.add_argument(_dest(argument), default=argument.default, **options)
        return
    flag = f"--{argument.name.replace('_', '-')}"
    options["dest"] = _dest(argument)
    options["required"] = argument.required
    if argument.type == "boolean":
        options["action"] = argparse.BooleanOptionalAction
        options["default"] = argument.default
    else:
        if argument.type != "choice":
            options["metavar"] = argument.name.upper()
        options["action"] = "append" if argument.repeat else "store"
        options["default"] = None if argument.repeat else argument.default
    parser.add_argument(flag, **options)


def _value(argument: CommandArgument, given: Any) -> Data:
    """What the pipeline is handed for an argument; None leaves its default."""
    if given is None or given == []:
        return argument.default
    if argument.type != "path":
        return given  # type: ignore[no-any-return]
    if argument.repeat:
        paths: list[str] = given
        return [_opened(path, argument.format) for path in paths]
    return _opened(str(given), argument.format)


def _opened(path: str, kind: PathFormat) -> Data:
    """What lies at `path`: a document that says something, or a folder's files."""
    if kind == "tree":
        from lockgate._codec.convert import to_data
        from lockgate.cli._arguments import read_tree

        if not Path(path).is_dir():
            raise UsageError(
                "there is no such folder", where=path, hint="Name a folder."
            )
        return to_data(read_tree(Path(path)))
    document = read_document(path, kind)
    if document is None:
        raise DocumentError("the document is empty", file=path)
    if isinstance(document, str) and kind not in ("text", "bytes"):
        # A text would be taken for the name of a file beside the pipeline.
        raise DocumentError("the document is one text, without any key", file=path)
    return document


def _pipeline(plugin: PluginState, name: str) -> tuple[Document, Tree]:
    """A pipeline of the plugin's package, and the files beside and below it."""
    package = os.path.dirname(plugin.manifest_path)  # noqa: PTH120
    path = f"{package}/{name}"
    document = read_document(path, "yaml")
    if not isinstance(document, Mapping):
        raise ManifestError(
            "the pipeline is no mapping", distribution=plugin.distribution, file=path
        )
    return document, package_files(Path(path).parent, plugin)


def package_files(folder: Path, plugin: PluginState) -> Tree:
    """Every file below `folder` of a plugin's package, by its path from there.

    Raises:
        ManifestError: If there are too many, they are too large, or one is a
            symlink that leads out of an editable package.
    """
    inside = Path(os.path.realpath(os.path.dirname(plugin.manifest_path)))  # noqa: PTH120
    files: list[File] = []
    left = _FILES_LIMIT_BYTES
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if n != "__pycache__")
        for name in sorted(names):
            path = Path(parent) / name
            # An installer may link a wheel's files to its cache; in a source
            # tree a link could name any secret of the reader's.
            real = Path(os.path.realpath(path))
            leaves = not plugin.recorded and not real.is_relative_to(inside)
            try:
                if leaves:
                    raise UnreadableError("is a symlink that leads out of the package")
                content = read_bounded(str(path), left)
            except UnreadableError as error:
                raise ManifestError(
                    f"a file of the package {error}",
                    distribution=plugin.distribution,
                    file=str(path),
                ) from None
            left -= len(content)
            files.append(File(path.relative_to(folder).as_posix(), content))
            if len(files) > _FILES_MAXIMUM:
                raise ManifestError(
                    f"the pipeline's folder holds more than {_FILES_MAXIMUM} files",
                    distribution=plugin.distribution,
                    file=str(folder),
                )
    return Tree(tuple(files))
