"""Rulesets: which rights each ABI handles, and what fits a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lockgate_sandbox.linux import landlock

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not landlock.kernel_abi(), reason="the kernel has no Landlock"),
]


@pytest.mark.parametrize(
    ("abi", "files", "net", "scopes"),
    [
        (1, (1 << 13) - 1, 0, 0),
        (2, (1 << 14) - 1, 0, 0),
        (3, (1 << 15) - 1, 0, 0),
        (4, (1 << 15) - 1, 3, 0),
        (5, (1 << 16) - 1, 3, 0),
        (6, (1 << 16) - 1, 3, 3),
        (7, (1 << 16) - 1, 3, 3),
    ],
)
def test_an_abi_handles_all_that_it_knows(
    abi: int, files: int, net: int, scopes: int
) -> None:
    assert landlock.handled(abi) == (files, net, scopes)


@pytest.mark.parametrize("abi", range(1, landlock.NEWEST_ABI + 1))
def test_the_kernel_takes_a_ruleset_of_every_older_abi(
    abi: int, tmp_path: Path
) -> None:
    if abi > landlock.kernel_abi():
        pytest.skip(f"the kernel's Landlock is older than ABI {abi}")
    file = tmp_path / "file"
    file.touch()

    fd = landlock.open_ruleset(
        [
            (str(tmp_path), landlock.ALL),
            # Every right on a file: those for directories must be masked.
            (str(file), landlock.ALL),
            ("/dev/null", landlock.DEVICE),
        ],
        abi,
    )

    assert not os.get_inheritable(fd)
    os.close(fd)


def test_what_does_not_exist_needs_no_rule(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing" / "deep")

    os.close(landlock.open_ruleset([(missing, landlock.READ)], 1))


def test_a_rule_without_rights_is_no_rule(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    # READ_DIR alone is nothing on a file; the kernel would say ENOMSG.
    os.close(landlock.open_ruleset([(str(file), landlock.READ_DIR)], 1))


def test_a_failed_ruleset_leaves_no_descriptor(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    with pytest.raises(ValueError, match="null"):
        landlock.open_ruleset([(str(tmp_path), landlock.READ), ("a\0b", 4)], 1)

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
