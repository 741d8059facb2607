"""What a plugin gets as its settings: defaults, secrets, and who is blamed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate._plugin_settings.defaults import with_defaults
from lockgate._plugin_settings.keys import config_keys
from lockgate._plugin_settings.whole import check_config, checked_config, settings_of
from lockgate._rights.file import GrantsFile
from lockgate._seating.seats import identity_of
from lockgate.config import Config, SecretName, load_config
from lockgate.errors import ConfigError
from lockgate.grants import rights_asked
from lockgate.host import AuditRecord, Host
from lockgate.values import Document, Tree
from tests.support.host_plugins import Site, manifest_of

TELLING = """
import json
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree, context):
    return Transformation(Tree.of({"config.json": json.dumps(dict(context.config))}))
"""

SCHEMA = """
[rights]
secrets = ["api-token", "other"]

[config-schema]
type = "object"
additionalProperties = false

[config-schema.properties.token]
type = "string"
minLength = 8

[config-schema.properties.line-length]
type = "integer"
default = 88
description = "Longest line."
"""

VALUE = "hunter2hunter2"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("LOCKGATE_SECRET_API_TOKEN", VALUE)
    site = Site(tmp_path)
    manifest = manifest_of("asker", tier="elevated", more=SCHEMA)
    site.add("asker", TELLING, manifest=manifest)
    return site


def grant(site: Site) -> None:
    state = site.state("asker")
    assert state.manifest is not None
    asked = rights_asked(state.manifest)
    keys = frozenset(right.key for right in asked)
    file = GrantsFile(Path(site.config.grants_file))
    file.grant(identity_of(state), asked, keys)


def owner(site: Site, text: str, **environ: str) -> Config:
    """The settings of an owner whose own file holds `text`."""
    home = site.root / "owner"
    file = home / ".config/lockgate/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    env = {"HOME": str(home), **environ}
    return replace(
        load_config(environ=env, folder=str(home)),
        grants_file=site.config.grants_file,
        cache_dir=site.config.cache_dir,
        data_dir=site.config.data_dir,
        state_dir=site.config.state_dir,
    )


def told(host: Host) -> dict[str, Any]:
    answer = host.call("transform", tree=Tree())
    return dict(json.loads(answer.first.tree["config.json"].text))


# -- in the worker --------------------------------------------------------------------


def test_a_worker_sees_the_defaults_of_its_schema(site: Site) -> None:
    with site.open() as host:
        assert told(host) == {"line-length": 88}


def test_a_variable_overrides_a_file_also_where_a_key_has_dashes(site: Site) -> None:
    config = owner(
        site,
        "[plugins.asker]\nline-length = 100\n",
        LOCKGATE_PLUGINS__ASKER__LINE_LENGTH="120",
    )
    # Both spellings are there; the later source is the variable's.
    with site.open(config=config) as host:
        assert told(host) == {"line-length": 120}


def test_a_variable_is_blamed_under_the_name_that_it_has(site: Site) -> None:
    config = owner(site, "", LOCKGATE_PLUGINS__ASKER__LINE_LENGTH="wide")

    with site.open(config=config) as host, pytest.raises(ConfigError) as caught:
        told(host)

    assert caught.value.source.endswith("LOCKGATE_PLUGINS__ASKER__LINE_LENGTH")
    assert caught.value.key == "plugins.asker.line-length"


def test_a_wrong_setting_is_found_before_a_worker_starts(site: Site) -> None:
    config = owner(site, "[plugins.asker]\n\nline-length = 'wide'\n")
    records: list[AuditRecord] = []

    with site.open(config=config, on_audit=records.append) as host:
        with pytest.raises(ConfigError) as caught:
            told(host)
        assert host.workers() == {}

    error = caught.value
    assert (error.key, error.line) == ("plugins.asker.line-length", 3)
    assert error.source.endswith("config.toml")
    assert not [record for record in records if record.action == "start"]


def test_a_secret_named_by_the_owner_reaches_the_plugin_that_may_know_it(
    site: Site,
) -> None:
    config = owner(site, '[plugins.asker]\ntoken = { secret = "api-token" }\n')
    records: list[AuditRecord] = []
    grant(site)

    with site.open(config=config, on_audit=records.append) as host:
        assert told(host)["token"] == VALUE

    assert [r.right for r in records if r.action == "broker"] == ["secret:api-token"]
    assert VALUE not in repr(records)
    assert VALUE not in json.dumps(config.to_dict())
    assert "(secret api-token)" in json.dumps(config.to_dict())


def test_a_name_in_the_settings_adds_no_right(site: Site) -> None:
    config = owner(site, '[plugins.asker]\ntoken = { secret = "api-token" }\n')

    with site.open(config=config) as host:
        with pytest.raises(ConfigError, match="not granted") as caught:
            told(host)
        assert "grants grant asker secret:api-token tier:elevated" in caught.value.hint
        assert caught.value.line == 2
        grant(site)
        assert told(host)["token"] == VALUE
        # And what is taken back is gone with the worker that knew it.
        GrantsFile(Path(config.grants_file)).revoke(
            "asker", frozenset({"secret:api-token"})
        )
        with pytest.raises(ConfigError, match="not granted"):
            told(host)


def test_a_secret_that_the_manifest_does_not_ask_for_is_withheld(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKGATE_SECRET_BANK", VALUE)
    config = owner(site, '[plugins.asker]\ntoken = { secret = "bank" }\n')
    grant(site)

    with (
        site.open(config=config) as host,
        pytest.raises(ConfigError, match="asks for no secret 'bank'"),
    ):
        told(host)


def test_another_distribution_of_the_name_gets_no_secret(site: Site) -> None:
    config = owner(site, '[plugins.asker]\ntoken = { secret = "api-token" }\n')
    grant(site)
    with site.open(config=config) as host:
        assert told(host)["token"] == VALUE
    for info in site.folder.glob("*.dist-info"):
        info.rename(info.with_name(f"gone-{info.name}.old"))
    manifest = manifest_of("asker", tier="elevated", more=SCHEMA)
    site.add("asker", TELLING, manifest=manifest, distribution="test-squatter")

    with (
        site.open(config=config) as host,
        pytest.raises(ConfigError, match="not granted"),
    ):
        told(host)


def test_a_secret_without_a_value_is_an_error_that_names_its_place(site: Site) -> None:
    config = owner(site, '[plugins.asker]\ntoken = { secret = "other" }\n')
    grant(site)

    with site.open(config=config) as host, pytest.raises(ConfigError) as caught:
        told(host)

    assert "LOCKGATE_SECRET_OTHER is not set" in caught.value.message
    assert caught.value.key == "plugins.asker.token"


def test_a_secret_that_does_not_fit_is_not_shown(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKGATE_SECRET_API_TOKEN", "shorty")
    config = owner(site, '[plugins.asker]\ntoken = { secret = "api-token" }\n')
    grant(site)

    with site.open(config=config) as host, pytest.raises(ConfigError) as caught:
        told(host)

    assert "(secret api-token) does not fit minLength: 8" in caught.value.message
    assert "shorty" not in json.dumps(caught.value.to_dict()) + repr(caught.value)


# -- who may name a secret ------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '[plugins.asker]\ntoken = { secret = "api-token" }\n',
        '[plugins.asker.token]\nsecret = "api-token"\n',
        '[plugins.asker]\nlist = [1, { a = { secret = "api-token" } }]\n',
    ],
)
def test_a_project_file_names_no_secret(tmp_path: Path, text: str) -> None:
    (tmp_path / "lockgate.toml").write_text(text)

    with pytest.raises(ConfigError, match="must not name a secret") as caught:
        load_config(environ={"HOME": str(tmp_path)}, folder=str(tmp_path))

    assert caught.value.line in (1, 2)


def test_a_project_file_cannot_make_a_secret_of_what_the_owner_wrote(
    tmp_path: Path,
) -> None:
    user = tmp_path / ".config/lockgate/config.toml"
    user.parent.mkdir(parents=True)
    user.write_text('[plugins.asker.token]\nsecret = "api-token"\nplain = true\n')
    (tmp_path / "lockgate.toml").write_text("[plugins.asker.token]\nplain = false\n")

    config = load_config(environ={"HOME": str(tmp_path)}, folder=str(tmp_path))

    token = config.for_plugin("asker")["token"]
    assert token == {"secret": "api-token", "plain": False}


@pytest.mark.parametrize(
    ("environ", "overrides"),
    [
        ({"LOCKGATE_PLUGINS__MY_TOOL__TOKEN": '{"secret": "a"}'}, []),
        ({"LOCKGATE_PLUGINS__MY_TOOL__TOKEN__SECRET": "a"}, []),
        ({}, ['plugins.my-tool.token={"secret": "a"}']),
        ({}, ["plugins.my-tool.token.secret=a"]),
    ],
)
def test_variables_and_the_command_line_are_the_owners(
    tmp_path: Path, environ: dict[str, str], overrides: list[str]
) -> None:
    env = {"HOME": str(tmp_path), **environ}

    config = load_config(environ=env, folder=str(tmp_path), overrides=overrides)

    assert config.for_plugin("my-tool") == {"token": SecretName("a")}


def test_a_plugins_own_key_may_be_called_secret(tmp_path: Path) -> None:
    (tmp_path / "lockgate.toml").write_text('[plugins.vault]\nsecret = "no name"\n')

    config = load_config(environ={"HOME": str(tmp_path)}, folder=str(tmp_path))

    assert config.for_plugin("vault") == {"secret": "no name"}


# -- defaults, errors, the owner's view -----------------------------------------------


def plain(settings: dict[str, Any]) -> Config:
    return Config("", "", "", "", plugins={"p": settings})


NESTED: Document = {
    "$defs": {"server": {"properties": {"port": {"default": 80}}}},
    "properties": {
        "main": {"$ref": "#/$defs/server"},
        "more": {"items": {"$ref": "#/$defs/server"}},
        "loop": {"$ref": "#", "default": {}},
        "list": {"default": [1]},
    },
}


def test_defaults_reach_into_what_is_there_and_make_nothing_that_is_not() -> None:
    assert with_defaults({}, NESTED) == {"loop": {}, "list": [1]}
    given: dict[str, Any] = {"main": {}, "more": [{}, {"port": 1}], "list": []}

    assert with_defaults(given, NESTED) == {
        "main": {"port": 80},
        "more": [{"port": 80}, {"port": 1}],
        "loop": {},
        "list": [],
    }
    assert given["main"] == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["properties", "items", "$ref", "default", "a", "b"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_any_schema_and_settings_end_in_settings(value: Any, schema: Any) -> None:
    found = with_defaults(value, schema)

    if not isinstance(value, dict):
        assert isinstance(value, list) or found == value
    else:
        assert value.keys() <= found.keys()


@given(st.text(min_size=5, max_size=12), JSON)
def test_no_error_shows_a_secret(value: str, schema: Any) -> None:
    value = f"s3cret-{value}"
    wanted: Document = {
        "properties": {"a": {"anyOf": [{"const": schema}, {"type": "null"}]}}
    }
    config = plain({"a": SecretName("n"), "b": [SecretName("n")], "c": 1})

    strict: Document = {**wanted, "additionalProperties": False}
    for one in (wanted, strict, {"type": "array"}):
        with pytest.raises(ConfigError) as caught:
            checked_config("p", config, one, lambda _: value)
        assert value not in str(caught.value) + json.dumps(caught.value.to_dict())


def test_what_depends_on_a_secret_is_judged_when_it_is_known() -> None:
    schema: Document = {
        "properties": {"a": {"minLength": 90}, "b": {"type": "integer"}}
    }

    check_config("p", plain({"a": SecretName("n")}), schema)
    with pytest.raises(ConfigError, match="90"):
        checked_config("p", plain({"a": SecretName("n")}), schema, lambda n: n)
    with pytest.raises(ConfigError, match="integer"):
        check_config("p", plain({"a": SecretName("n"), "b": "x"}), schema)


def test_the_owner_sees_each_key_with_its_default_and_source() -> None:
    schema: Document = {
        "properties": {
            "a": {"type": "integer", "default": 1, "description": "How\nmany."},
            "t": {"properties": {"b": {"enum": ["x", "y"]}}, "required": ["b"]},
            "self": {"$ref": "#"},
        }
    }
    config = replace(
        plain({"t": {"b": "x"}, "token": SecretName("n")}),
        origins={"plugins.p.t.b": "--set plugins.p.t.b"},
    )

    rows = {key.key: key for key in config_keys("p", config, schema)}

    assert rows["a"].describe() == "a (integer) = 1 default: How many."
    assert (
        rows["t.b"].describe() == "t.b (x | y, required) = x from --set plugins.p.t.b"
    )
    assert rows["token"].value == "(secret n)"
    assert not rows["token"].declared
    assert settings_of("p", config, schema)["a"] == 1
