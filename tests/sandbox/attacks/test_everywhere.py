"""A host is in the setting that it says, at each tier, and what it leaves is seen."""

from __future__ import annotations

import pytest

from tests.support.everywhere import NAMESPACES, Host
from tests.support.layers import ORDINARY_UID
from tests.support.sandbox import TIERS

pytestmark = pytest.mark.kernel

_LEFT = "tests.support.everywhere_host:left"


def test_its_workers_are_whose_and_where_it_says(everywhere: Host) -> None:
    setting = everywhere.setting
    postures = everywhere.postures()
    assert list(postures) == [tier.value for tier in TIERS]
    for layers in postures.values():
        states = [layers[name]["state"] for name in NAMESPACES]
        assert states == ["active" if setting.namespaces else "missing"] * 4
        for name in ("landlock", "seccomp", "rlimits", "capabilities", "uid"):
            assert layers[name]["state"] == "active"
        # Root's workers get uids that nobody has, another's remain what they are.
        ordinary = f"uid {ORDINARY_UID}" in layers["uid"]["detail"]
        assert ordinary == (setting.uid == ORDINARY_UID)


def test_what_it_leaves_is_seen(everywhere: Host) -> None:
    assert everywhere.call(_LEFT) == []

    made = everywhere.call("tempfile:mkdtemp", "", "x", str(everywhere.home))
    assert everywhere.call(_LEFT, 0.1) == [f"file {made}"]
    everywhere.call("os:rmdir", made)

    fd = everywhere.call("os:dup", 0)
    assert f"descriptor {fd}: " in everywhere.call(_LEFT, 0.1)[0]
    everywhere.call("os:close", fd)

    pid = everywhere.call("os:posix_spawn", "/bin/true", ["true"], {})
    assert everywhere.call(_LEFT, 0.1) == [f"process {pid}"]
    everywhere.call("os:waitpid", pid, 0)
    assert everywhere.call(_LEFT) == []


def test_what_goes_wrong_there_fails_the_test_here(everywhere: Host) -> None:
    with pytest.raises(AssertionError, match="FileNotFoundError"):
        everywhere.call("os:stat", "/nowhere")
