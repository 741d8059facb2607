"""File names of wheels, and the Python that they are for."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import Tag

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel import Surroundings, Target, WheelName, judge
from tests.support.wheels import forge, wheel_filename

PY3 = frozenset({Tag("py3", "none", "any")})


def test_a_name_is_normalised() -> None:
    name = WheelName.parse("Zope.Interface-5.0.0-2b-cp311-cp311-linux_x86_64.whl")

    assert (name.name, name.version, name.build) == ("zope-interface", "5.0.0", "2b")
    assert name.tags == {Tag("cp311", "cp311", "linux_x86_64")}


@pytest.mark.parametrize(
    "filename",
    [
        "evil",
        "evil.zip",
        "evil-1.0.whl",
        "evil-1.0-py3-none-any.whl.exe",
        "evil-1.0-py3-none-any.WHL",
        "evil-one-py3-none-any.whl",
        "ev__il-1.0-py3-none-any.whl",
        "-1.0-py3-none-any.whl",
        "evil-1.0-x-py3-none-any.whl",
        "evil-1.0-py3..py2-none-any.whl",
        "../evil-1.0-py3-none-any.whl",
        "evil\0-1.0-py3-none-any.whl",
        "evil\x1b[2J-1.0-py3-none-any.whl",
        "еvil-1.0-py3-none-any.whl",
        "evil-1.0-py3-none-\udcff.whl",
        "evil-1.0-py3-none-" + "x" * 250 + ".whl",
    ],
)
def test_a_name_that_is_none_is_refused(filename: str) -> None:
    with pytest.raises(WheelError) as refused:
        WheelName.parse(filename)

    assert refused.value.code == "wheel-filename"
    assert refused.value.where.isascii()


def test_a_name_that_stands_for_many_tags_is_refused_at_once() -> None:
    parts = ".".join("a" for _ in range(38))
    began = time.process_time()

    with pytest.raises(WheelError):
        WheelName.parse(f"e-1-{parts}-{parts}-{parts}.whl")

    assert time.process_time() - began < 0.1


def test_a_wheel_for_another_python_is_refused() -> None:
    tag = "cp27-cp27m-win32"
    raw, name = forge("evil", tag=tag), WheelName.parse(wheel_filename("evil", tag=tag))

    with pytest.raises(WheelError) as refused:
        judge(raw, name)

    assert refused.value.code == "wheel-tags"
    assert judge(raw, name, around=Surroundings(Target())).name == "evil"
    theirs = Target(frozenset({Tag("cp27", "cp27m", "win32")}))
    assert judge(raw, name, around=Surroundings(theirs)).name == "evil"


@pytest.mark.parametrize(
    ("requires", "python", "code"),
    [
        (">=3.12", "3.11.7", "wheel-requires-python"),
        ("<3.11.7", "3.11.7", "wheel-requires-python"),
        (">=3.11", "3.11.7", ""),
        (">=3.14", "3.14.0rc1", "wheel-requires-python"),
        (">=3.14.0rc1", "3.14.0rc1", ""),
        ("nonsense", "3.11.7", "wheel-metadata"),
    ],
)
def test_requires_python_is_held(requires: str, python: str, code: str) -> None:
    around = Surroundings(Target(PY3, python))
    raw, name = (
        forge("a", requires_python=requires),
        WheelName.parse(wheel_filename("a")),
    )
    if not code:
        assert judge(raw, name, around=around).requires_python == requires
        return

    with pytest.raises(WheelError) as refused:
        judge(raw, name, around=around)

    assert refused.value.code == code


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    for filename in (text, f"{text}.whl", f"a-{text}-py3-none-any.whl"):
        with suppress(WheelError):
            assert WheelName.parse(filename).filename == filename
