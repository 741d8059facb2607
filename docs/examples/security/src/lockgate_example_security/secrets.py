"""What looks like a secret in a line of text. Knows no host."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from math import log2
from typing import NamedTuple

LINE_LIMIT_CHARS = 2000
_BITS = 3.0
"""Least entropy a character of a value that is assigned to a telling name."""

_RULES = (
    ("private-key", re.compile(r"-----BEGIN (?:[A-Z]{2,10} )?PRIVATE KEY-----")),
    ("aws-access-key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("github-token", re.compile(r"\bgh[opsu]_[0-9A-Za-z]{36}\b")),
    ("slack-token", re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{20,80}\b")),
)
_ASSIGNED = re.compile(
    r"(?i)(?:password|passwd|secret|token|api_?key)[\"']?\s{0,8}[:=]\s{0,8}"
    r"[\"']([^\"'\s]{8,200})[\"']"
)


class Hit(NamedTuple):
    """One secret: `start` and `end` are columns from 0."""

    rule: str
    start: int
    end: int
    fingerprint: str


def hits(line: str) -> Iterator[Hit]:
    """Each secret of a line; what stands behind its limit is not looked at."""
    line = line[:LINE_LIMIT_CHARS]
    for rule, pattern in _RULES:
        for match in pattern.finditer(line):
            yield _hit(rule, line, *match.span())
    for match in _ASSIGNED.finditer(line):
        if entropy(match.group(1)) >= _BITS:
            yield _hit("assigned-secret", line, *match.span(1))


def _hit(rule: str, line: str, start: int, end: int) -> Hit:
    return Hit(rule, start, end, sha256(line[start:end].encode()).hexdigest()[:12])


def entropy(text: str) -> float:
    """Shannon's entropy in bits a character."""
    counts = Counter(text).values()
    return -sum(n / len(text) * log2(n / len(text)) for n in counts)
