"""Text from a spec is hostile: it stays text in every language that it is put into."""

from __future__ import annotations

import ast
import io
import re
import tokenize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_firmware import _text
from lockgate_firmware.problems import SpecRefusedError
from tests.support.firmware import make, with_peripherals

texts = st.text(max_size=60).filter(lambda text: not _text.strange_character(text))

NASTY = [
    '"""); import os; os.system("x") #',
    "''' + evil() + '''",
    "*/ evil(); /*",
    "ends in a backslash \\",
    "trigraph ??/",
    '" + evil() + "',
    "{evil}",
    "%s %n",
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "| a | b |",
    "`rm -rf`",
    "![x](http://example.invalid/x.png)",
    "\N{SNOWMAN} \N{GRINNING FACE}",
    "${evil}",
    'R"(raw',
    "#include <evil.h>",
    "\\u0022 evil",
    "\\N{QUOTATION MARK}",
]


def cpp_code(source: str) -> str:
    """`source` without comments and texts, as a compiler sees it.

    A backslash at the end of a line joins it to the next before anything else
    (C++11, [lex.phases] 2).
    """
    joined = source.replace("??/", "\\").replace("\\\n", "")
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"', "", joined, flags=re.S)


def python_code(source: str) -> list[str]:
    """The tokens of `source` that are neither comments nor texts."""
    return [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in (tokenize.COMMENT, tokenize.STRING)
        and token.type not in (tokenize.NL, tokenize.NEWLINE)
    ]


PLAIN = make(
    with_peripherals(
        {"type": "led", "pin": 13, "description": "x"}, device_name="Plain Name"
    )
)


@pytest.mark.parametrize("text", NASTY)
def test_a_hostile_description_adds_no_code(text: str) -> None:
    product = make(
        with_peripherals(
            {"type": "led", "pin": 13, "description": text}, device_name="Plain Name"
        )
    )

    for path, body in product.files.items():
        if path.endswith(".py"):
            assert python_code(body) == python_code(PLAIN.files[path])
            assert body.isascii()
        if path.endswith(".ino"):
            assert cpp_code(body) == cpp_code(PLAIN.files[path])
            assert body.isascii()


@given(text=texts)
def test_no_description_adds_code(text: str) -> None:
    spec = with_peripherals(
        {"type": "led", "pin": 13, "description": text}, device_name="Plain Name"
    )
    try:
        product = make(spec)
    except SpecRefusedError:
        return  # an empty one

    for path, body in product.files.items():
        if path.endswith(".py"):
            tree, plain = ast.parse(body), ast.parse(PLAIN.files[path])
            assert len(list(ast.walk(tree))) == len(list(ast.walk(plain)))
        if path.endswith(".ino"):
            assert cpp_code(body) == cpp_code(PLAIN.files[path])


@given(text=texts)
def test_a_python_literal_means_its_text(text: str) -> None:
    assert ast.literal_eval(_text.python_string(text)) == text


@given(text=texts)
def test_a_docstring_means_its_text(text: str) -> None:
    literal = f'"""{_text.python_docstring(text)}"""'

    assert ast.literal_eval(literal) == text


@given(text=texts)
def test_a_c_comment_stays_on_its_line(text: str) -> None:
    comment = _text.c_comment(text)

    assert "\n" not in comment
    assert "\\" not in comment
    assert "??" not in comment
    assert comment.isascii()


@given(text=texts)
def test_markdown_shows_no_markup(text: str) -> None:
    shown = _text.markdown(text)

    assert not re.search(r"[<>]", shown)
    assert not re.search(r"(?<!\\)(?:\\\\)*[\[\]`|*!]", shown)
    assert "://" not in shown


@given(text=st.text(max_size=60))
def test_an_identifier_is_safe_everywhere(text: str) -> None:
    name = _text.identifier(text)

    assert not name or re.fullmatch(r"[a-z][a-z0-9_]*", name)


@pytest.mark.parametrize("text", NASTY)
def test_a_hostile_title_stays_in_its_place(text: str) -> None:
    try:
        product = make(with_peripherals({"type": "led", "pin": 13}, device_name=text))
    except SpecRefusedError as error:
        product, places = None, {problem.where for problem in error.problems}
    else:
        places = set[str]()
    if product is None:
        assert places == {"device_name"}
        return

    for path, body in product.files.items():
        if path.endswith(".py"):
            assert "evil" not in "".join(
                token for token in python_code(body) if not token.isidentifier()
            )
        assert all(re.fullmatch(r"[A-Za-z0-9_./]+", path) for path in product.files)
