"""Every attack of the table that a wheel's content can make, against the gate."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel import Surroundings, open_wheel, unpack
from tests.support.wheel_attacks import ATTACKS, VICTIM, WheelAttack
from tests.support.wheels import forge_file

AROUND = Surroundings(modules={VICTIM: VICTIM}, plugins={VICTIM: VICTIM})


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_refused_with_its_code_and_leaves_nothing(
    attack: WheelAttack, tmp_path: Path
) -> None:
    path = attack.write(tmp_path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()

    with pytest.raises(WheelError) as refused:
        open_wheel(path, around=AROUND)

    assert refused.value.code == attack.code
    assert refused.value.hint
    assert refused.value.where.startswith(path.name)
    assert refused.value.where.isprintable()
    assert refused.value.message.isprintable()
    assert list(tmp_path.iterdir()) == [path]
    assert not any(Path(p).exists() for p in attack.planted if p.startswith("/"))
    # A bomb is refused before it is inflated.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 100_000
    assert time.process_time() - began < 2


def test_what_the_attacks_are_made_from_is_let_in(tmp_path: Path) -> None:
    files = {"evil/__init__.py": "x = 1\n", "evil/a.py": "", "evil/data/b.pth": ""}
    points = {"console_scripts": {"evil": "evil:main"}, "lockgate.ai": {"evil": "evil"}}
    scripts = {"evil-run": "#!/bin/sh\n"}
    path = forge_file(
        tmp_path, "evil", files=files, entry_points=points, scripts=scripts
    )

    wheel = open_wheel(path, around=AROUND)
    unpack(wheel, tmp_path / "out")

    assert (tmp_path / "out/site/evil/data/b.pth").is_file()
    assert (tmp_path / "out/bin/evil-run").stat().st_mode & 0o777 == 0o555
