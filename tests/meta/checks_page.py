"""``docs/reference/check.md`` is made from the rules of the check, by this module.

``python -m tests.meta.checks_page`` writes it; a test compares the two.
"""

from __future__ import annotations

from pathlib import Path

from lockgate.project import LEVELS, RULES

__all__ = ["PAGE", "render"]

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "check.md"

_HEAD = """\
# What `lockgate check` looks for

Made from `lockgate.project` by `python -m tests.meta.checks_page`; do not edit.

```console
$ lockgate check              # the project in this folder; status 1 at an error
$ lockgate check --write      # write the hooks and kinds of the code into the manifest
$ lockgate check --json       # findings, level, diff
$ lockgate check --sarif      # SARIF 2.1.0
```

Nothing of the project is imported. The functions marked `@hookimpl` say which hooks the
plugin answers; `[hooks]` and `kinds` of the manifest are compiled from them, and what
differs is refused with a diff. For all else the manifest is the truth: `check` compares
it with the code, with `pyproject.toml`, and with the rights that the source seems to
use (`context.secret("x")`, `socket`, `os.environ["X"]`).

## Levels

A plugin has the highest level of which, and below which, it has no finding:

| level | means |
|---|---|
| `bronze` | it works: manifest, code and rights agree |
| `silver` | it can be published: metadata, licence, README, tests, no right too many |
| `gold` | it is pleasant: typed, documented, found by search |
"""


def render() -> str:
    """The page."""
    parts = [_HEAD, "## Findings\n"]
    for level in LEVELS[1:]:
        parts += [f"### For {level}\n", "| rule | severity | means |", "|---|---|---|"]
        parts += [
            f"| `{code}` | {rule.severity} | {rule.means} |"
            for code, rule in RULES.items()
            if rule.level == level
        ]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(render())
