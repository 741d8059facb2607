"""A pipeline's inputs: what was given, held against what is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

from lockgate.values import Data, Reason, Tree, check_path
from lockgate_workflows.check import resolve
from lockgate_workflows.model import Input, Pipeline
from lockgate_workflows.problems import nearest
from lockgate_workflows.records import is_tree
from lockgate_workflows.sources import SourceError, load

__all__ = ["InputError", "bind"]

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_ASKED = {
    "boolean": "true or false",
    "document": "an object, or the path of a file beside the pipeline",
    "documents": "a list of objects or of paths of files beside the pipeline",
    "integer": "a whole number",
    "list": "a list",
    "string": "a text",
    "tree": 'a tree: {"files": [{"path": …, "content": …}]}',
}


class InputError(ValueError):
    """Inputs that a pipeline can't start with; `reasons` has every one."""

    code = "input-refused"
    hint = "Each reason says what to change in the input."

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__("; ".join(f"{r.where}: {r.message}" for r in reasons))
        self.reasons = tuple(reasons)


class _MisfitError(ValueError):
    """A value that is not of its input's type."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def bind(pipeline: Pipeline, given: Mapping[str, Data], files: Tree) -> dict[str, Data]:
    """Every input's value: as given, or its default.

    A document may be given as a path: relative to the pipeline's own file, and
    looked up in `files` alone. An integer or boolean may be given as its text.

    Raises:
        InputError: If one is missing, unknown or of another type.
    """
    reasons: list[Reason] = []
    values: dict[str, Data] = {}
    for name in given:
        if name not in pipeline.inputs:
            message = f"pipeline {pipeline.name!r} has no input {name!r:.80}"
            hint = nearest(name, pipeline.inputs)
            reasons.append(Reason("unknown-input", f"inputs.{name:.80}", message, hint))
    for name, asked in pipeline.inputs.items():
        value = given.get(name)
        value = asked.default if value is None else value
        if value is None:
            message = f"the input {name!r} is missing ({_ASKED[asked.type]})"
            reasons.append(Reason("input-missing", f"inputs.{name}", message))
            continue
        try:
            values[name] = _converted(asked, value, pipeline.file, files)
        except _MisfitError as error:
            where = f"inputs.{name}"
            reasons.append(Reason("input-type", where, str(error), error.hint))
    if reasons:
        raise InputError(reasons)
    return values


def _converted(asked: Input, value: Data, file: str, files: Tree) -> Data:
    match asked.type:
        case "document":
            return _document(value, file, files)
        case "documents" if isinstance(value, list | tuple):
            return [_document(item, file, files) for item in value]
        case "list" if isinstance(value, list | tuple):
            return list(value)
        case "string" if isinstance(value, str):
            return value
        case "integer" if isinstance(value, int) and not isinstance(value, bool):
            return value
        case "integer" if isinstance(value, str) and _WHOLE.fullmatch(value):
            return int(value)
        case "boolean" if isinstance(value, bool):
            return value
        case "boolean" if value in ("true", "false"):
            return value == "true"
        case "tree" if is_tree(value):
            return _tree(value)
        case _:
            message = f"{_ASKED[asked.type]} is asked for, this is {_kind(value)}"
            raise _MisfitError(message)


def _document(value: Data, file: str, files: Tree) -> Data:
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, str):
        raise _MisfitError(f"{_ASKED['document']} is asked for, this is {_kind(value)}")
    try:
        path = resolve(file, check_path(value))
        document = load(files, path).document
    except SourceError as error:
        place = f"{value}:{error.line}" if error.line else value
        raise _MisfitError(f"{place}: {error}", error.hint) from error
    except ValueError as error:
        raise _MisfitError(str(error)) from error
    if not isinstance(document, Mapping):
        raise _MisfitError(f"{value}: the document is {_kind(document)}, not an object")
    return document


def _tree(value: Mapping[str, Sequence[Mapping[str, Data]]]) -> Data:
    try:
        for file in value["files"]:
            check_path(cast("str", file["path"]))
    except ValueError as error:
        raise _MisfitError(str(error)) from error
    return cast("Data", value)


def _kind(value: Data) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str | bytes):
        return "a text" if isinstance(value, str) else "bytes"
    return "an object" if isinstance(value, Mapping) else "a list"
