"""The values of the contract: what cannot be built cannot be sent."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate import values
from lockgate.values import PATH_LIMIT_CHARS, File, Tree, check_path

BAD_PATHS = [
    "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.", "a\\b", "a\nb",
    "a\x00b", "\x7f", "x" * (PATH_LIMIT_CHARS + 1),
]  # fmt: skip


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_that_could_leave_its_tree_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="tree path"):
        File(path, b"")


@pytest.mark.parametrize("path", ["a", "a/b.c", "..a", "a..", "…/é", "a b"])
def test_a_plain_path_is_kept(path: str) -> None:
    assert check_path(path) == path


@given(st.text(max_size=40))
def test_an_accepted_path_stays_below_any_folder(path: str) -> None:
    import posixpath

    try:
        check_path(path)
    except ValueError:
        return

    assert posixpath.normpath(f"/tree/{path}") == f"/tree/{path}"


@given(st.text(min_size=1, max_size=3), st.integers(0, 127).map(chr))
def test_no_control_character_or_backslash_is_accepted(text: str, last: str) -> None:
    path = f"a{text}b{last}c"
    bad = any(ord(c) < 32 or ord(c) == 127 or c == "\\" for c in path)
    bad = bad or any(part in ("", ".", "..") for part in path.split("/"))

    try:
        check_path(path)
    except ValueError:
        assert bad
    else:
        assert not bad


@given(st.sets(PATHS, max_size=5))
def test_a_tree_is_refused_exactly_for_a_file_in_the_place_of_a_folder(
    paths: set[str],
) -> None:
    clash = any(other.startswith(f"{path}/") for path in paths for other in paths)

    try:
        Tree(tuple(File(path, b"") for path in paths))
    except ValueError:
        assert clash
    else:
        assert not clash


def test_a_tree_is_sorted_whatever_order_it_was_given_in() -> None:
    one = Tree((File("b", b""), File("a", b"")))
    two = Tree((File("a", b""), File("b", b"")))

    assert one == two
    assert [file.path for file in one] == ["a", "b"]


def test_a_tree_holds_each_path_once() -> None:
    with pytest.raises(ValueError, match="each path once"):
        Tree((File("a", b"1"), File("a", b"2")))


def test_a_file_is_no_folder_of_another() -> None:
    with pytest.raises(ValueError, match="both a file and a folder"):
        Tree.of({"a": "", "a/b/c": ""})


def test_a_tree_is_looked_into_by_path() -> None:
    tree = Tree.of({"a/b": "text", "c": b"\xff"})

    assert len(tree) == 2
    assert "a/b" in tree
    assert "a" not in tree
    assert tree["a/b"].content == b"text"
    assert tree["c"].text == "�"
    with pytest.raises(KeyError):
        tree["missing"]


def test_merging_replaces_and_adds() -> None:
    merged = Tree.of({"a": "1", "b": "1"}).merged(Tree.of({"b": "2", "c": "2"}))

    assert {file.path: file.text for file in merged} == {"a": "1", "b": "2", "c": "2"}


CLASSES = [
    member
    for member in vars(values).values()
    if isinstance(member, type) and member.__module__ == values.__name__
]


@pytest.mark.parametrize("cls", CLASSES)
def test_each_value_is_frozen_and_has_slots(cls: type) -> None:
    assert dataclasses.is_dataclass(cls)
    assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(cls)


def test_the_author_api_needs_the_standard_library_only() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import lockgate.plugin, lockgate.values, lockgate.hookspecs\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout == "['lockgate']\n"
