"""Which of many parts makes a trial fail: delta debugging, without any I/O.

The algorithm is ddmin (Zeller and Hildebrandt, "Simplifying and Isolating
Failure-Inducing Input", IEEE TSE 2002). It needs no single culprit, and no order
among the parts: what it gives is a set that still fails, and of which no part can
be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

__all__ = ["smallest_failing"]


def smallest_failing(
    parts: Sequence[str], fails: Callable[[tuple[str, ...]], bool]
) -> tuple[str, ...]:
    """The parts of `parts` that `fails` cannot do without, in their order.

    `fails` tells whether a trial with only these parts fails in the way that is
    looked for; it has said so of all of `parts`. It is asked about O(log n) times
    for one culprit and O(n²) at worst, never twice about the same set.
    """
    asked: dict[tuple[str, ...], bool] = {}

    def known(chosen: tuple[str, ...]) -> bool:
        if chosen not in asked:
            asked[chosen] = fails(chosen)
        return asked[chosen]

    if not parts or known(()):
        return ()
    left, pieces = tuple(parts), 2
    while len(left) > 1:
        smaller = next((one for one in _trials(left, pieces) if known(one)), None)
        if smaller is not None:
            kept_a_piece = len(smaller) <= len(left) - len(smaller)
            left = smaller
            pieces = 2 if kept_a_piece else max(pieces - 1, 2)
        elif pieces < len(left):
            pieces = min(pieces * 2, len(left))
        else:
            break
    return left


def _trials(parts: tuple[str, ...], pieces: int) -> Iterator[tuple[str, ...]]:
    """Each piece alone, then everything but each piece."""
    pieces = min(pieces, len(parts))
    cuts = [len(parts) * i // pieces for i in range(pieces + 1)]
    spans = list(pairwise(cuts))
    for start, stop in spans:
        yield parts[start:stop]
    if pieces > 2:
        for start, stop in spans:
            yield parts[:start] + parts[stop:]
