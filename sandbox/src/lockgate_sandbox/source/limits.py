"""Bounds of a scan, and the checks of bytes that come before the parser.

The parser of CPython 3.11 and later stops by itself when it is led too deep, if
its C stack is large enough (`lockgate_sandbox.parsing` sees to that). What it does
not bound is bounded here: the memory that dense text becomes (some 600 bytes for
each sign), and chains like ``a.b.c…``, whose depth it holds against a recursion
limit that the embedding program may have raised.
"""

from __future__ import annotations

from dataclasses import dataclass

from lockgate_sandbox.errors import PolicyError

__all__ = ["ScanLimits", "refusal"]


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """How much is read. What is beyond a bound is a finding, never silence.

    `file_bytes` bounds one file, `signs` the punctuation and line ends in it,
    `chain` those without a separator between them; `files` and `total_bytes` bound
    a tree, `depth` its folders. `findings` bounds what is kept of one file.

    Raises:
        PolicyError: If a bound is below 1.
    """

    file_bytes: int = 4 << 20
    signs: int = 500_000
    chain: int = 20_000
    files: int = 20_000
    total_bytes: int = 512 << 20
    depth: int = 40
    findings: int = 1_000

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise PolicyError(f"scan limit {name} must be at least 1")


_WORDS = bytes(c for c in range(256) if c > 127 or chr(c).isalnum() or chr(c) in "_ \t")
_SEPARATORS = bytes.maketrans(b";:=#\"'", b",,,,,,")


def refusal(source: bytes, limits: ScanLimits) -> str:
    """Why `source` is not parsed, or an empty text."""
    if len(source) > limits.file_bytes:
        return f"{len(source):,} bytes; at most {limits.file_bytes:,} are read"
    if len(source) <= min(limits.signs, limits.chain):
        return ""  # it can't hold more signs than bytes
    signs = source.translate(None, _WORDS)
    if len(signs) > limits.signs:
        return f"{len(signs):,} signs and lines; at most {limits.signs:,} are read"
    if len(signs) > limits.chain:
        chains = signs.translate(_SEPARATORS, b"\n").split(b",")
        longest = max(map(len, chains))
        if longest > limits.chain:
            return f"a chain of some {longest:,} signs; at most {limits.chain:,}"
    return ""
