"""Which readers of source these are: what they found holds as long as they do."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

__all__ = ["scanner_version"]


@cache
def scanner_version() -> str:
    """A text that changes whenever `source_findings` of the same files could.

    It is made of the source of both readers and of the interpreter's version.
    """
    from lockgate_sandbox.source import rules_version

    here = Path(__file__).parent
    made = hashlib.sha256(rules_version().encode())
    for path in sorted([*here.glob("*.py"), *here.parent.glob("*manifest*.py")]):
        made.update(path.read_bytes())
    return made.hexdigest()[:24]
