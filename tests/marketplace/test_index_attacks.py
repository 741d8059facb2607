"""Every row of hostile servers: refused with its code, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lockgate_marketplace.errors import MarketplaceError
from lockgate_marketplace.fetch import FetchLimits
from tests.support.index_attacks import ATTACKS, IndexAttack, lured, stage

ROOT = Path(__file__).parents[2]
QUICK = [attack for attack in ATTACKS if not attack.slow]
COSTLY = [attack for attack in ATTACKS if attack.slow]


def wheels_in(folder: Path) -> list[Path]:
    return [path for path in (folder / "wheels").iterdir() if path.suffix == ".whl"]


@pytest.mark.parametrize("attack", QUICK, ids=lambda a: a.name)
def test_a_hostile_server_is_refused(attack: IndexAttack, tmp_path: Path) -> None:
    with stage(tmp_path) as on:
        attack.prepare(on)
        if attack.code:
            with pytest.raises(MarketplaceError) as caught:
                lured(attack, on)

            assert caught.value.code == attack.code
            assert caught.value.hint
            assert wheels_in(tmp_path) in ([], passed_the_download(attack, tmp_path))
        else:
            found, _ = lured(attack, on)

            assert [(p.index, p.version) for p in found.pinned] == [("main", "1.0")]


def passed_the_download(attack: IndexAttack, folder: Path) -> list[Path]:
    """What the index hid shows only in the wheel, which a caller then throws away."""
    if attack.code == "resolve-metadata-differs":
        return wheels_in(folder)
    return []


def test_without_an_attack_it_is_installed(tmp_path: Path) -> None:
    with stage(tmp_path) as on:
        found, passed = lured(IndexAttack("none", "", lambda _: None), on)

    assert [(p.name, p.version) for p in found.pinned] == [("evil", "1.0")]
    assert [path.name for path in passed] == ["evil-1.0-py3-none-any.whl"]


PROGRAM = """
import resource, sys
from pathlib import Path
from lockgate_marketplace.errors import MarketplaceError
from tests.support.index_attacks import ATTACKS, Stage, lured
from tests.support.indexes import LoopbackIndex
from tests.support.servers import Server
port, name, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
index = LoopbackIndex(Server(port))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    lured({a.name: a for a in ATTACKS}[name], Stage(index, index, folder, None))
except MarketplaceError as error:
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(error.code, (after - before) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("attack", COSTLY, ids=lambda a: a.name)
def test_a_costly_server_is_refused_within_bounds(
    attack: IndexAttack, tmp_path: Path
) -> None:
    """In a process of its own, whose peak of memory is looked at."""
    limit_mb = FetchLimits().page_bytes >> 20
    with stage(tmp_path) as on:
        attack.prepare(on)
        command = [sys.executable, "-c", PROGRAM, str(on.index.server.port)]
        run = subprocess.run(
            [*command, attack.name, str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            timeout=60,
        )

    code, grown = run.stdout.split()
    assert code == attack.code, run.stderr
    assert int(grown) < 3 * limit_mb, "a few times the limit of a page, and no more"
    assert wheels_in(tmp_path) == []
