"""A kind that one plugin adds, answered by others in real sealed workers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lockgate.cli import main
from lockgate.discovery import discover
from lockgate.errors import AnswerInvalidError, ArgumentError, UnknownHookError
from tests.support.host_plugins import Site, manifest_of

KIND = """
[[added-kinds]]
name = "audio"
about = "Sound in, sound out."

[added-kinds.defs.Clip]
type = "object"
properties = { rate = { type = "integer" }, samples = { type = "array", items = { \
type = "integer" } }, raw = { type = "string", contentEncoding = "base64" } }
required = ["rate", "samples"]
additionalProperties = false

[[added-kinds.hooks]]
name = "process_audio"
doc = "Change a clip."
arguments = { clip = { "$ref" = "#/$defs/Clip" }, gain = { type = "number", \
default = 1.0 } }
answer = { "$ref" = "#/$defs/Clip" }
"""

LOUDER = """
from dataclasses import dataclass, replace
from lockgate.plugin import hookimpl

@dataclass(frozen=True)
class Clip:
    rate: int
    samples: tuple[int, ...]
    raw: bytes = b""

@hookimpl
def process_audio(clip: Clip, gain):
    return replace(clip, samples=tuple(int(s * gain) for s in clip.samples))
"""

PLAIN = """
from lockgate.plugin import hookimpl

@hookimpl
def process_audio(clip, gain):
    if gain == 13:
        return {"rate": "fast", "samples": []}
    return {"rate": clip["rate"], "samples": clip["samples"][::-1], "raw": b"x"}
"""


def _kind(name: str = "sound", extra: str = KIND) -> str:
    return manifest_of(name, kinds="service", hooks={}, more=extra)


def _answers(name: str, kind: str = "audio", hook: str = "process_audio") -> str:
    return manifest_of(name, kinds=kind, hooks={hook: "process_audio"})


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.add("sound", "raise SystemExit('a kind is data')\n", manifest=_kind())
    made.add("louder", LOUDER, manifest=_answers("louder"))
    made.add("turner", PLAIN, manifest=_answers("turner"))
    return made


@pytest.mark.kernel
def test_a_hook_of_an_added_kind_is_called_like_any_other(site: Site) -> None:
    clip = {"rate": 8000, "samples": [1, 2]}
    with site.open() as host:
        assert host.implementers("process_audio") == ("louder", "turner")
        answers = host.call("process_audio", clip=clip, gain=2.0)

        own, plain = (answer.value for answer in answers)
        assert own == {"rate": 8000, "samples": (2, 4), "raw": b""}
        assert plain["raw"] == b"x"
        with pytest.raises(TypeError):
            plain["rate"] = 1
        with pytest.raises(AnswerInvalidError, match="rate"):
            host.call("process_audio", plugin="turner", clip=clip, gain=13)
        with pytest.raises(ArgumentError, match="samples"):
            host.call("process_audio", clip={"rate": 1})
        with pytest.raises(UnknownHookError):
            host.call("process_video")


def test_a_kind_that_nobody_adds_is_a_state(site: Site) -> None:
    site.add("painter", PLAIN, manifest=_answers("painter", "paint"))
    site.add("typo", PLAIN, manifest=_answers("typo", "audoi"))
    site.add("wrong", PLAIN, manifest=_answers("wrong", hook="proces_audio"))

    states = {name: site.state(name) for name in ("painter", "typo", "wrong", "louder")}

    assert states["painter"].state == "missing-requirement"
    assert "'paint'" in states["painter"].reason
    assert "audio" in states["typo"].hint
    assert states["wrong"].state == "incompatible"
    assert states["louder"].state == "ok"


def test_a_disabled_adder_takes_its_kind_along(site: Site) -> None:
    found = discover([str(site.folder)], disabled={"sound"})

    assert [s.state for s in found.plugins] == [
        "missing-requirement",
        "disabled",
        "missing-requirement",
    ]


def test_of_two_that_add_one_kind_neither_may(site: Site) -> None:
    site.add("noise", "", manifest=_kind("noise"))

    assert site.state("noise").state == site.state("sound").state == "conflict"
    assert site.state("louder").state == "missing-requirement"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('name = "audio"', 'name = "ai"', "added-kinds.0.name"),
        ('name = "audio"', 'name = "adapter"', "added-kinds.0.name"),
        ('"process_audio"', '"generate"', "added-kinds.0.hooks.0.name"),
        ("{ clip =", "{ context =", "added-kinds.0.hooks.0.arguments.context"),
        ("{ clip =", "{ plugin =", "added-kinds.0.hooks.0.arguments.plugin"),
        ("{ clip =", "{ class =", "added-kinds.0.hooks.0.arguments.class"),
        ("$defs/Clip", "$defs/Clap", "added-kinds.0.hooks.0.arguments.clip"),
        ('"integer" }, s', '"whole" }, s', "added-kinds.0.defs.Clip.properties.rate"),
        ("about =", "abuot =", "added-kinds.0.abuot"),
        ("1.0", '"loud"', "added-kinds.0.hooks.0.arguments.gain"),
    ],
)
def test_a_kind_that_is_none_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, key: str
) -> None:
    site = Site(tmp_path)
    site.add("sound", "", manifest=_kind("sound", KIND.replace(old, new, 1)))

    state = site.state("sound")

    assert state.state == "broken"
    assert f"({key})" in state.reason


def test_only_a_service_adds_kinds(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.add("sound", "", manifest=_kind().replace('"service"', '"analyzer"'))

    assert "only a plugin of kind 'service' adds kinds" in site.state("sound").reason


def test_the_verbs_know_an_added_kind(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [str(site.folder), *sys.path])

    assert main(["list", "--kind", "audio", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert main(["find", "kind=audio", "hook=process_audio", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["hooks", "show", "process_audio", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)

    names = ["louder", "turner"]
    assert [plugin["name"] for plugin in listed["plugins"]] == names
    assert [plugin["name"] for plugin in found["plugins"]] == names
    assert shown["kind"] == "audio"
    assert shown["plugins"] == names
    assert [a["type"] for a in shown["arguments"]] == ["Clip", "float"]
    assert shown["types"] == {
        "Clip": ["rate: int", "samples: tuple[int, ...]", "raw: bytes = …"]
    }


def test_the_types_of_an_added_kind_are_shown_as_its_own(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [str(site.folder), *sys.path])

    assert main(["hooks", "show", "process_audio"]) == 0
    _, _, types = capsys.readouterr().out.partition("\nTypes ")

    assert types.splitlines() == [
        "of the kind audio:",
        "  Clip",
        "    rate: int",
        "    samples: tuple[int, ...]",
        "    raw: bytes = …",
    ]
