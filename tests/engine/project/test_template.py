"""The little language of the template: what it does not know, it refuses."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.project._template import TemplateError, render

WORDS = {"name": "two-words", "empty": ""}


def test_variables_and_replacements_are_filled_in() -> None:
    text = "a {{ cookiecutter.name }}{{ cookiecutter.empty }} b "
    text += "{{ cookiecutter.name|replace('-', '_') }}"

    assert render(text, WORDS) == "a two-words b two_words"


@pytest.mark.parametrize(
    "text",
    [
        "{{ cookiecutter.nothing }}",
        "{{cookiecutter.name}}",
        "{{ cookiecutter.name|upper }}",
        "{% if x %}",
        "{# a comment #}",
        "{{ name }}",
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        render(text, WORDS)


@given(text=st.text(alphabet="{}%#ab \n'|", max_size=40))
def test_text_without_signs_of_a_template_stays_as_it_is(text: str) -> None:
    if re.search(r"\{[{%#]", text):
        with pytest.raises(TemplateError):
            render(text, WORDS)
    else:
        assert render(text, WORDS) == text


@given(value=st.text(max_size=20))
def test_a_value_is_never_read_as_template(value: str) -> None:
    assert render("<{{ cookiecutter.v }}>", {"v": value}) == f"<{value}>"
