"""In which versions a hook is there, and what becomes of plugins of other ones."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from lockgate._hook import api as _hook_api
from lockgate._hook.api import HOOK_API_VERSION, Life, numbers
from lockgate._manifest import fields
from lockgate._specs import names
from lockgate.cli import main
from lockgate.discovery import _hook_versions, _resolve
from lockgate.hookspecs import hookspec
from lockgate.host import LogLine
from lockgate.project import check_project, find_project, kinds_around
from tests.support.host_plugins import Site, manifest_of

PLUGIN = """
from lockgate.plugin import hookimpl

@hookimpl
def hear(text):
    return text

@hookimpl
def shout(text):
    return text.upper()

@hookimpl
def whisper(text):
    return text.lower()
"""

KIND = """
[[added-kinds]]
name = "voice"
version = "1.2"
{}
[[added-kinds.hooks]]
name = "hear"
arguments = {{ text = {{ type = "string" }} }}
answer = {{ type = "string" }}

[[added-kinds.hooks]]
name = "shout"
since = "1.1"
deprecated = "1.2"
instead = "hear"
removed = "1.3"
arguments = {{ text = {{ type = "string" }} }}
answer = {{ type = "string" }}

[[added-kinds.hooks]]
name = "whisper"
since = "1.3"
arguments = {{ text = {{ type = "string" }} }}
answer = {{ type = "string" }}
"""


def voice(version: str = "1.2") -> str:
    more = KIND.format("").replace('version = "1.2"', f'version = "{version}"')
    return manifest_of("voice", kinds="service", hooks={}, more=more)


def answering(name: str, *hooks: str, more: str = "") -> str:
    return manifest_of(name, kinds="voice", hooks={h: h for h in hooks}, more=more)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.add("voice", "raise SystemExit", manifest=voice())
    made.add("man", PLUGIN, manifest=answering("man", "hear", "shout"))
    return made


VERSIONS = st.lists(st.integers(0, 12), min_size=1, max_size=3)


@given(VERSIONS, VERSIONS)
def test_versions_compare_as_everybody_compares_them(
    one: list[int], other: list[int]
) -> None:
    left, right = (".".join(map(str, parts)) for parts in (one, other))

    assert (numbers(left) < numbers(right)) == (Version(left) < Version(right))
    assert (numbers(left) == numbers(right)) == (Version(left) == Version(right))


@pytest.mark.parametrize("text", ["", "1.", "v1", "1.2.3.4", "1.x", "-1", "१"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no version"):
        numbers(text)


def test_a_life_has_four_stages_in_order() -> None:
    life = Life("1.1", "1.3", "other", "2.0")

    stages = [life.at(api) for api in ("1.0", "1.1", "1.2", "1.3", "1.10", "2", "3")]
    assert stages == [
        "future", "current", "current", "deprecated", "deprecated", "removed",
        "removed",
    ]  # fmt: skip
    assert life.advice == "deprecated since 1.3, removed in 2.0; use other"
    with pytest.raises(ValueError, match="in this order"):
        hookspec("ai", since="1.2", deprecated="1.1")


def test_a_hook_is_judged_by_its_kinds_version(site: Site) -> None:
    site.add("quiet", PLUGIN, manifest=answering("quiet", "whisper"))
    state = site.state("quiet")

    assert site.state("man").state == "ok"
    assert state.state == "incompatible"
    assert "'whisper'" in state.reason
    assert "kind 'voice' 1.3; voice has 1.2" in state.reason
    assert "Upgrade voice" in state.hint

    site.add("voice", "", manifest=voice("1.3"))
    gone = site.state("man")

    assert site.state("quiet").state == "ok"
    assert gone.state == "incompatible"
    assert "'shout', which was removed in version of the kind" in gone.reason
    assert "Its successor is hear." in gone.hint


def test_a_plugin_says_which_versions_of_a_kind_it_is_for(site: Site) -> None:
    def with_range(wanted: str) -> str:
        more = f'[kind-api]\nvoice = "{wanted}"\n'
        site.add("picky", PLUGIN, manifest=answering("picky", "hear", more=more))
        state = site.state("picky")
        return f"{state.state} {state.reason}"

    assert with_range(">=1.1,<2") == "ok "
    assert with_range(">=1.3") == (
        "incompatible asks for version >=1.3 of the kind 'voice'; voice adds 1.2"
    )
    assert "is none of the plugin's kinds" in with_range('>=1"\naudio = ">=1')
    assert "its versions are hook-api's" in with_range('>=1"\nai = ">=1')
    assert "is not a version range" in with_range("one")


@pytest.mark.kernel
def test_a_deprecated_hook_answers_and_is_warned_of_once(site: Site) -> None:
    lines: list[LogLine] = []
    with site.open(on_log=lines.append) as host:
        for _ in range(2):
            (answer,) = host.call("shout", text="a")
            assert answer.value == "A"
        host.call("hear", text="a")

    assert [(line.plugin, line.level) for line in lines] == [("man", "warning")]
    assert "deprecated since 1.2, removed in 1.3; use hear" in lines[0].message


def test_the_verbs_warn_of_a_deprecated_hook(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [str(site.folder), *sys.path])

    def told(*words: str) -> dict[str, object]:
        main([*words, "--json"])
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    advice = "deprecated since 1.2, removed in 1.3; use hear"
    assert told("info", "man")["deprecated"] == {"shout": advice}
    shown = told("hooks", "show", "shout")
    assert (shown["since"], shown["deprecated"]) == ("1.1", advice)
    assert shown["added_by"] == "voice"
    checks = str(told("doctor")["checks"])
    assert f"answers the hook 'shout', {advice}" in checks
    main(["info", "man"])
    assert f"shout: {advice}" in capsys.readouterr().out


PYPROJECT = """
[build-system]
build-backend = "hatchling.build"
[project]
name = "test-own"
version = "1.0"
[project.entry-points."lockgate.manifest"]
own = "own_plugin:lockgate.toml"
"""


def findings(folder: Path, manifest: str) -> dict[str, str]:
    package = folder / "src" / "own_plugin"
    package.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (package / "__init__.py").write_text("")
    (package / "impl.py").write_text(PLUGIN)
    (package / "lockgate.toml").write_text(manifest)
    project = find_project(folder)
    found = check_project(project, kinds_around(project)).findings
    return {finding.rule: finding.message for finding in found}


def test_check_judges_versions_too(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(site.folder)])
    now = findings(tmp_path / "own", answering("own", "hear", "shout"))
    later = findings(tmp_path / "own", answering("own", "whisper"))
    hooks = {"watch_device": "w"}
    wide = findings(tmp_path / "own", manifest_of("own", kinds="hardware", hooks=hooks))

    assert "use hear" in now["hook-deprecated"]
    assert "hook-api" not in now
    assert "came with version of the kind 'voice' 1.3" in later["hook-api"]
    assert wide["hook-api-wide"] == ">=1,<2 admits 1.0, which has no 'watch_device'"


# -- lockgate's own hooks, in an older and a newer hook API ---------------------------


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> object:
    """Sets the version of the hook API, as a lockgate of that version has it."""

    def set_to(version: str, lives: Mapping[str, Life] | None = None) -> None:
        def judged(manifest: object, _: str = version) -> object:
            return misfit(manifest, version)  # type: ignore[arg-type]

        misfit = _hook_versions.misfit
        monkeypatch.setattr(_hook_versions, "misfit", judged)
        for module in (_hook_api, _resolve, fields):
            monkeypatch.setattr(module, "HOOK_API_VERSION", version)
        if lives is not None:
            known = {**names.hook_lives(), **lives}
            monkeypatch.setattr(_hook_versions, "hook_lives", lambda: known)
        fields.supports.cache_clear()
        fields.admits_newer.cache_clear()

    yield set_to
    monkeypatch.undo()
    fields.supports.cache_clear()
    fields.admits_newer.cache_clear()


def own(kind: str, hook: str, wanted: str = ">=1,<2") -> str:
    made = manifest_of("own", kinds=kind, hooks={hook: "f"})
    return made.replace('hook-api = ">=1,<2"', f'hook-api = "{wanted}"')


def test_a_host_of_an_older_api_names_the_hook(tmp_path: Path, api: object) -> None:
    site = Site(tmp_path)
    site.add("own", "", manifest=own("hardware", "watch_device"))
    assert site.state("own").state == "ok"

    api("1.0")  # type: ignore[operator]

    state = site.state("own")
    assert state.state == "incompatible"
    assert state.reason == (
        "answers the hook 'watch_device', which came with hook API 1.1; "
        "lockgate has 1.0"
    )
    assert "Upgrade lockgate" in state.hint


def test_a_host_of_a_newer_api_names_what_was_removed(
    tmp_path: Path, api: object
) -> None:
    site = Site(tmp_path)
    site.add("own", "", manifest=own("analyzer", "analyze"))

    api("1.9", {"analyze": Life("1.0", "1.4", "inspect", "1.8")})  # type: ignore[operator]

    state = site.state("own")
    assert state.state == "incompatible"
    assert "'analyze', which was removed in hook API 1.8; lockgate has 1.9" in (
        state.reason
    )
    assert "Its successor is inspect." in state.hint
    site.add("own", "", manifest=own("generator", "generate"))
    assert site.state("own").state == "ok"


def test_a_hook_of_an_api_to_come_is_no_slip(tmp_path: Path) -> None:
    site = Site(tmp_path)

    def state(hook: str, wanted: str = ">=1,<2") -> tuple[str, str]:
        site.add("own", "", manifest=own("analyzer", hook, wanted))
        found = site.state("own")
        return found.state, found.reason

    word, reason = state("zoom")
    assert word == "incompatible"
    assert f"'zoom', which hook API {HOOK_API_VERSION} has not" in reason
    assert "its range >=1,<2 admits later ones" in reason
    assert state("zoom", "==1.1")[0] == "broken"
    assert state("analize")[0] == "broken"
    word, reason = state("zoom", ">=1.7,<2")
    assert word == "incompatible"
    assert reason.startswith("asks for hook API >=1.7,<2; this lockgate has 1.1, with")
    assert reason.endswith("without the hook 'zoom'")


# -- the owner's order -----------------------------------------------------------------


@pytest.mark.kernel
def test_the_owner_orders_added_hooks_too(site: Site) -> None:
    from dataclasses import replace

    from lockgate.config import HookOrder

    site.add("boy", PLUGIN, manifest=answering("boy", "hear"))
    order = {"hear": HookOrder(order=("man",), disable=())}
    with site.open(config=replace(site.config, hooks=order)) as host:
        assert host.implementers("hear") == ("man", "boy")
        assert [a.plugin for a in host.call("hear", text="a")] == ["man", "boy"]
    order = {"hear": HookOrder(disable=("man",))}
    with site.open(config=replace(site.config, hooks=order)) as host:
        assert host.implementers("hear") == ("boy",)


def test_an_order_that_nobody_adds_a_hook_for_is_a_warning(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "path", [str(site.folder), *sys.path])
    settings = tmp_path / "config.toml"
    monkeypatch.setenv("LOCKGATE_CONFIG", str(settings))

    def said(text: str) -> tuple[int, str]:
        settings.write_text(text)
        status = main(["hooks", "--json"])
        told = capsys.readouterr()
        return status, told.err if status == 0 else told.err + told.out

    assert said('[hooks.hear]\norder = ["man"]\n') == (0, "")
    status, words = said('timeout = 9\n[hooks.haer]\norder = ["man"]\n')
    assert status == 0
    assert "there is no hook named 'haer'" in words
    assert "Did you mean 'hear'?" in words
    assert main(["doctor", "--json"]) in (0, 1)
    assert "no hook named 'haer'" in capsys.readouterr().out
    status, words = said("[hooks.genrate]\norder = []\n")
    assert status == 2
    assert "Did you mean 'generate'?" in words


def test_no_added_hook_is_nearly_a_built_in_one(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.add("voice", "", manifest=voice().replace('"hear"', '"genrate"', 1))

    reason = site.state("voice").reason
    assert "'genrate' is too near to lockgate's own 'generate'" in reason


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"hear"', '"import"', "'import' is taken: no impl can be a function of it"),
        ('"hear"', '"hookimpl"', "'hookimpl' is taken: no impl can be a function of"),
    ],
)
def test_no_added_hook_has_a_name_that_code_cannot_have(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    site = Site(tmp_path)
    site.add("voice", "", manifest=voice().replace(old, new, 1))

    assert said in site.state("voice").reason
