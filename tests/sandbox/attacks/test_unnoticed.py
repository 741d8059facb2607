"""The hand-run look for rules that no attack notices tells the two kinds apart."""

from __future__ import annotations

import pytest

from tests.sandbox.attacks.catalogue import ATTACKS
from tests.sandbox.attacks.unnoticed import unnoticed
from tests.support.layers import machine_filters

pytestmark = pytest.mark.kernel


def test_a_rule_is_noticed_by_the_attack_that_it_stops_and_by_no_other() -> None:
    if machine_filters():
        pytest.skip("the container's own filter may hold it as well")
    names = ("put a filter on itself", "outlive its parent")
    few = [attack for attack in ATTACKS if attack.name in names]

    left = unnoticed(["no-sealing"], few)

    assert {str(mutation): stopped for mutation, stopped in left.items()} == {
        "no-sealing 2: prctl": [],
        "no-sealing 3: landlock_restrict_self": [],
    }
