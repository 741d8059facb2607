"""``python -m lockgate_sandbox``, also installed as ``lockgate-sandbox``."""

from __future__ import annotations

import sys

from lockgate_sandbox.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
