"""The tables ``[choose.NAME]``: read strictly, written without touching the rest."""

from __future__ import annotations

import contextlib
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate._settings.choose import read_rules, write_rule
from lockgate.config import load_config
from lockgate.discovery.choice import Rule
from lockgate.errors import ConfigError

PROJECT = """\
# the project
[project]
name = "x"  # its name

[tool.lockgate]
timeout = 3

[tool.lockgate.choose.old]
# why it is off
disabled = true

# the other tool
[[tool.other]]
text = '''
[tool.lockgate.choose.trap]
'''
"""


def test_one_table_is_added_changed_and_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(PROJECT)
    path.chmod(0o640)

    assert write_rule(path, Rule("acme", disabled=True, reason='say "no"'))
    assert write_rule(path, Rule("acme", version="1.2"))
    assert not write_rule(path, Rule("acme", version="1.2"))
    assert path.read_text() == (
        f'{PROJECT}\n[tool.lockgate.choose.acme]\nversion = "1.2"\n'
    )
    assert write_rule(path, Rule("acme"))
    assert path.read_text() == PROJECT
    assert path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["pyproject.toml"]


def test_a_table_in_the_middle_is_replaced_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(PROJECT)

    assert write_rule(path, Rule("old", version="2"))

    before, after = PROJECT.split("# why it is off\ndisabled = true\n")
    assert path.read_text() == f'{before}version = "2"\n{after}'


@pytest.mark.parametrize(
    "text",
    [
        "[tool.lockgate]\nchoose.acme.disabled = true\ntimeout = 3\n",
        "[tool.lockgate]\nchoose = { acme = { disabled = true } }\n",
        "[tool]\nlockgate = { timeout = 3 }\n",
        '[tool.lockgate.choose.acme]\nreason = """\n[x]\n"""\ndisabled = true\n',
    ],
)
def test_what_only_a_hand_can_change_is_left_as_it_is(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(text)

    with pytest.raises(ConfigError, match="is not written as a table of its own"):
        write_rule(path, Rule("acme", version="1"))

    assert path.read_text() == text


def test_a_manifest_is_not_taken_for_settings(tmp_path: Path) -> None:
    path = tmp_path / "lockgate.toml"
    path.write_text('schema = 1\nhook-api = ">=1"\n')

    with pytest.raises(ConfigError, match="a plugin's manifest"):
        write_rule(path, Rule("acme", disabled=True))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("choose = 3", "choose"),
        ("[choose]\nacme = 3", "choose.acme"),
        ("[choose.acme]\ndisabled = 1", "choose.acme.disabled"),
        ("[choose.acme]\nversion = 1.2", "choose.acme.version"),
        ("[choose.acme]\nenabled = true", "choose.acme.enabled"),
        ("[choose", ""),
    ],
)
def test_a_wrong_table_is_told_with_its_key(
    tmp_path: Path, text: str, where: str
) -> None:
    path = tmp_path / "plugins.toml"
    path.write_text(text)

    with pytest.raises(ConfigError) as caught:
        read_rules(str(path))

    assert (caught.value.source, caught.value.key) == (str(path), where)


_NAMES = st.sampled_from(["a", "b-2", "odd.name", 'qu"ote', "ü"])
_RULES = st.builds(
    Rule,
    _NAMES,
    disabled=st.booleans(),
    version=st.sampled_from(["", "1.2"]),
    reason=st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_RULES, max_size=6))
def test_what_was_written_is_read_and_the_rest_stays(
    tmp_path: Path, rules: list[Rule]
) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(PROJECT)
    said: dict[str, Rule] = {}

    for rule in rules:
        write_rule(path, rule)
        said[rule.plugin] = rule

    text = path.read_text()
    found = tomllib.loads(text)["tool"]["lockgate"].pop("choose")
    assert found.pop("old") == {"disabled": True}
    kept = {name for name, rule in said.items() if rule.disabled or rule.version}
    assert set(found) == kept
    for name in kept:
        assert found[name].get("reason", "") == said[name].reason
        assert found[name].get("version", "") == said[name].version
    assert text.startswith(PROJECT.rstrip("\n"))


@given(st.binary(max_size=200))
def test_any_bytes_are_rules_or_an_error(content: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(content)
        file.flush()
        with contextlib.suppress(ConfigError):
            assert all(isinstance(rule, Rule) for rule in read_rules(file.name))


def test_a_project_adds_to_what_its_reader_chose_and_lifts_nothing(
    tmp_path: Path,
) -> None:
    mine = tmp_path / ".config/lockgate"
    mine.mkdir(parents=True)
    (mine / "config.toml").write_text('disabled = ["a"]\nrequires = ["x"]\n')
    write_rule(mine / "plugins.toml", Rule("b", disabled=True))
    project = 'disabled = ["c"]\nrequires = []\n[choose.b]\ndisabled = false\n'
    (tmp_path / "lockgate.toml").write_text(f'{project}[choose.d]\nversion = "1"\n')

    config = load_config(environ={"HOME": str(tmp_path)}, folder=str(tmp_path))

    assert config.disabled == ("a", "c")
    assert config.requires == ("x",)
    told = [(r.plugin, r.disabled, r.version, r.undo) for r in config.choice.rules]
    assert told == [
        ("b", True, "", "lockgate enable b --user"),
        ("b", False, "", "lockgate unpin b --project"),
        ("d", False, "1", "lockgate unpin d --project"),
    ]
