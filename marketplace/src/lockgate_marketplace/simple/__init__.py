"""What an index says about a project, strictly read: the Simple API in JSON and HTML.

::

    page = parse_page(content, kind, index=index, name="six", url=url)
    page.files[0].sha256

PEP 503, 592, 629, 658, 691, 700, 714, 740, 792. Read it from below: `_limits`,
`_page` (the values), `_bounded_json`, `_row` (a file's entry, by either form),
`_json_page`, `_html_page`, `_names` (the list of all projects), `_parse`.
"""

from __future__ import annotations

from lockgate_marketplace.simple._bounded_json import load as load_json
from lockgate_marketplace.simple._limits import PageLimits
from lockgate_marketplace.simple._names import parse_names
from lockgate_marketplace.simple._page import IndexFile, ProjectPage
from lockgate_marketplace.simple._parse import ACCEPT, parse_page

__all__ = [
    "ACCEPT",
    "IndexFile",
    "PageLimits",
    "ProjectPage",
    "load_json",
    "parse_names",
    "parse_page",
]
