"""``key=value`` words of a command line as the arguments of a hook or pipeline."""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lockgate._codec.convert import to_data
from lockgate.documents import format_of, parse_document, read_document
from lockgate.errors import UsageError
from lockgate.values import Data, File, Tree

__all__ = ["interleave", "read_arguments", "read_tree"]

TREE_LIMIT_BYTES = 48 * 1024 * 1024
TREE_LIMIT_FILES = 10_000


def interleave(parser: argparse.ArgumentParser, *valued: str) -> None:
    """Let options stand between the words; `valued` are those with a value.

    argparse gives a list of words what stands before the next option, and no
    more. (Its own `parse_intermixed_args` knows no sub-commands.)
    """
    plain = parser.parse_known_args

    def parse(
        args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        into = argparse.Namespace() if namespace is None else namespace
        return plain(_options_first(args or (), valued), into)

    vars(parser)["parse_known_args"] = parse


def _options_first(args: Sequence[str], valued: Sequence[str]) -> list[str]:
    options: list[str] = []
    words: list[str] = []
    waiting = list(args)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            words.extend(waiting)
            break
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        options.append(word)
        if word in valued and waiting:
            options.append(waiting.pop(0))
    return [*options, "--", *words] if words else options


def read_arguments(
    words: Sequence[str], *, types: Mapping[str, str] | None = None
) -> dict[str, Data]:
    """The arguments that `words` give.

    ``key=value`` is JSON if it parses, else text; ``key=@file.yaml`` is the
    document in the file (yaml, json, toml, else text); ``key=@folder/`` the tree
    of files in the folder. ``-`` reads an object of arguments from standard
    input, as JSON. `types` are the arguments' types where they are known: text
    for a ``str`` is taken as it stands, a file for ``bytes`` too.

    Raises:
        UsageError: If a word is none of these, or what it names can't be read.
        DocumentError: If a document is not one.
    """
    found: dict[str, Data] = {}
    for word in words:
        if word == "-":
            found.update(_from_stdin())
            continue
        key, separator, text = word.partition("=")
        if not separator or not key:
            hint = "Write key=value, key=@file, key=@folder/, or - for standard input."
            raise UsageError(f"{word!r} is no argument", hint=hint)
        found[key] = _value(text, (types or {}).get(key, ""))
    return found


def _value(text: str, kind: str) -> Data:
    if text.startswith("@"):
        return _from_path(text[1:], kind)
    if kind == "str":
        return text
    if kind == "bytes":
        return text.encode()
    try:
        value: Data = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value


def _from_path(name: str, kind: str) -> Data:
    if Path(name).is_dir():
        return to_data(read_tree(Path(name)))
    if kind in ("str", "bytes"):
        return read_document(name, "text" if kind == "str" else "bytes")
    return read_document(name, format_of(name))


def _from_stdin() -> dict[str, Data]:
    document = parse_document(sys.stdin.buffer.read(), "json", name="standard input")
    if not isinstance(document, dict):
        raise UsageError("standard input holds no JSON object of arguments")
    return document


def read_tree(folder: Path) -> Tree:
    """The regular files below `folder`, hidden ones and links left out.

    Raises:
        UsageError: If they are too many or too large, or one can't be read.
    """
    files: list[File] = []
    left = TREE_LIMIT_BYTES
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            try:
                content = path.read_bytes()
                mode = path.stat().st_mode
            except OSError as error:
                raise UsageError(str(error.strerror), where=str(path)) from error
            left -= len(content)
            if left < 0 or len(files) >= TREE_LIMIT_FILES:
                message = (
                    f"the folder holds more than {TREE_LIMIT_FILES:,} files or "
                    f"{TREE_LIMIT_BYTES >> 20} MiB"
                )
                hint = "Name a folder inside it; hidden ones and links don't count."
                raise UsageError(message, where=str(folder), hint=hint)
            relative = path.relative_to(folder).as_posix()
            files.append(File(relative, content, bool(mode & stat.S_IXUSR)))
    return Tree(tuple(files))
