"""The parts of a run document: plain data, trees summarised, errors as fields."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard, cast

from lockgate.values import Data

__all__ = ["StepError", "error_document", "is_tree", "retryable", "summarised"]

DETERMINISTIC = frozenset(
    {
        "argument-invalid",
        "input-refused",
        "permission-denied",
        "plugin-unavailable",
        "run-timeout",
        "unknown-hook",
        "unknown-plugin",
        "usage",
    }
)
"""Codes of errors that a second try would meet again."""


class StepError(Exception):
    """A step that failed for a reason of the pipeline's own."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        reasons: Sequence[Mapping[str, Data]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.reasons = tuple(reasons)


def error_document(error: BaseException) -> dict[str, Data]:
    """Any exception as ``code``, ``message``, ``hint`` and ``reasons``."""
    if isinstance(error, BaseExceptionGroup):
        return _group(cast("BaseExceptionGroup[BaseException]", error))
    code = getattr(error, "code", None)
    if not isinstance(code, str):
        message = f"{type(error).__name__}: {error}"
        return {"code": "internal-error", "message": message, "hint": "", "reasons": []}
    return {
        "code": code,
        "message": str(error),
        "hint": str(getattr(error, "hint", "")),
        "reasons": [_reason(each) for each in getattr(error, "reasons", ())],
    }


def _group(group: BaseExceptionGroup[BaseException]) -> dict[str, Data]:
    """Several errors of one call: the first one's code, each one a reason."""
    errors = [error_document(error) for error in group.exceptions]
    reasons: list[Data] = []
    for error in errors:
        below = cast("list[Data]", error["reasons"])
        own: Data = {k: error[k] for k in ("code", "message", "hint")} | {"where": ""}
        reasons.extend(below or [own])
    return {**errors[0], "reasons": reasons}


def _reason(reason: Any) -> Data:
    if isinstance(reason, Mapping):
        return cast("Data", reason)
    keys = ("code", "where", "message", "hint")
    return {key: str(getattr(reason, key, "")) for key in keys}


def retryable(error: Exception) -> bool:
    """Whether a second try may end otherwise."""
    code = str(error_document(error)["code"])
    return code not in DETERMINISTIC and not code.startswith("expression-")


def is_tree(value: Data) -> TypeGuard[Mapping[str, Sequence[Mapping[str, Data]]]]:
    """Whether `value` is a tree as data: ``{"files": [{path, content, …}]}``."""
    if not isinstance(value, Mapping) or set(value) != {"files"}:
        return False
    files = value["files"]
    return isinstance(files, list | tuple) and all(
        isinstance(file, Mapping)
        and isinstance(file.get("path"), str)
        and isinstance(file.get("content"), bytes)
        for file in files
    )


def summarised(value: Data) -> Data:
    """`value` with every tree in it replaced by its paths, sizes and hashes."""
    if is_tree(value):
        return {"files": [_file(file) for file in value["files"]]}
    if isinstance(value, Mapping):
        return {key: summarised(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [summarised(item) for item in value]
    return value


def _file(file: Mapping[str, Data]) -> Data:
    content = cast("bytes", file["content"])
    digest = hashlib.sha256(content).hexdigest()
    return {"path": file["path"], "bytes": len(content), "sha256": digest}
