"""A disk that refuses while something is judged is an answer, not an accident."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from lockgate_marketplace.errors import StoreError

__all__ = ["told_of_the_disk"]


@contextmanager
def told_of_the_disk() -> Generator[None]:
    """Make an error of the disk, in whatever folder, one with a code.

    Raises:
        StoreError: ``store-unwritable``, naming the place.
    """
    try:
        yield
    except OSError as error:
        message = f"what is judged cannot be laid out: {error.strerror or error}"
        where = str(error.filename or "")
        raise StoreError("store-unwritable", message, where=where) from None
