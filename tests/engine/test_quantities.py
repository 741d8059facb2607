"""How numbers read to people."""

from __future__ import annotations

import pytest

from lockgate.quantities import counted, size


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (51_200, "50.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (3 * 1024**2 // 2, "1.5 MiB"),
        (1024**3 - 1, "1.0 GiB"),
        (5 * 1024**4, "5,120.0 GiB"),
    ],
)
def test_a_size_is_told_in_the_unit_that_fits(count: int, shown: str) -> None:
    assert size(count) == shown


def test_one_thing_is_no_plural() -> None:
    assert [counted(n, "file") for n in (0, 1, 1200)] == [
        "0 files",
        "1 file",
        "1,200 files",
    ]
