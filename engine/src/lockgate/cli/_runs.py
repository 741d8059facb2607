"""What a finished pipeline run shows its owner: steps, files, exit status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from pathlib import Path

from lockgate.cli._output import (
    Color,
    clean,
    colored,
    one_line,
    print_json,
    print_lines,
)
from lockgate.cli._trees import tree_of, write_tree
from lockgate.quantities import counted
from lockgate.values import Data, Document

__all__ = ["EXIT_OF_STATE", "finish_run"]

EXIT_OF_STATE: Mapping[str, int] = {"done": 0, "failed": 1, "refused": 3}

_COLORS: Mapping[str, Color] = {
    "done": "green",
    "failed": "red",
    "refused": "yellow",
    "compensated": "yellow",
    "skipped": "dim",
    "cancelled": "dim",
}

_ABOUT_CHARS = 40
_NEVER = "cancelled"
"""The state of a step that never began, because of one before it."""


def finish_run(
    document: Document, *, out: Path | None, force: bool, as_json: bool
) -> int:
    """Write what the run made, print what happened, give the exit status.

    A run that is ``done`` writes its ``outputs.tree``. Of any other run that
    tree is half of something: it writes ``outputs.report``, if there is one.

    Raises:
        OutputError: If the tree cannot be written.
    """
    state = str(document.get("state", "failed"))
    outputs = _table(document.get("outputs"))
    tree = tree_of(outputs.get("tree" if state == "done" else "report"))
    written = ""
    if tree is not None and out is not None:
        write_tree(tree, out, force=force)
        written = str(out)
    if as_json:
        print_json({**_table(_summarised(document)), "written": written or None})
    else:
        lines = list(_lines(document))
        if tree is not None:
            lines += _files([file.path for file in tree], written)
        print_lines(lines)
    return EXIT_OF_STATE.get(state, 1)


def _lines(document: Document) -> Iterator[str]:
    state = str(document.get("state", "failed"))
    name = one_line(document.get("name") or "run")
    took = _seconds(document.get("seconds"))
    yield f"{name}: {colored(state, _COLORS.get(state, 'red'))} {took}".rstrip()
    yield from _steps(document, "  ")
    error = _table(document.get("error"))
    steps = map(_table, _list(document.get("steps")))
    # What a step ended with stands there already.
    if not any(s.get("id") == error.get("step") and s.get("error") for s in steps):
        yield from _error(error, "  ")


def _steps(document: Document, indent: str) -> Iterator[str]:
    steps = [_table(step) for step in _list(document.get("steps"))]
    width = max((len(one_line(step.get("id", ""))) for step in steps), default=0)
    for cancelled, group in groupby(steps, lambda step: step.get("state") == _NEVER):
        if cancelled:
            names = ", ".join(one_line(step.get("id", "")) for step in group)
            yield f"{indent}{_label(_NEVER)} {names}"
            continue
        for step in group:
            yield from _step(step, indent, width)


def _step(step: Document, indent: str, width: int) -> Iterator[str]:
    answers = [_table(answer) for answer in _list(step.get("answers"))]
    by = ", ".join(f"{a.get('plugin', '?')} [{a.get('tier', '?')}]" for a in answers)
    # Why it was left out, or that what looks wrong was wanted.
    tail = one_line(by or step.get("note") or "")
    line = f"{one_line(step.get('id', '')):<{width}} {_seconds(step.get('seconds')):>9}"
    yield f"{indent}{_label(str(step.get('state', '')))} {line}  {tail}".rstrip()
    denials = sum(len(_list(answer.get("denials"))) for answer in answers)
    if denials:
        yield f"{indent}    {colored(f'{denials} denied request(s)', 'yellow')}"
    yield from _notes(step, f"{indent}    ")
    yield from _error(_table(step.get("error")), f"{indent}    ")
    for run in map(_table, _list(step.get("runs"))):
        inner = str(run.get("state", ""))
        shown = colored(inner, _COLORS.get(inner, "red"))
        yield f"{indent}  {one_line(run.get('name') or '')}{_about(run)}: {shown}"
        yield from _steps(run, f"{indent}    ")


def _label(state: str) -> str:
    return colored(f"{state:<11}", _COLORS.get(state, "red"))


def _about(run: Document) -> str:
    """What tells a run from others of the same pipeline: the first text given to it."""
    given: Data = run.get("inputs")
    while isinstance(given, Mapping) and given:
        given = next(iter(given.values()))
    if not isinstance(given, str) or not given.strip():
        return ""
    text = " ".join(clean(given).split())
    cut = text[: _ABOUT_CHARS - 1] + "…" if len(text) > _ABOUT_CHARS else text
    return f" ({cut})"


def _notes(step: Document, indent: str) -> Iterator[str]:
    """What was made otherwise than asked, and what its owner must know."""
    seen: set[tuple[str, str]] = set()
    for answer in map(_table, _list(step.get("answers"))):
        for note in map(_table, _list(_table(answer.get("value")).get("notes"))):
            kind, message = str(note.get("kind")), one_line(note.get("message", ""))
            subject = one_line(note.get("subject", ""))
            if kind not in ("substituted", "warning") or (subject, message) in seen:
                continue
            seen.add((subject, message))
            label = colored("not as asked" if kind == "substituted" else kind, "yellow")
            yield f"{indent}{label}: {subject}: {message}"


def _error(error: Document, indent: str) -> Iterator[str]:
    if not error:
        return
    text = clean(error.get("message", "")).replace("\n", f"\n{indent}")
    yield f"{indent}{colored(str(error.get('code', 'error')), 'red')}: {text}"
    for reason in map(_table, _list(error.get("reasons"))):
        where, said = one_line(reason.get("where", "")), one_line(reason["message"])
        yield f"{indent}- {where}: {said}"
        if reason.get("hint"):
            yield f"{indent}  {one_line(reason['hint'])}"
    if error.get("hint"):
        yield f"{indent}hint: {one_line(error['hint'])}"


def _files(paths: Sequence[str], written: str) -> list[str]:
    if written:
        return ["", f"{counted(len(paths), 'file')} written to {one_line(written)}"]
    return ["", f"{counted(len(paths), 'file')} made; --out DIR writes them:"] + [
        f"  {one_line(path)}" for path in paths
    ]


def _seconds(value: Data) -> str:
    return f"{value:.2f} s" if isinstance(value, int | float) else ""


def _table(value: Data) -> Document:
    return value if isinstance(value, Mapping) else {}


def _list(value: Data) -> Sequence[Data]:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return value
    return ()


def _summarised(value: Data) -> Data:
    """`value` with the bytes of each tree replaced by their size and hash."""
    if isinstance(value, Mapping):
        content = value.get("content")
        if isinstance(content, bytes) and isinstance(value.get("path"), str):
            digest = sha256(content).hexdigest()
            return {"path": value["path"], "bytes": len(content), "sha256": digest}
        return {key: _summarised(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_summarised(item) for item in value]
    return value
