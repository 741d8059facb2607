"""A local embedding: hashed character n-grams, term frequency, unit length.

It is **lexical**: texts are near when they share spellings, not when they mean the
same. That finds the rule that a message quotes, a misspelt word, or a similar
finding; it does not find a synonym. The same text gives the same vector on every
machine and release: nothing is learned and nothing is random.

Each word is folded to lower case, put between marks (``<pin>``) and cut into its
n-grams of 3 to 5 characters, and itself. The CRC-32 of an n-gram chooses one of 256
places and a sign (so that what collides cancels out on average). A place counts by
1 + ln(count), and the vector is scaled to length 1; a text without a word gives the
zero vector.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence

__all__ = ["DIMENSIONS", "MODEL", "cosine", "embed_texts"]

MODEL = "lexical-ngrams-256"
DIMENSIONS = 256

_TEXT_LIMIT_CHARS = 100_000
"""What lies beyond adds nothing to a lexical vector but time."""
_WORD_LIMIT_CHARS = 64
_WORD = re.compile(r"[^\W_]+")
_SIZES = (3, 4, 5)


def _grams(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text[:_TEXT_LIMIT_CHARS].casefold()):
        word = f"<{match[0][:_WORD_LIMIT_CHARS]}>"
        yield word
        for size in _SIZES:
            # The whole word was counted already.
            for start in range(len(word) - size + 1 if len(word) > size else 0):
                yield word[start : start + size]


def _embed(text: str) -> tuple[float, ...]:
    vector = [0.0] * DIMENSIONS
    for gram, count in sorted(Counter(_grams(text)).items()):
        # "surrogatepass": a lone surrogate is a character like any other here.
        code = zlib.crc32(gram.encode("utf-8", "surrogatepass"))
        sign = 1.0 if code & 0x8000_0000 else -1.0
        vector[code % DIMENSIONS] += sign * (1.0 + math.log(count))
    length = math.sqrt(sum(value * value for value in vector))
    return tuple(value / length for value in vector) if length else tuple(vector)


def embed_texts(texts: Sequence[str]) -> tuple[tuple[float, ...], ...]:
    """One vector of `DIMENSIONS` numbers per text, of length 1 or 0."""
    return tuple(_embed(text) for text in texts)


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    """How near two vectors are, from -1 to 1; 0 if either is the zero vector.

    Raises:
        ValueError: If they differ in length.
    """
    dot = sum(a * b for a, b in zip(left, right, strict=True))
    size = math.sqrt(sum(a * a for a in left) * sum(b * b for b in right))
    return dot / size if size else 0.0
