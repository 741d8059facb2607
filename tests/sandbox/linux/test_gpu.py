"""Which rights lead to a GPU."""

from __future__ import annotations

import pytest

from lockgate_sandbox.linux.gpu import reaches_gpu


@pytest.mark.parametrize(
    "path",
    ["/dev/dri/renderD128", "/dev/nvidia0", "/dev/kfd", "/dev/dri", "/dev", "/"],
)
def test_a_right_to_a_device_node_or_a_folder_of_them_reaches_it(path: str) -> None:
    assert reaches_gpu(["/srv", path])


@pytest.mark.parametrize("path", ["/dev/ttyUSB0", "/dev/null", "/srv/dev/dri", "/usr"])
def test_other_rights_do_not(path: str) -> None:
    assert not reaches_gpu([path])
