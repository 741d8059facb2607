"""``docs/reference/wheel-gate.md`` is made from the gate's codes, by this module.

``python -m tests.meta.wheel_gate_page`` writes it; a test compares the two.
"""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import fields
from pathlib import Path

from lockgate_marketplace.codes import CODES
from lockgate_marketplace.wheel import Limits

__all__ = ["PAGE", "render", "sections"]

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "wheel-gate.md"

_HEAD = """\
# The wheel gate

Made from `lockgate_marketplace.wheel` by `python -m tests.meta.wheel_gate_page`; do not
edit.

```python
from lockgate_marketplace.wheel import open_wheel, unpack

wheel = open_wheel(path)        # judged whole, or a WheelError with one of these codes
unpack(wheel, folder)           # folder/site and folder/bin, read-only
```

Every wheel passes the gate before anything else of the machine opens it: before the
scan, before the store, before an index is built of it. The file is read once and its
archive is parsed once; what is unpacked are the bytes that were judged, whatever
happens to the file meanwhile. A refusal names the file, the member and the way out, and
has written nothing anywhere. In a command it ends with status 3.
[What pip and uv do with the same wheels](../explanation/supply-chain.md) is measured.

## What becomes of a wheel

| in the wheel | in the store |
|---|---|
| the root, `.data/purelib`, `.data/platlib` | `site/`, which Python imports from |
| `.data/scripts` | `bin/`, on no PATH; run by a grant for programs, `#!` as it is |
| `console_scripts` | nothing: entry points are read, no wrapper is written |
| `.data/data`, `.data/headers` | refused |
| an executable bit | kept (mode 555); all other files are 444 |
| RECORD | as it is; with `.data`, written anew with the places of the files |

So a few wheels of good name are refused: setuptools (a `.pth` file), and those that
bring man pages or Jupyter settings through `.data/data`.
"""

_SECTIONS = (
    (
        "The file and its name",
        r"unreadable|too-large|hash|filename|tags|requires-python",
    ),
    ("The archive", r"zip-.*|file-type"),
    ("What it would take", r"file-count|expands|ratio"),
    ("Paths", r"path-.*"),
    (
        "Metadata",
        r"dist-info.*|installer.*|metadata.*|requires-direct|wheel|import-names",
    ),
    ("RECORD", r"record.*"),
    ("Where files go", r"data-area|startup.*|bytecode|interpreter|script.*|shadows-.*"),
    ("Entry points", r"entry-point.*|manifest"),
)
_NOTES = {
    "The archive": """\
Members are stored or deflated; their headers and data cover the file from its first
byte to the central directory, and both headers say the same. So a reader that streams
from the front, one that follows the directory and one that looks for marks see the
same members. Of extra fields only zip64 sizes, times and owners are let in.
""",
    "What it would take": """\
Headers are judged before anything is inflated, and a member is never inflated beyond
what its header says.
""",
}


def sections() -> dict[str, list[str]]:
    """The codes of each section of the page, in the gate's order."""
    codes = [code for code, known in CODES.items() if known.step == "wheel"]
    return {
        title: [code for code in codes if re.fullmatch(f"wheel-(?:{form})", code)]
        for title, form in _SECTIONS
    }


def _limits() -> list[str]:
    """A row for each limit: its name, its default, and the text below it."""
    (tree,) = ast.parse(inspect.getsource(Limits)).body
    assert isinstance(tree, ast.ClassDef)
    texts: dict[str, str] = {}
    for here, below in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(here, ast.AnnAssign) and isinstance(below, ast.Expr):
            assert isinstance(below.value, ast.Constant)
            text = inspect.cleandoc(str(below.value.value))
            texts[ast.unparse(here.target)] = " ".join(text.split())
    return [
        f"| `{field.name}` | {field.default:,} | {texts.get(field.name, '')} |"
        for field in fields(Limits)
    ]


def render() -> str:
    """The page."""
    parts = [_HEAD]
    for title, codes in sections().items():
        parts += [f"## {title}\n"]
        parts += [_NOTES[title]] if title in _NOTES else []
        parts += ["| code | refused because | way out |", "|---|---|---|"]
        parts += [f"| `{c}` | {CODES[c].means} | {CODES[c].hint} |" for c in codes]
        parts.append("")
    parts += ["## Limits\n", "`Limits` of a call; sizes in bytes.\n"]
    parts += ["| limit | default | |", "|---|---|---|", *_limits()]
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")
