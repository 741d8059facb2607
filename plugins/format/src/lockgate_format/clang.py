"""C and C++ through clang-format.

clang-format never fails on a file it cannot follow: it formats what it thinks it
saw. Only its XML output says so (``incomplete_format``, with the line), and it
gives the edits instead of the text, so the edits are applied here. One document
per file, in the order of the arguments::

    <?xml version='1.0'?>
    <replacements xml:space='preserve' incomplete_format='false'>
    <replacement offset='12' length='3'>&#10;  </replacement>
    </replacements>
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import unescape

from lockgate.values import File, Note, Tree
from lockgate_format.batch import Item, Outcome, Programs, admit, batches, unchanged
from lockgate_format.errors import ToolFailedError
from lockgate_format.options import FormatOptions

__all__ = ["format_cpp"]

_DOCUMENT = re.compile(
    rb"<replacements [^>]*?incomplete_format='(?P<incomplete>true|false)'"
    rb"(?: line='(?P<line>\d+)')?>(?P<body>.*?)</replacements>",
    re.S,
)
_EDIT = re.compile(
    rb"<replacement offset='(?P<offset>\d+)' length='(?P<length>\d+)'>"
    rb"(?P<text>.*?)</replacement>",
    re.S,
)


def style(options: FormatOptions) -> str:
    """The whole style as one argument, so that no file of a tree decides it.

    JSON is YAML, which is what clang-format reads.
    """
    return json.dumps(
        {
            "BasedOnStyle": options.cpp_style,
            "ColumnLimit": options.cpp_line_length,
            "IndentWidth": options.cpp_indent,
            "TabWidth": options.cpp_indent,
            "UseTab": "Never",
            # What most lines of the file do would decide otherwise: two files of
            # one generator would come out differently.
            "DerivePointerAlignment": False,
            "PointerAlignment": "Left",
            # Arduino headers may depend on each other's order.
            "SortIncludes": "Never",
            "LineEnding": "DeriveLF",
            "InsertNewlineAtEOF": True,
        }
    )


def apply_edits(body: bytes, document: bytes) -> bytes:
    """Apply the ``<replacement>`` elements of one document to `body`.

    Raises:
        ValueError: If an edit lies outside `body` or before the one it follows.
    """
    parts: list[bytes] = []
    at = 0
    for edit in _EDIT.finditer(document):
        start, length = int(edit["offset"]), int(edit["length"])
        if start < at or start + length > len(body):
            msg = f"an edit at byte {start} does not fit a file of {len(body)} bytes"
            raise ValueError(msg)
        parts += (body[at:start], unescape(edit["text"].decode()).encode())
        at = start + length
    return b"".join((*parts, body[at:]))


def _run(items: Sequence[Item], options: FormatOptions, programs: Programs) -> Outcome:
    run = programs.run_program(
        "clang-format",
        [
            f"--style={style(options)}",
            "--fallback-style=none",
            "--output-replacements-xml",
            *(item.alias for item in items),
        ],
        tree=Tree(tuple(File(item.alias, item.body) for item in items)),
    )
    documents = list(_DOCUMENT.finditer(run.stdout))
    if run.status != 0 or len(documents) != len(items):
        raise ToolFailedError(
            "clang-format", run.status, run.stderr.decode("utf-8", "replace")
        )
    changed: list[File] = []
    notes: list[Note] = []
    for item, document in zip(items, documents, strict=True):
        path = item.file.path
        if document["incomplete"] == b"true":
            line = (document["line"] or b"1").decode()
            notes.append(unchanged(path, f"line {line}: unbalanced code"))
            continue
        try:
            body = apply_edits(item.body, document["body"])
        except ValueError as error:
            raise ToolFailedError("clang-format", run.status, str(error)) from error
        if body != item.body:
            changed.append(item.given(body))
    return Outcome(tuple(changed), tuple(notes))


def format_cpp(
    files: Sequence[File], options: FormatOptions, programs: Programs
) -> Outcome:
    """Format C and C++ files with one start of clang-format.

    A file whose brackets do not close is left out of `changed` and noted.

    Raises:
        ToolFailedError: If clang-format itself broke down.
        PermissionError: If clang-format is not granted.
        FileNotFoundError: If clang-format is not installed.
        TimeoutError: If clang-format took too long.
    """
    items, notes = admit(files)
    changed: list[File] = []
    for batch in batches(items):
        outcome = _run(batch, options, programs)
        changed.extend(outcome.changed)
        notes.extend(outcome.notes)
    return Outcome(tuple(changed), tuple(notes))
