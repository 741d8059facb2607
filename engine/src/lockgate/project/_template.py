"""A new plugin's project from the template, which comes with lockgate as data.

``docs/template`` is an ordinary cookiecutter; ``template.json`` beside this module
holds the same files (a test compares them). What is understood here of its language
is what it uses: ``{{ cookiecutter.NAME }}``, with ``|replace('a', 'b')``. Anything
else is an error, never left as it stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

__all__ = ["TemplateError", "kinds", "render", "rendered"]

_FILE = Path(__file__).with_name("template.json")
_VARIABLE = re.compile(
    r"\{\{ cookiecutter\.(\w+)((?:\|replace\('[^']*', '[^']*'\))*) \}\}"
)
_REPLACE = re.compile(r"\|replace\('([^']*)', '([^']*)'\)")
_ROOT = "{{ cookiecutter.project }}/"
_KINDS = "_kinds/"


class TemplateError(ValueError):
    """The template says something that is not understood."""


@dataclass(frozen=True, slots=True)
class _Template:
    """`settings` is ``cookiecutter.json``, `files` the rest, by path."""

    settings: Mapping[str, Any]
    files: Mapping[str, str]


@cache
def _template() -> _Template:
    files: dict[str, str] = json.loads(_FILE.read_text("utf-8"))
    settings: dict[str, Any] = json.loads(files.pop("cookiecutter.json"))
    return _Template(settings, files)


def kinds() -> tuple[str, ...]:
    """The kinds of plugins that there are templates of."""
    return tuple(cast("list[str]", _template().settings["kind"]))


def render(text: str, words: Mapping[str, str]) -> str:
    """`text` with its variables replaced.

    Raises:
        TemplateError: If it names one that there is not, or says anything else.
    """

    def one(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in words:
            raise TemplateError(f"there is no variable {name!r}")
        value = words[name]
        for old, new in _REPLACE.findall(match.group(2)):
            value = value.replace(old, new)
        return value

    pieces = _VARIABLE.split(text)
    plain = pieces[::3]  # between two of them: a name and its filters
    for piece in plain:
        if odd := re.search(r"\{\{.{0,40}|\{%.{0,40}|\{#.{0,40}", piece):
            raise TemplateError(f"not understood: {odd.group()!r}")
    return _VARIABLE.sub(one, text)


def rendered(kind: str, name: str, summary: str) -> tuple[str, dict[str, str]]:
    """The project's folder name, and its files by path.

    Of a kind that there is no template of, these are the files that every kind has.

    Raises:
        TemplateError: If the template is wrong.
    """
    template = _template()
    words = {"kind": kind, "name": name}
    if summary:
        words["summary"] = summary
    for key, value in template.settings.items():
        if key not in words and isinstance(value, str):
            words[key] = render(value, words)
    files: dict[str, str] = {}
    for path, text in _chosen(template.files, kind):
        files[render(path, words)] = render(text, words)
    return words["project"], files


def _chosen(files: Mapping[str, str], kind: str) -> Iterator[tuple[str, str]]:
    """The files of the project, those of the kind put in their places."""
    for path, text in files.items():
        if not path.startswith(_ROOT):
            continue  # cookiecutter's own hooks
        inside = path.removeprefix(_ROOT)
        if inside.startswith(_KINDS):
            own = f"{_KINDS}{kind}/"
            if inside.startswith(own):
                yield inside.removeprefix(own), text
        else:
            yield inside, text
