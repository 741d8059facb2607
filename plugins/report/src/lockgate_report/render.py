"""A `Page` to HTML: one template, everything escaped, nothing fetched.

The page's own Content-Security-Policy allows its one style sheet and its one
script by their hashes and nothing else: no request, no inline handler, no style
attribute. What slips through the escaping would still not run.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import cast

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from lockgate_report.model import Page
from lockgate_report.units import count

__all__ = ["render"]


def render(page: Page) -> str:
    """The whole HTML document."""
    style, script = _asset("style.css"), _asset("script.js")
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )
    return (
        _environment()
        .get_template("report.html")
        .render(
            page=page,
            policy=policy,
            # Our own files, unchanged: an escaped character would break the hash.
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
        )
    )


@cache
def _environment() -> Environment:
    names = ("report.html", "section.html", "timeline.html", "macros.html")
    environment = Environment(
        loader=DictLoader({name: _asset(f"{name}.j2") for name in names}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    cast("dict[str, object]", environment.filters).update(pct=_percent, counted=count)
    return environment


def _percent(value: float) -> str:
    """A place in percent, short."""
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"


@cache
def _asset(name: str) -> str:
    folder = resources.files("lockgate_report").joinpath("assets")
    return folder.joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
