"""The explainer: what, why and the way out, gravest first."""

from __future__ import annotations

from lockgate.values import Data, Task
from lockgate_assistant.explain import Explainer

_AGENT = Explainer()


def _finding(rule: str, severity: str, message: str, line: int = 3) -> Data:
    start = {"line": line, "column": 1}
    place: Data = {"start": start, "end": start}
    return {
        "path": "main.py",
        "rule": rule,
        "severity": severity,
        "message": message,
        "range": place,
    }


def test_a_finding_is_told_with_its_place_and_the_way_out() -> None:
    findings: list[Data] = [_finding("F821", "error", "Undefined name `led`")]

    answer = _AGENT.complete(Task("explain", "", {"findings": findings}))

    assert answer.text.splitlines() == [
        "F821",
        "  at main.py:3: Undefined name `led`",
        "  What: A name is used that is defined nowhere.",
        "  Why: It raises NameError when the line runs.",
        "  Fix: Define or import it; mind the spelling.",
    ]
    assert answer.model == "rules/explainer"


def test_a_refusal_keeps_its_own_hint() -> None:
    reasons: list[Data] = [
        {
            "code": "pin-input-only",
            "where": "peripherals[0].pin",
            "message": "pin 34 of the ESP32 is an input only",
            "hint": "Outputs are: 2, 4.",
        }
    ]

    text = _AGENT.complete(Task("explain", "", {"reasons": reasons})).text

    assert "at peripherals[0].pin: pin 34" in text
    assert "Here: Outputs are: 2, 4." in text


def test_errors_come_first_and_each_rule_once() -> None:
    findings: list[Data] = [
        _finding("F401", "warning", "unused os"),
        _finding("F821", "error", "no led"),
        _finding("F401", "warning", "unused re", 4),
    ]

    text = _AGENT.complete(Task("explain", "", {"findings": findings})).text

    assert text.index("F821") < text.index("F401")
    assert text.count("What: Something is imported") == 1
    assert "main.py:4: unused re" in text


def test_a_rule_that_the_question_names_is_explained() -> None:
    task = Task("explain", "What does pin-strapping mean?")

    assert _AGENT.can_handle(task) == 1.0
    assert _AGENT.complete(task).text.startswith("pin-strapping\n")


def test_a_question_without_a_rule_gets_what_looks_like_it_and_a_note() -> None:
    task = Task("explain", "why does my button float without a pull-up?")

    answer = _AGENT.complete(task)

    assert _AGENT.can_handle(task) == 0.5
    assert "pull-up" in answer.text
    assert [note.kind for note in answer.notes] == ["assumed"]


def test_a_question_like_no_rule_is_not_answered() -> None:
    answer = _AGENT.complete(Task("explain", "zzz qqq"))

    assert answer.text == "No rule is like this question."


def test_an_unknown_rule_is_told_in_its_own_words_with_a_note() -> None:
    findings: list[Data] = [_finding("X999", "warning", "odd thing")]

    answer = _AGENT.complete(Task("explain", "", {"findings": findings}))

    assert "odd thing" in answer.text
    assert [note.subject for note in answer.notes] == ["X999"]


def test_a_check_that_found_nothing_is_said_so() -> None:
    task = Task("explain", "Explain the findings.", {"findings": []})

    assert _AGENT.can_handle(task) == 1.0
    assert _AGENT.complete(task).text.startswith("Nothing was found")


def test_foreign_documents_of_the_wrong_shape_are_nothing_to_explain() -> None:
    shapes: list[Data] = [None, 3, "x", {"a": 1}, [None], [{"code": 3}], [[]]]
    for shape in shapes:
        task = Task("explain", "", {"findings": shape, "reasons": shape})

        assert _AGENT.can_handle(task) == 0.0
