"""``lockgate publish``: what no installer would take is not signed, nor goes it out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.market import Home
from tests.support.wheels import forge_file

pytestmark = pytest.mark.kernel

BROKEN = '[hooks]\ntransform = "acme:missing"\n'


@pytest.fixture(autouse=True)
def _loaded(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCKGATE_PLUGINS__MARKETPLACE__CHECKS__LOAD")
    assert home.json("trust", "key", "publish.pem")["status"] == 0


def published(home: Home, *words: str) -> Any:
    return home.json("publish", *words, "--to", "wheels", "--key", "publish.pem")


def placed(home: Home) -> set[str]:
    folder = home.root / "wheels"
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def test_what_loads_goes_out_signed_with_what_the_judges_said(home: Home) -> None:
    forge_file(home.root / "needs", "needed", "1.0")
    forge_file(home.root / "needs", "needed", "2.0", files={"needed/new.py": "X = 1\n"})
    forge_file(home.root / "needs", "needed", "3.0", files={"needed/new.py": "X = 1/0"})
    wheel = home.wheel(first="from needed.new import X\n", requires=("needed<3",))

    lacking = published(home, wheel)["error"]
    done = published(home, wheel, "--needs", "needs")

    assert lacking["code"] == "contract-needs"
    assert "--needs" in lacking["hint"]
    (row,) = done["wheels"]
    assert (done["status"], row["signed"], row["notes"]) == (0, True, [])
    file = Path(wheel).name
    assert placed(home) == {file, f"{file}.signature", f"{file}.verdicts"}
    verdicts = json.loads((home.root / "wheels" / f"{file}.verdicts").read_text())
    assert {v["check"]: v["outcome"] for v in verdicts} == {
        "rights": "passed",
        "hooks": "passed",
        "load": "passed",
    }


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"extra": BROKEN}, "contract-broken"),
        ({"first": "import os\nos._exit(1)\n"}, "contract-load-crash"),
        ({"first": "import not_there\n"}, "contract-load-import"),
    ],
)
def test_what_no_installer_would_take_stays_at_home(
    home: Home, how: dict[str, Any], code: str
) -> None:
    wheel = home.wheel(**how)

    refused = published(home, wheel)

    assert (refused["status"], refused["error"]["code"]) == (3, code)
    assert placed(home) == set()
    assert home.json("install", wheel)["error"]["code"] == code
    if code != "contract-broken":  # the hole: who does not load it sends it out
        assert published(home, wheel, "--no-load")["status"] == 0
        assert placed(home)


def test_what_is_for_another_machine_is_noted_and_not_loaded(home: Home) -> None:
    wheel = home.wheel(first="1 / 0\n", tag="py3-none-win_amd64")

    (row,) = published(home, wheel)["wheels"]

    assert row["notes"] == [
        "load: it was not loaded: it was built for py3-none-win_amd64"
    ]
