"""``python -m lockgate_lint.rules`` prints ``docs/reference/lint.md``."""

from __future__ import annotations

from lockgate_lint.rules import reference_page

print(reference_page(), end="")
