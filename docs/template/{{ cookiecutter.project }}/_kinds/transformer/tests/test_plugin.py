"""Each test runs twice: in this process, and in a sealed worker."""

from __future__ import annotations

import pytest
from lockgate.plugin import Transformation, Tree
from lockgate.testing import PluginUnderTest

from {{ cookiecutter.package }}.plugin import tidy


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("a  \nb", "a\nb\n"), ("\n\n", ""), ("", ""), ("a\r\nb\n", "a\nb\n")],
)
def test_tidy(text: str, wanted: str) -> None:
    assert tidy(text) == wanted


def test_text_files_are_tidied(plugin: PluginUnderTest) -> None:
    tree = Tree.of({"a.py": "x = 1  \n\n", "b.bin": b"y  \n"})
    answer = plugin.call("transform", Transformation, tree=tree)

    assert answer.tree["a.py"].text == "x = 1\n"
    assert answer.tree["b.bin"].content == b"y  \n"
    assert [event.message for event in plugin.progress] == ["a.py", "b.bin"]


def test_a_file_that_is_no_text_is_noted(plugin: PluginUnderTest) -> None:
    tree = Tree.of({"a.txt": b"\xff  \n"})
    answer = plugin.call("transform", Transformation, tree=tree)

    assert answer.tree == tree
    assert [note.subject for note in answer.notes] == ["a.txt"]


def test_the_owner_chooses_the_suffixes(plugin: PluginUnderTest) -> None:
    plugin.configure(suffixes=[".rst"])
    tree = Tree.of({"a.rst": "x  \n", "a.py": "x  \n"})
    answer = plugin.call("transform", Transformation, tree=tree)

    assert answer.tree["a.rst"].text == "x\n"
    assert answer.tree["a.py"].text == "x  \n"
