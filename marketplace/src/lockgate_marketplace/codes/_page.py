"""Codes of the step `page`: what an index says about a project."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["PAGE"]

_STEP = "page"
_REPORT = "Tell whoever runs the index; nothing of the page is used."

_TABLE: tuple[tuple[str, str, str], ...] = (
    (
        "page-api-version",
        "the index speaks a later Simple API, whose rules are not known here",
        "Upgrade lockgate-marketplace.",
    ),
    (
        "page-content-type",
        "the page is neither JSON nor HTML of the Simple API",
        "See that the index's URL is the root of its Simple API (often …/simple/).",
    ),
    ("page-depth", "the JSON is nested deeper than any page needs", _REPORT),
    (
        "page-filename",
        "a file's name is unsound, or not the one that its URL ends with",
        _REPORT,
    ),
    ("page-foreign-file", "the page lists a file of another project", _REPORT),
    ("page-hash", "a hash is no SHA-256 in hexadecimal", _REPORT),
    ("page-invalid", "the page is not what the Simple API describes", _REPORT),
    (
        "page-metadata",
        "a wheel's metadata cannot be read from the index, or is another's",
        "Choose another version, or tell whoever runs the index.",
    ),
    (
        "page-metadata-hash",
        "the metadata beside a wheel is not the one that the page describes",
        _REPORT,
    ),
    ("page-name", "the page is another project's", _REPORT),
    (
        "page-quarantined",
        "the index put the project in quarantine: it may be malware",
        "Do not install it; see on the index's web page what is known.",
    ),
    ("page-too-many", "the page lists more than any sound project has", _REPORT),
    (
        "page-unhashed",
        "the index gives no SHA-256 for a file",
        "Ask for it, or set `unhashed = true` for the index: the first one is pinned.",
    ),
    ("page-version", "a file is of a version that the page does not list", _REPORT),
)

PAGE: dict[str, Code] = {code: Code(_STEP, means, hint) for code, means, hint in _TABLE}
