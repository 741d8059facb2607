"""Settings: where they come from, which one wins, and who is to blame."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.config import Config, default_config, load_config
from lockgate.errors import ConfigError, LockgateError, UsageError


class Home:
    """A user's home and a working folder."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.work = root / "work"
        self.work.mkdir(parents=True)
        self.user_file = self.home / ".config/lockgate/config.toml"
        self.user_file.parent.mkdir(parents=True)

    def load(self, *overrides: str, **environ: str) -> Config:
        env = {"HOME": str(self.home), **environ}
        return load_config(environ=env, folder=str(self.work), overrides=overrides)

    def refused(self, *overrides: str, **environ: str) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            self.load(*overrides, **environ)
        return caught.value


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_without_any_source_the_defaults_hold(home: Home) -> None:
    config = home.load()

    assert config == default_config({"HOME": str(home.home)})
    assert config.grants_file == f"{home.home}/.config/lockgate/grants.toml"
    assert config.origin("log-level") == "default"


def test_xdg_folders_are_honoured_when_they_are_absolute(home: Home) -> None:
    config = home.load(XDG_CACHE_HOME="/var/c", XDG_STATE_HOME="relative")

    assert config.cache_dir == "/var/c/lockgate"
    assert config.state_dir == f"{home.home}/.local/state/lockgate"


def test_a_user_without_a_home_is_not_given_the_working_folder() -> None:
    config = default_config({"HOME": "~"})

    assert config.grants_file == "/nonexistent/.config/lockgate/grants.toml"
    assert config.cache_dir == "/nonexistent/.cache/lockgate"


def test_a_later_source_wins_and_each_value_knows_its_origin(home: Home) -> None:
    home.user_file.write_text('log-level = "error"\ntimeout = 1\ncolor = "never"\n')
    (home.work / "lockgate.toml").write_text('log-level = "info"\ntimeout = 2\n')

    config = home.load("timeout=4", LOCKGATE_LOG_LEVEL="debug", LOCKGATE_TIMEOUT="3")

    assert (config.color, config.log_level, config.timeout) == ("never", "debug", 4.0)
    assert config.origin("color") == str(home.user_file)
    assert config.origin("log-level") == "environment variable LOCKGATE_LOG_LEVEL"
    assert config.origin("timeout") == "--set timeout"


def test_tables_are_merged_key_by_key(home: Home) -> None:
    home.user_file.write_text("[plugins.firmware]\na = 1\nb = 1\n")
    (home.work / "lockgate.toml").write_text("[plugins.firmware]\nb = 2\nc = 2\n")

    config = home.load("plugins.firmware.c=3", LOCKGATE_PLUGINS__FIRMWARE__D='["x"]')

    assert config.for_plugin("firmware") == {"a": 1, "b": 2, "c": 3, "d": ["x"]}
    assert config.origin("plugins.firmware.b") == str(home.work / "lockgate.toml")
    assert config.for_plugin("other") == {}


def test_yaml_is_a_user_file_too(home: Home) -> None:
    (home.user_file.parent / "config.yaml").write_text("timeout: 5\ndisabled: [lint]\n")

    config = home.load()

    assert config.timeout == 5
    assert config.disabled == ("lint",)


