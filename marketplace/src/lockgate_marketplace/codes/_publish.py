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
        "For each project a table `[projects.NAME]` with a `status` (active, archived, "
        "deprecated, quarantined), a `reason`, and below `[projects.NAME.yanked]` a "
        "reason by version.",
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
    "index-unwritable": Code(
        _STEP,
        "A file of the wheels or of the site can't be read or written.",
        "The present site is as it was. See to the file, and to the room on the disk.",
    ),
    "index-wheel-refused": Code(
        _STEP,
        "Wheels are refused, and none was to be (--strict).",
        "Leave --strict away to publish the others.",
    ),
    "publish-nothing": Code(
        _STEP,
        "No wheel was named.",
        "Build one first; sdists are not published.",
    ),
    "publish-changed": Code(
        _STEP,
        "The wheel changed while it was judged.",
        "See who writes to it, and publish again.",
    ),
    "publish-rights": Code(
        _STEP,
        "The code uses a right that its manifest does not ask for.",
        "Ask for it in the manifest's [rights], or do without.",
    ),
    "publish-url": Code(
        _STEP,
        "The address is none that something may be uploaded to.",
        "Give an https address without a name or password in it.",
    ),
    "publish-credentials": Code(
        _STEP,
        "The index does not let us in, or the credentials can't be read.",
        "Set LOCKGATE_PUBLISH_PASSWORD (a token), or write ~/.netrc.",
    ),
    "publish-unreachable": Code(
        _STEP,
        "The index can't be reached, or does not come to an end with its answer.",
        "Look at the address and the network; what was sent before is there.",
    ),
    "publish-redirected": Code(
        _STEP,
        "The index leads to another address, which nothing is sent after.",
        "Name the address that takes uploads; many end with a slash.",
    ),
    "publish-refused": Code(
        _STEP,
        "The index refuses the file.",
        "Its answer says why; a version can't be published twice.",
    ),
    "publish-key": Code(
        _STEP,
        "The file of a publisher's key cannot be used.",
        "Make one with: lockgate trust key FILE",
    ),
}
