"""Codes of the step `publish`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["PUBLISH"]

_STEP = "publish"

PUBLISH: dict[str, Code] = {
    "index-wheels-missing": Code(
        _STEP,
        "The folder that an index is to be built from is not there.",
        "Name a folder that holds wheels.",
    ),
    "index-file-twice": Code(
        _STEP,
        "Two files of the folder have one name, so neither can be published.",
        "Keep one of them.",
    ),
    "index-file-changed": Code(
        _STEP,
        "A file of this name was published before, with other bytes.",
        "Give the new build a new version: clients refuse a file that changed.",
    ),
    "index-name-taken": Code(
        _STEP,
        "Another project of this index had this plugin name first.",
        "Choose another `name` in the manifest.",
    ),
    "index-sidecar-invalid": Code(
        _STEP,
        "What lies beside a wheel is not what it must be, or is about other bytes.",
        "Make it again for this very wheel, or take it away.",
    ),
    "index-status-invalid": Code(
        _STEP,
        "The owner's file on projects is wrong.",
        "docs/how-to/run-an-index.md shows its form.",
    ),
    "index-url-invalid": Code(
        _STEP,
        "The address that the site shall have is no web address.",
        "Give it as https://plugins.example/.",
    ),
    "index-site-foreign": Code(
        _STEP,
        "The folder holds something else than an index.",
        "Name a folder that is not there yet, that is empty, or that is an index.",
    ),
    "index-state-invalid": Code(
        _STEP,
        "The file in which an index remembers what it published can't be read.",
        "Bring it back from a copy of the site. Without it upload times are lost.",
    ),
    "index-wheel-refused": Code(
        _STEP,
        "Wheels are refused, and none was to be (--strict).",
        "Leave --strict away to publish the others.",
    ),
    "publish-key": Code(
        _STEP,
        "The file of a publisher's key cannot be used.",
        "Make one with: lockgate trust key FILE",
    ),
}