def test_the_user_file_can_be_named(home: Home, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("timeout = 7\n")

    assert home.load(LOCKGATE_CONFIG=str(other)).timeout == 7


def test_a_named_user_file_must_exist(home: Home) -> None:
    assert "missing" in home.refused(LOCKGATE_CONFIG="/nowhere.toml").message


def test_pyproject_holds_project_settings(home: Home) -> None:
    text = '[project]\nname = "x"\n[tool.lockgate]\ndisabled = ["lint"]\n'
    (home.work / "pyproject.toml").write_text(text)

    assert home.load().disabled == ("lint",)


def test_a_manifest_in_the_working_folder_is_no_settings_file(home: Home) -> None:
    text = 'schema = 1\nname = "x"\nhook-api = ">=1"\ntier = "basic"\n'
    (home.work / "lockgate.toml").write_text(text)

    assert home.load().origins == {}


@pytest.mark.parametrize(
    "line",
    ['grants-file = "g"', 'cache-dir = "c"', 'data-dir = "d"', 'state-dir = "s"',
     'layers = {seccomp = "strict"}', 'file-profile = "plain"'],
)  # fmt: skip
def test_a_project_file_cannot_move_grants_or_change_the_sandbox(
    home: Home, line: str
) -> None:
    (home.work / "lockgate.toml").write_text(f"timeout = 1\n{line}\n")

    error = home.refused()

    assert "project file must not" in error.message
    assert error.line == 2


def test_a_layer_can_be_made_strict_and_never_weaker(home: Home) -> None:
    assert home.load("layers.landlock=strict").layers == {"landlock": "strict"}
    assert home.refused("layers.landlock=off").key == "layers.landlock"
    assert home.refused("layers.landlock=degradable").key == "layers.landlock"


def test_paths_of_a_file_are_relative_to_it(home: Home) -> None:
    home.user_file.write_text('plugin-folders = ["mine", "~/too"]\ndata-dir = "d"\n')

    config = home.load()

    assert config.plugin_folders[0] == str(home.user_file.parent / "mine")
    assert config.data_dir == str(home.user_file.parent / "d")


@pytest.mark.parametrize(
    "name",
    [
        "LOCKGATE_SECRET_API_TOKEN",
        "LOCKGATE_INDEX_ACME_USERNAME",
        "LOCKGATE_INDEX_ACME_PASSWORD",
        "LOCKGATE_KEY_PASSPHRASE",
        "LOCKGATE_PUBLISH_USER",
        "LOCKGATE_PUBLISH_PASSWORD",
        "LOCKGATE_SANDBOX_DEBUG",
    ],
)
def test_a_documented_variable_that_is_no_setting_is_left_alone(
    home: Home, name: str
) -> None:
    assert home.load(**{name: "hunter2"}) == home.load()


def test_a_list_in_the_environment_is_split(home: Home) -> None:
    assert home.load(LOCKGATE_DISABLED="a,b").disabled == ("a", "b")
    assert home.load(LOCKGATE_PLUGIN_FOLDERS="/a:/b").plugin_folders == ("/a", "/b")
    assert home.load(LOCKGATE_DISABLED='["a"]').disabled == ("a",)


def test_limits_take_sizes_and_are_named_as_the_sandbox_names_them(home: Home) -> None:
    home.user_file.write_text(
        '[limits]\nmemory-bytes = "64 MiB"\n[plugin-limits.lint]\ncpu-seconds = 2\n'
    )

    config = home.load(LOCKGATE_LIMITS__WALL_SECONDS="9")

    assert config.limits == {"memory_bytes": 64 * 2**20, "wall_seconds": 9}
    assert config.plugin_limits == {"lint": {"cpu_seconds": 2}}


@pytest.mark.parametrize(
    ("text", "key", "line", "words"),
    [
        ("timeot = 1\n", "timeot", 1, "unknown setting"),
        ("\ntimeout = -1\n", "timeout", 2, "greater than 0"),
        ('log-level = "loud"\n', "log-level", 1, "'debug', 'info'"),
        ('[limits]\n\nmemory-bytes = "big"\n', "limits.memory-bytes", 3, "not a size"),
        ("[limits]\nmemory = 1\n", "limits.memory", 0, "unknown limit"),
        ("disabled = 3\n", "disabled", 1, "valid list"),
    ],
)
def test_a_wrong_setting_is_blamed_on_its_file_and_line(
    home: Home, text: str, key: str, line: int, words: str
) -> None:
    home.user_file.write_text(text)

    error = home.refused()

    assert (error.source, error.key) == (str(home.user_file), key)
    assert error.line == line
    assert words in error.message


def test_a_wrong_variable_is_blamed_by_name(home: Home) -> None:
    assert "LOCKGATE_TIMEOUT" in home.refused(LOCKGATE_TIMEOUT="soon").source
    assert "'LOCKGATE_TIMEOUT'" in home.refused(LOCKGATE_TIMEOT="1").hint
    assert "LOCKGATE_PLUGINS" in home.refused(LOCKGATE_PLUGINS="{").source


def test_an_override_without_a_value_is_a_usage_error(home: Home) -> None:
    with pytest.raises(UsageError, match="no key=value"):
        home.load("timeout")


@pytest.mark.parametrize("content", [b"\xff", b"a = [", b"\x00", b"a = " + b"[" * 9000])
def test_a_damaged_file_is_named(home: Home, content: bytes) -> None:
    home.user_file.write_bytes(content)

    assert home.refused().source == str(home.user_file)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=3))
def test_any_environment_and_overrides_give_settings_or_an_error(
    pairs: dict[str, str],
) -> None:
    env = {f"LOCKGATE_{key.upper()}": value for key, value in pairs.items()}
    overrides = [f"{key}={value}" for key, value in pairs.items()]
    for environ, options in ((env, []), ({}, overrides)):
        try:
            load_config(environ=environ, folder="/", overrides=options)
        except LockgateError as error:
            outcome = str(error)
        else:
            outcome = "settings"
        assert outcome


def test_without_settings_neither_pydantic_nor_yaml_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from lockgate.config import load_config\n"
        f"home = {str(tmp_path)!r}\n"
        "load_config(environ={'HOME': home}, folder=home)\n"
        "print([m for m in ('pydantic', 'yaml', 'tomllib') if m in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


def test_a_project_file_made_to_fill_the_memory_is_refused_at_once(
    tmp_path: Path,
) -> None:
    (tmp_path / "lockgate.toml").write_text(".".join(["a"] * 400_000) + " = 1\n")
    with pytest.raises(ConfigError) as caught:
        load_config(environ={"HOME": str(tmp_path)}, folder=str(tmp_path))
    assert "dots" in str(caught.value)


def test_a_project_file_cannot_configure_the_trusted_base(tmp_path: Path) -> None:
    # It would say which index plugins are installed from.
    text = '[plugins.lint]\nx = 1\n[plugins.marketplace]\nindex = "https://x.test"\n'
    (tmp_path / "lockgate.toml").write_text(text)

    with pytest.raises(ConfigError) as caught:
        load_config(environ={"HOME": str(tmp_path)}, folder=str(tmp_path))

    assert caught.value.key == "plugins.marketplace"


def test_environments_are_folders_relative_to_their_file(home: Home) -> None:
    home.user_file.write_text('[environments]\nacme = ["store", "/srv/pydantic-1"]\n')

    config = home.load()

    assert config.environments == {
        "acme": (f"{home.user_file.parent}/store", "/srv/pydantic-1")
    }


def test_a_project_gives_no_plugin_an_environment(home: Home) -> None:
    (home.work / "lockgate.toml").write_text('[environments]\nacme = ["evil"]\n')

    assert "project file must not" in home.refused().message
