"""``--layer``: how firmly layers are held, from the command line."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pytest

from lockgate_sandbox.cli import main
from lockgate_sandbox.cli._layers import add_layer_option, layers_of
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.layers import Layers


def read(*texts: str) -> Layers:
    """What these options ask for."""
    parser = argparse.ArgumentParser()
    add_layer_option(parser)
    words = [word for text in texts for word in ("--layer", text)]
    return layers_of(parser.parse_args(words))


def test_a_mode_is_for_every_tier_or_for_one() -> None:
    asked = read("uid=strict", "basic:uid=degradable", "basic:scratch=degradable")

    assert asked == {
        "uid": "strict",
        "basic": {"uid": "degradable", "scratch": "degradable"},
    }


def test_the_same_twice_is_no_slip() -> None:
    assert read("uid=strict", "uid=strict") == {"uid": "strict"}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["uid"], "names no layer and mode"),
        (["=strict"], "names no layer and mode"),
        (["uid=firm"], "names no layer and mode"),
        (["root:uid=strict"], "names no layer and mode"),
        (["system:uid=strict"], "names no layer and mode"),
        ([":uid=strict"], "names no layer and mode"),
        (["uid=off"], "no setting switches a layer off"),
        (["landlock=degradable"], "no tier goes without this layer"),
        (["admin:seccomp=degradable"], "no tier goes without this layer"),
        (["uid=strict", "uid=degradable"], "uid has another mode already"),
        (["magic=strict"], "no layer 'magic'"),
        (["basic:magic=strict"], "no layer 'magic'"),
        (["admin=strict"], "no layer 'admin'"),
        (["admin=strict", "admin:uid=strict"], "no layer 'admin'"),
        (["basic:admin=strict"], "no layer 'admin'"),
    ],
)
def test_a_slip_is_told(texts: list[str], words: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(words)) as caught:
        read(*texts)
    assert caught.value.hint


@pytest.mark.kernel
def test_a_file_runs_under_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    script = tmp_path / "script.py"
    script.write_text("print('ran')")
    words = ["--layer", "no-new-privs=strict", "--report", str(report), str(script)]

    assert main(["run", *words]) == 0
    assert main(["run", "--layer", "magic=strict", str(script)]) == 125

    out, err = capfd.readouterr()
    assert out == "ran\n"
    assert "no layer 'magic'" in err
    assert json.loads(report.read_text())["posture"]
