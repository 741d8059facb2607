"""Each test runs twice: in this process, and in a sealed worker."""

from __future__ import annotations

from lockgate.plugin import AnalysisReport, Finding, Position, Range, Tree
from lockgate.testing import PluginUnderTest


def test_marks_are_found_with_their_places(plugin: PluginUnderTest) -> None:
    tree = Tree.of({"a.py": "x = 1\ny = 2  # TODO: name it\n", "b.txt": "TODOS"})
    report = plugin.call("analyze", AnalysisReport, tree=tree)

    place = Range(Position(2, 10), Position(2, 23))
    assert report.findings == (Finding("a.py", "todo", "warning", "name it", place),)


def test_what_is_no_text_is_left_out(plugin: PluginUnderTest) -> None:
    tree = Tree.of({"a.bin": b"\xff TODO"})

    assert plugin.call("analyze", AnalysisReport, tree=tree).findings == ()


def test_the_owner_chooses_the_words(plugin: PluginUnderTest) -> None:
    plugin.configure(words=["LATER"])
    tree = Tree.of({"a.txt": "LATER (a+b)\nTODO\n"})
    report = plugin.call("analyze", AnalysisReport, tree=tree)

    assert [(one.rule, one.message) for one in report.findings] == [("later", "(a+b)")]


def test_it_says_how_much_it_saw(plugin: PluginUnderTest) -> None:
    plugin.call("analyze", AnalysisReport, tree=Tree.of({"a": "", "b": ""}))

    assert [line.fields["files"] for line in plugin.logs] == [2]
