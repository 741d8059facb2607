"""The marketplace through the real host: part of the trusted base."""

from __future__ import annotations

from lockgate.host import Host


def test_doctor_hears_of_the_index() -> None:
    with Host.open() as host:
        (answer,) = host.call("diagnose", plugin="marketplace")

    assert answer.tier == "system"
    assert [line["name"] for line in answer.value] == ["marketplace.index"]
