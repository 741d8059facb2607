"""Each family of `families`, at every rung, in every setting: out of reach, and real.

With all in its place no attack succeeds; with what protects from it gone, each does.
Afterwards nothing is left in the host: no process, descriptor or file.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.attacks.catalogue import RUNGS
from tests.support.everywhere import Host

pytestmark = pytest.mark.kernel

_ATTACK = "tests.sandbox.attacks.families.runner:attack_all"
_LEFT = "tests.support.everywhere_host:left"

FAMILIES = (
    "misbehaves",
    "floods",
    "orphans",
    "bombs",
    "wire",
    "pipes",
    "first_calls",
    "start_up",
    "memory",
)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_attack_fails_and_succeeds_without_what_protects_from_it(
    everywhere: Host, family: str
) -> None:
    came: dict[str, dict[str, list[Any]]] = everywhere.call(_ATTACK, family)

    mistakes = {
        f"{rung}: {name}": f"held: {held}, free: {free}"
        for rung, named in came.items()
        for name, (held, free) in named.items()
        if (held, free) != (False, True)
    }
    assert not mistakes
    assert list(came) == list(RUNGS)
    assert len({tuple(named) for named in came.values()}) == 1
    assert everywhere.call(_LEFT) == []
