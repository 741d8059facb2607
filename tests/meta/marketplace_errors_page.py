"""``docs/reference/marketplace-errors.md`` is made from the codes, by this module.

``python -m tests.meta.marketplace_errors_page`` writes it; a test compares the two.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import lockgate_marketplace.errors
from lockgate_marketplace.codes import CODES
from lockgate_marketplace.errors import MarketplaceError

__all__ = ["PAGE", "classes", "render"]

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "marketplace-errors.md"

_HEAD = """\
# Errors of the marketplace

Made from `lockgate_marketplace.codes` by
`python -m tests.meta.marketplace_errors_page`; do not edit.

```console
$ lockgate install echo
error[page-unhashed]: main/echo echo-1.0-py3-none-any.whl: it gives no SHA-256: …
  hint: Ask for one, or set `unhashed = true` for the index: the first is pinned.
```

Each step from an index to the store refuses with codes of its own. Then nothing is
installed, and nothing is left behind. The form of an error, and what `--json` prints,
is that of [all errors](errors.md). In Python, catch
`lockgate_marketplace.errors.MarketplaceError` for all of them.
"""


def classes() -> list[type[MarketplaceError]]:
    """The error of each step, in the order of the steps."""
    found = [
        getattr(lockgate_marketplace.errors, name)
        for name in lockgate_marketplace.errors.__all__
    ]
    steps = list(dict.fromkeys(code.step for code in CODES.values()))
    with_codes = [cls for cls in found if cls.step in steps]
    return sorted(with_codes, key=lambda cls: steps.index(cls.step))


def render() -> str:
    """The page."""
    parts = [_HEAD]
    for cls in classes():
        parts.append(f"## {cls.step}\n")
        about = (inspect.getdoc(cls) or "").replace("\n", " ")
        parts.append(f"`{cls.__name__}`, exit status {cls.exit_status}: {about}\n")
        parts += ["| code | means | what to do |", "|---|---|---|"]
        parts += [
            f'| <a id="{name}"></a>`{name}` | {_cell(code.means)} | {_cell(code.hint)} |'  # noqa: E501
            for name, code in CODES.items()
            if code.step == cls.step
        ]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").rstrip(".")


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")
