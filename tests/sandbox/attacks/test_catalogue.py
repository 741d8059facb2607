"""What the catalogue says of its attacks agrees with itself."""

from __future__ import annotations

import pytest

from tests.sandbox.attacks.catalogue import ATTACKS, Attack

LESS = [attack for attack in ATTACKS if not attack.certain]
"""Those that may be shown without their effect."""


@pytest.mark.parametrize("attack", LESS, ids=lambda attack: attack.name)
def test_the_kernel_and_the_layer_cannot_be_mistaken_for_each_other(
    attack: Attack,
) -> None:
    assert attack.refusal
    if attack.answer is not None:
        assert attack.refusal not in attack.answer.errnos
        assert not {"EPERM", "EACCES"} & set(attack.answer.errnos)
        assert not set(attack.absent) & set(attack.answer.errnos)
        assert attack.answer.why
    # What the kernel has nothing of and what the layer hides look alike, for some.
    assert attack.refusal not in attack.absent or attack.refusal in HIDDEN


HIDDEN = {"ENOSYS", "ENOTSUP"}
"""Errnos by which a layer makes the kernel look older or poorer than it is."""


def test_most_attacks_have_their_effect() -> None:
    answered = [attack for attack in ATTACKS if attack.answer is not None]

    assert len(answered) * 5 < len(ATTACKS)
