"""entry_points.txt: one reading, sane scripts, owned plugins, one manifest."""

from __future__ import annotations

import importlib.metadata
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel import Surroundings, Wheel, WheelName, judge
from lockgate_marketplace.wheel._entry_points import read_entry_points
from tests.support.wheels import Draft, forge

NAME = WheelName.parse("evil-1.0-py3-none-any.whl")


def judged(text: str | bytes, around: Surroundings | None = None) -> Wheel:
    draft = Draft("evil")
    draft.add("evil/__init__.py")
    draft.add("evil/lockgate.toml", "schema = 1\n")
    draft.add("evil-1.0.dist-info/entry_points.txt", text)
    return judge(draft.seal().pack(), NAME, around=around)


def code_of(text: str | bytes, around: Surroundings | None = None) -> str:
    with pytest.raises(WheelError) as refused:
        judged(text, around)
    return refused.value.code


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "not UTF-8": (b"[a]\nx = \xff\n", "wheel-entry-points"),
    "UTF-16": ("[a]\nx = y\n".encode("utf-16"), "wheel-entry-points"),
    "byte-order mark": ("\ufeff[a]\nx = y\n", "wheel-entry-points"),
    "NUL": ("[a]\nx = y\0\n", "wheel-entry-points"),
    "no group": ("x = y\n", "wheel-entry-points"),
    "group twice": ("[a]\nx = y\n[a]\nz = y\n", "wheel-entry-points"),
    "name twice": ("[a]\nx = y\nx = z\n", "wheel-entry-points"),
    "indented name": ("[a]\nx = y\n z = y\n", "wheel-entry-points"),
    "indented group": ("[a]\nx = y\n [b]\n", "wheel-entry-points"),
    "entry behind a semicolon": ("[a]\n; x = y\n", "wheel-entry-points"),
    "comment that is none": ("[a]\n; x\n", "wheel-entry-points"),
    "no value": ("[a]\nx =\n", "wheel-entry-points"),
    "no separator": ("[a]\nx\n", "wheel-entry-points"),
    "colon for separator": ("[a]\nx : y\n", "wheel-entry-points"),
    "group with a break": ("[a b]\nx = y\n", "wheel-entry-points"),
    "value that is code": ("[a]\nx = os;system('x')\n", "wheel-entry-points"),
    "value with a comment": ("[a]\nx = y ; z\n", "wheel-entry-points"),
    "form feed": ("[a]\nx = y\fz = y\n", "wheel-entry-points"),
    "line separator": ("[a]\nx = y\u2028z = y\n", "wheel-entry-points"),
    "next line": ("[a]\nx = y\x85[b]\n", "wheel-entry-points"),
    "bare CR": ("[a]\rx = y\r", "wheel-entry-points"),
    "too large": ("[a]\n" + "# x\n" * 100_000, "wheel-entry-points"),
    "line too long": ("[a]\nx = " + "y" * 3000 + "\n", "wheel-entry-points"),
    "script up": ("[console_scripts]\n../../x = a:b\n", "wheel-script-name"),
    "script below": ("[console_scripts]\na/b = a:b\n", "wheel-script-name"),
    "script with a break": ("[console_scripts]\na b = a:b\n", "wheel-script-name"),
    "script as an option": ("[gui_scripts]\n-rf = a:b\n", "wheel-script-name"),
    "hidden script": ("[gui_scripts]\n.profile = a:b\n", "wheel-script-name"),
    "script python": ("[console_scripts]\npython = a:b\n", "wheel-interpreter"),
    "script Python3.EXE": (
        "[console_scripts]\nPython3.EXE = a:b\n",
        "wheel-interpreter",
    ),
    "script python3.11": ("[gui_scripts]\npython3.11 = a:b\n", "wheel-interpreter"),
    "script python3.14t": ("[gui_scripts]\npython3.14t = a:b\n", "wheel-interpreter"),
    "script activate.ps1": ("[gui_scripts]\nactivate.ps1 = a:b\n", "wheel-interpreter"),
    "two manifests": (
        "[lockgate.manifest]\na = evil:lockgate.toml\nb = evil:lockgate.toml\n",
        "wheel-manifest",
    ),
    "manifest elsewhere": ("[lockgate.manifest]\na = os:x.toml\n", "wheel-manifest"),
    "manifest deep": ("[lockgate.manifest]\na = evil.b:x.toml\n", "wheel-manifest"),
    "manifest up": ("[lockgate.manifest]\na = evil:..x.py\n", "wheel-manifest"),
    "manifest nowhere": ("[lockgate.manifest]\na = evil\n", "wheel-manifest"),
}


@pytest.mark.parametrize(("text", "code"), REFUSED.values(), ids=REFUSED)
def test_entry_points_that_readers_differ_over_are_refused(
    text: str | bytes, code: str
) -> None:
    assert code_of(text) == code


def test_entry_points_are_read() -> None:
    wheel = judged(
        "# comment\r\n[console_scripts]\r\nevil-run = evil.cli:main [extra, more]\r\n"
        "\r\n# comment\n[lockgate.manifest]\nevil=evil:lockgate.toml\n[empty]\n"
        "[pytest11]\nA name = evil\n"
    )

    assert wheel.entry_points["console_scripts"] == {
        "evil-run": "evil.cli:main [extra, more]"
    }
    assert wheel.entry_points["pytest11"] == {"A name": "evil"}
    assert wheel.manifest == b"schema = 1\n"
    assert wheel.manifest_path == "evil/lockgate.toml"


def test_a_plugins_name_belongs_to_one_distribution() -> None:
    around = Surroundings(plugins={"echo": "lockgate-echo"})
    for group in ("lockgate.ai", "lockgate.manifest"):
        text = f"[{group}]\necho = evil:lockgate.toml\n"
        assert code_of(text, around) == "wheel-entry-point-owned"

    mine = Surroundings(plugins={"echo": "evil"})
    assert judged("[lockgate.ai]\necho = evil\n", mine)
    assert judged("[other]\necho = evil\n", around)


def test_a_manifest_that_is_too_large_is_refused() -> None:
    raw = forge("evil", manifest="#" * 300_000)

    with pytest.raises(WheelError) as refused:
        judge(raw, NAME)

    assert refused.value.code == "wheel-manifest"


PIECES = st.sampled_from(
    [
        "[a]",
        "[b]",
        "[",
        "]",
        "x",
        "y",
        "=",
        " = ",
        ":",
        " ",
        "\t",
        "\n",
        "\r\n",
        "#",
        ";",
    ]
)


@given(st.lists(PIECES, max_size=14))
def test_what_is_let_in_is_read_as_importlib_reads_it(parts: list[str]) -> None:
    text = "".join(parts)
    try:
        ours = read_entry_points(text.encode(), "entry_points.txt")
    except WheelError:
        return

    class Local(importlib.metadata.Distribution):
        def read_text(self, filename: str) -> str | None:
            return text if filename == "entry_points.txt" else None

        def locate_file(self, path: object) -> None:  # type: ignore[override]
            return None

    theirs = [(p.group, p.name, p.value) for p in Local().entry_points]
    flat = [(g, n, v) for g, entries in ours.items() for n, v in entries.items()]
    assert [tuple(re.sub(r"\s+$", "", x) for x in t) for t in theirs] == flat
