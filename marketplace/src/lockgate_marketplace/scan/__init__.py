"""What a wheel's source does, read from the very bytes that will run.

A report and an early refusal, never a boundary: what a plugin may do is its policy's
word, and the kernel holds it.
"""

from __future__ import annotations

from lockgate_marketplace.scan._along import Along, scan_along
from lockgate_marketplace.scan._cache import VerdictCache
from lockgate_marketplace.scan._scan import check_verdict, scan
from lockgate_marketplace.scan._verdict import Verdict

__all__ = ["Along", "Verdict", "VerdictCache", "check_verdict", "scan", "scan_along"]
