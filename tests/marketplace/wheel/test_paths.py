"""Paths that some system reads as another place, or as the same place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel._limits import Limits
from lockgate_marketplace.wheel._paths import check_distinct, check_path

REFUSED = {
    "../x": "wheel-path-escapes",
    "a/../x": "wheel-path-escapes",
    "a/..": "wheel-path-escapes",
    "./x": "wheel-path-escapes",
    "a/./x": "wheel-path-escapes",
    "/etc/passwd": "wheel-path-escapes",
    "//host/x": "wheel-path-escapes",
    "a//x": "wheel-path-escapes",
    "/": "wheel-path-escapes",
    "a//": "wheel-path-escapes",
    "a\\..\\x": "wheel-path-characters",
    "C:/x": "wheel-path-characters",
    "C:x": "wheel-path-characters",
    "a.py:stream": "wheel-path-characters",
    "a\0b": "wheel-path-characters",
    "a\nb": "wheel-path-characters",
    "a\x1b[2J": "wheel-path-characters",
    "a\x7f": "wheel-path-characters",
    "a\x85b": "wheel-path-characters",
    "a\u202eyp.exe": "wheel-path-characters",
    "a\u200b": "wheel-path-characters",
    "a\ufeff": "wheel-path-characters",
    "a\u2028": "wheel-path-characters",
    "a\ue000": "wheel-path-characters",
    "a\u00a0b": "wheel-path-characters",
    "a\u3000": "wheel-path-characters",
    "a\U000e0041": "wheel-path-characters",
    "e\u0301.py": "wheel-path-normal-form",
    "\u212b.py": "wheel-path-normal-form",
    "nul": "wheel-path-reserved",
    "a/AUX.py": "wheel-path-reserved",
    "com1.txt": "wheel-path-reserved",
    "lpt³": "wheel-path-reserved",
    "conin$": "wheel-path-reserved",
    "a./x": "wheel-path-reserved",
    "a ": "wheel-path-reserved",
    "...": "wheel-path-reserved",
    "x" * 256: "wheel-path-long",
    "ü" * 128: "wheel-path-long",
    "x/" * 32 + "x": "wheel-path-long",
    ("x" * 200 + "/") * 3: "wheel-path-long",
}


@pytest.mark.parametrize(("path", "code"), REFUSED.items(), ids=map(ascii, REFUSED))
def test_a_path_that_is_not_plain_is_refused(path: str, code: str) -> None:
    with pytest.raises(WheelError) as refused:
        check_path(path, Limits())

    assert refused.value.code == code


@pytest.mark.parametrize(
    "path",
    ["a", "a/b.py", "a/", ".hidden", "a/..b", "a b/c", "ü/é.py", "日本/語.txt", "aux2"],
)
def test_a_plain_path_is_let_in(path: str) -> None:
    check_path(path, Limits())


COLLIDING: dict[str, tuple[list[str], str]] = {
    "case": (["a.py", "A.py"], "wheel-path-collision"),
    "case of a folder": (["a/x", "A/y"], "wheel-path-collision"),
    "case beyond ASCII": (["ß", "ss"], "wheel-path-collision"),
    "Kelvin": (["k", "\u212a"], "wheel-path-collision"),
    "full width": (["a", "\uff41"], "wheel-path-collision"),
    "ligature": (["fi.py", "\ufb01.py"], "wheel-path-collision"),
    "below a file": (["a", "a/b"], "wheel-path-below-file"),
    "deep below a file": (["a/b/c/d", "a/b"], "wheel-path-below-file"),
}


@pytest.mark.parametrize(("paths", "code"), COLLIDING.values(), ids=COLLIDING)
def test_paths_that_become_one_are_refused(paths: list[str], code: str) -> None:
    for order in (paths, paths[::-1]):
        with pytest.raises(WheelError) as refused:
            check_distinct(order)
        assert refused.value.code == code


def test_a_named_folder_counts_too() -> None:
    check_distinct(["a/b", "a/c", "d"], ["a", "e"])
    for empty in (["A"], ["d"], ["D"], ["a/b"]):
        with pytest.raises(WheelError):
            check_distinct(["a/b", "a/c", "d"], empty)


@given(st.text(min_size=1, max_size=40))
def test_whatever_is_let_in_stays_below_its_folder(name: str) -> None:
    try:
        check_path(name, Limits())
    except WheelError:
        return

    joined = os.path.normpath(os.path.join("/base", name))  # noqa: PTH118
    assert joined == f"/base/{name.rstrip('/')}"
    assert Path("/base", name).is_relative_to("/base")


@given(st.lists(st.text(alphabet="aAbﬁß/", min_size=1, max_size=4), max_size=6))
def test_distinct_paths_are_distinct_without_case(paths: list[str]) -> None:
    plain = [path for path in paths if not {"", "."}.intersection(path.split("/"))]
    try:
        check_distinct(plain)
    except WheelError:
        return

    assert len({path.casefold() for path in plain}) == len(plain)
    for path in plain:
        assert not [other for other in plain if other.startswith(f"{path}/")]
