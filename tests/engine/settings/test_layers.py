"""The table ``layers``: what it may say, and who is to blame where it says else."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.config import Config, load_config
from lockgate.errors import ConfigError
from lockgate_sandbox import Tier
from lockgate_sandbox.layers import Modes


def read(folder: Path, text: str = "", *overrides: str, **environ: str) -> Config:
    """The settings of a user whose file says `text`."""
    file = folder / ".config/lockgate/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    env = {"HOME": str(folder), **environ}
    return load_config(environ=env, folder="/", overrides=overrides)


def test_a_mode_is_for_every_tier_or_for_one(tmp_path: Path) -> None:
    text = '[layers]\nuid = "strict"\n[layers.admin]\nuid = "degradable"\n'

    config = read(
        tmp_path,
        text,
        "layers.basic.scratch=degradable",
        LOCKGATE_LAYERS__READ_ONLY__PID_NAMESPACE="strict",
    )

    modes = Modes(config.layers)
    assert modes.at(Tier.READ_ONLY) == {"uid": "strict", "pid-namespace": "strict"}
    assert modes.at(Tier.BASIC) == {"uid": "strict", "scratch": "degradable"}
    assert modes.at(Tier.ADMIN) == {"uid": "degradable"}
    assert config.origin("layers.basic.scratch").startswith("--set")


def test_without_the_table_each_tier_has_its_own_modes(tmp_path: Path) -> None:
    assert read(tmp_path).layers == {}


@pytest.mark.parametrize(
    ("text", "key", "line", "words"),
    [
        ('[layers]\nuidd = "strict"\n', "layers.uidd", 2, "unknown layer 'uidd'"),
        ('[layers]\nuid = "firm"\n', "layers.uid", 2, "no mode of a layer"),
        ("[layers]\nuid = 3\n", "layers.uid", 2, "no mode of a layer"),
        ('[layers]\nuid = "off"\n', "layers.uid", 2, "switches a layer off"),
        (
            '\n[layers]\nseccomp = "degradable"\n',
            "layers.seccomp",
            3,
            "no tier goes without",
        ),
        ('[layers]\nbasic = "strict"\n', "layers.basic", 2, "must be a table"),
        ('[layers.root]\nuid = "strict"\n', "layers.root", 1, "unknown layer 'root'"),
        (
            '[layers.admin]\nscratc = "strict"\n',
            "layers.admin.scratc",
            2,
            "unknown layer",
        ),
        (
            '[layers.admin]\nlandlock = "degradable"\n',
            "layers.admin.landlock",
            2,
            "no tier goes without",
        ),
    ],
)
def test_a_slip_is_blamed_on_its_line(
    tmp_path: Path, text: str, key: str, line: int, words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read(tmp_path, text)

    assert (caught.value.key, caught.value.line) == (key, line)
    assert caught.value.source.endswith("config.toml")
    assert caught.value.hint


def test_a_misspelt_layer_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "", "layers.admin.cgruop=strict")

    assert "cgroup" in caught.value.hint
    assert caught.value.source == "--set layers.admin.cgruop"


def test_a_tier_that_is_given_one_mode_is_told_where_another_source_has_a_table(
    tmp_path: Path,
) -> None:
    """It would be gone without a word: the table lies over it."""
    text = '[layers]\nbasic = "strict"\n'

    with pytest.raises(ConfigError, match="must be a table") as told:
        read(tmp_path, text, "layers.basic.uid=strict")
    assert (told.value.key, told.value.line) == ("layers.basic", 2)
