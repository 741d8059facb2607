"""Running a pipeline from the command line: what ``run`` and ``demo`` share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from lockgate.cli._output import log_printer
from lockgate.cli._progress import progress
from lockgate.config import Config
from lockgate.documents import DOCUMENT_LIMIT_BYTES, parse_document, read_document
from lockgate.errors import DocumentError, UsageError
from lockgate.values import Data, Document, File, Tree

__all__ = ["pipeline_at", "pipeline_files", "run_document"]

FILES_LIMIT = 500


def run_document(
    config: Config,
    pipeline: Document,
    inputs: Document,
    files: Tree,
    *,
    safe: bool,
    quiet: bool,
) -> Document:
    """Run `pipeline` through the host and give its run document.

    Raises:
        InputRefusedError: If the pipeline itself is refused.
        LockgateError: If it can't be run at all.
    """
    from lockgate.host import Host, Progress

    title = str(pipeline.get("name") or "run")
    with progress(title, quiet=quiet) as report:

        def tell(event: Progress) -> None:
            report(event.message, event.fraction)

        log = log_printer(config.log_level)
        with Host.open(config, safe=safe, on_progress=tell, on_log=log) as host:
            return host.call(
                "run_pipeline", pipeline=pipeline, inputs=inputs, files=files
            ).first


def pipeline_at(path: Path) -> Document:
    """The pipeline document in a YAML file.

    Raises:
        UsageError: If there is no such file.
        DocumentError: If it is no mapping in YAML.
    """
    if path.suffix == ".py" and path.is_file():
        raise UsageError(
            "a pipeline is a YAML file, and this is Python",
            where=str(path),
            hint=f"To run it sealed: lockgate sandbox run {path}",
        )
    document = read_document(str(path), "yaml")
    if not isinstance(document, Mapping):
        raise DocumentError("a pipeline is a mapping with `steps`", file=str(path))
    return document


def pipeline_files(path: Path, pipeline: Document) -> Tree:
    """The files that a pipeline names, relative to its own folder.

    Only what it names is read, and what the pipelines among those name: not
    everything that happens to lie around. A file outside the folder is left out.

    Raises:
        UsageError: If they are too many, or one can't be read.
        DocumentError: If a pipeline among them is no document.
    """
    folder = Path(os.path.realpath(path.parent))
    found: dict[str, File] = {}
    waiting: list[Document] = [pipeline]
    # The pipeline itself, so that what checks it can tell the lines.
    names = [path.name]
    while waiting or names:
        if not names:
            names = list(dict.fromkeys(_strings(waiting.pop())))
            continue
        name = names.pop()
        file = None if name in found else _file(folder, name)
        if file is None:
            continue
        if len(found) >= FILES_LIMIT:
            message = f"the pipeline names more than {FILES_LIMIT} files"
            raise UsageError(message, where=str(path))
        found[name] = file
        if name.endswith((".yaml", ".yml")):
            document = parse_document(file.content, "yaml", name=str(folder / name))
            if isinstance(document, Mapping):
                waiting.append(document)
    return Tree(tuple(found.values()))


def _file(folder: Path, name: str) -> File | None:
    """The file at a relative name below `folder`; None if it is no such name."""
    if len(name) > 400 or name.startswith("/") or "\n" in name:
        return None
    try:
        real = Path(os.path.realpath(folder / name))
        if not real.is_relative_to(folder) or not real.is_file():
            return None
        content = read_document(str(real), "bytes", limit=DOCUMENT_LIMIT_BYTES)
        return File(name, content) if isinstance(content, bytes) else None
    except (OSError, ValueError):  # no path at all, or none of a tree
        return None


def _strings(value: Data) -> Iterator[str]:
    """Every string in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)
