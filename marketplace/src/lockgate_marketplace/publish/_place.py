"""Into a folder of wheels, from which an index is built."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from io import BufferedReader
from pathlib import Path

from lockgate.owned import replace_whole
from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.publish._prepare import Ready
from lockgate_marketplace.site.beside import VERDICTS_SUFFIX
from lockgate_marketplace.site.regular import open_regular
from lockgate_marketplace.site.release import PROVENANCE_SUFFIX, SIGNATURE_SUFFIX

__all__ = ["place"]


def place(ready: Iterable[Ready], wheels: Path) -> list[Path]:
    """Put each wheel, and what goes with it, into the folder `wheels`.

    A wheel is written last: a build that comes between finds it whole or not at all.
    The bytes are those that were judged.

    Raises:
        PublishError: If a file of that name is there with other bytes
            (`index-file-changed`); then none is written.
            If the folder can't be written (`index-unwritable`).
    """
    try:
        return _placed(list(ready), wheels)
    except OSError as error:
        message = f"{error.filename or wheels}: {error.strerror or error}"
        raise PublishError("index-unwritable", message, where=str(wheels)) from error


def _placed(todo: Sequence[Ready], wheels: Path) -> list[Path]:
    wheels.mkdir(parents=True, exist_ok=True)
    for one in todo:
        _check_free(wheels / one.wheel.filename, one.wheel.sha256)
    written: list[Path] = []
    for one in todo:
        path = wheels / one.wheel.filename
        if one.provenance is not None:
            _write(path.with_name(path.name + PROVENANCE_SUFFIX), one.provenance)
        if one.signature is not None:
            _write(path.with_name(path.name + SIGNATURE_SUFFIX), one.signature)
        if one.verdicts:
            _write(path.with_name(path.name + VERDICTS_SUFFIX), one.encoded_verdicts())
        _write(path, one.data)
        written.append(path)
    return written


def _write(path: Path, content: bytes) -> None:
    replace_whole(path, content, mode=0o644)


def _check_free(path: Path, sha256: str) -> None:
    try:
        with BufferedReader(open_regular(path)) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return
    if found != sha256:
        message = f"{path.name} is there with other bytes (sha256 {found[:16]}…)"
        raise PublishError("index-file-changed", message, where=str(path))
