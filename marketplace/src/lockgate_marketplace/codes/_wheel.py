"""Codes of the step `wheel`: the file itself.

In the order in which the gate asks: the file and its name, the archive, the members'
paths, the metadata, RECORD, the layout, the entry points.
"""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["WHEEL"]

_STEP = "wheel"
_REBUILD = "Ask the author for a wheel written by a current build tool."
_HOSTILE = "Do not install it; report the file to the index that serves it."
_OTHER_VERSION = "Choose another version of the distribution."

_TABLE: tuple[tuple[str, str, str], ...] = (
    # The file and its name.
    (
        "wheel-unreadable",
        "the wheel cannot be read, or is no regular file",
        "Name an existing file that you may read.",
    ),
    (
        "wheel-too-large",
        "the file is larger than the limit",
        "If it must be this large, raise the limit `wheel_bytes`.",
    ),
    (
        "wheel-hash",
        "the file is not the one that was asked for: its SHA-256 differs",
        "Download it again; if it stays so, the index or somebody on the way swaps it.",
    ),
    (
        "wheel-filename",
        "the file name is no wheel's: name-version[-build]-python-abi-platform.whl",
        "Keep the name that the build tool gave.",
    ),
    (
        "wheel-tags",
        "the wheel was built for another Python or another machine",
        "Choose a wheel for this one.",
    ),
    (
        "wheel-requires-python",
        "its Requires-Python excludes the Python that would run it",
        _OTHER_VERSION,
    ),
    # The archive.
    ("wheel-zip-none", "the file has no end-of-archive record: it is no zip", _REBUILD),
    (
        "wheel-zip-trailing",
        "bytes follow the archive, which some readers take for another archive",
        _HOSTILE,
    ),
    (
        "wheel-zip-comment",
        "the archive or a member has a comment, where a second archive could hide",
        _REBUILD,
    ),
    (
        "wheel-zip-prefix",
        "bytes precede the first member: the file is something else as well",
        _HOSTILE,
    ),
    (
        "wheel-zip-gap",
        "members overlap, or bytes lie between them that no member owns",
        _HOSTILE,
    ),
    (
        "wheel-zip-end",
        "the end record contradicts the central directory, or names several disks",
        _HOSTILE,
    ),
    (
        "wheel-zip-zip64",
        "the zip64 records contradict the plain ones",
        _HOSTILE,
    ),
    ("wheel-zip-header", "a member's header is malformed or cut off", _REBUILD),
    (
        "wheel-zip-differs",
        "a member's local header and the central directory say different things",
        _HOSTILE,
    ),
    (
        "wheel-zip-extra",
        "an extra field is malformed, repeated, or of a kind that renames or links",
        _REBUILD,
    ),
    (
        "wheel-zip-flags",
        "a member is encrypted, patched, or says something else that no wheel needs",
        _REBUILD,
    ),
    (
        "wheel-zip-descriptor",
        "a member's sizes follow its data, so that readers disagree where it ends",
        _REBUILD,
    ),
    (
        "wheel-zip-method",
        "a member is packed by a method other than store and deflate",
        _REBUILD,
    ),
    ("wheel-zip-duplicate", "two members have the same name", _HOSTILE),
    (
        "wheel-zip-data",
        "a member's data is not what its header says: size, checksum or stream",
        "Download it again; if it stays so, the file is damaged or hostile.",
    ),
    (
        "wheel-file-type",
        "a member is a link, a device or a set-id file",
        _HOSTILE,
    ),
    # What it would take.
    (
        "wheel-file-count",
        "it has more members than the limit",
        "If it must have as many, raise the limit `files`.",
    ),
    (
        "wheel-expands",
        "unpacked, it or one of its members is larger than the limit",
        "If it must be this large, raise the limits `file_bytes` and `total_bytes`.",
    ),
    ("wheel-ratio", "it expands to many times its size, as a zip bomb does", _HOSTILE),
    # The members' paths.
    (
        "wheel-path-escapes",
        "a path is absolute or has an empty, `.` or `..` part",
        _HOSTILE,
    ),
    (
        "wheel-path-characters",
        "a path has a backslash, a colon, or a control or invisible character",
        _HOSTILE,
    ),
    (
        "wheel-path-encoding",
        "a path is not UTF-8, or does not say that it is",
        _REBUILD,
    ),
    (
        "wheel-path-normal-form",
        "a path is not in Unicode's normal form NFC: two spellings look the same",
        _REBUILD,
    ),
    (
        "wheel-path-reserved",
        "a part of a path is reserved (`aux`, `nul`), or ends in a dot or a space",
        "Ask the author to rename the file.",
    ),
    (
        "wheel-path-long",
        "a path is too long or too deep",
        "Ask the author to shorten it.",
    ),
    (
        "wheel-path-collision",
        "two paths become one: the same place, or a difference of case only",
        "Ask the author to rename one of them.",
    ),
    ("wheel-path-below-file", "a path lies below another that is a file", _HOSTILE),
    # The metadata.
    (
        "wheel-dist-info",
        "there is not exactly one `.dist-info` folder",
        _HOSTILE,
    ),
    (
        "wheel-dist-info-name",
        "the `.dist-info` folder is named otherwise than the file",
        _HOSTILE,
    ),
    (
        "wheel-installer-file",
        "it has a file that only installers write: direct_url.json, INSTALLER",
        "Ask the author for a wheel as the build tool made it, not one packed again.",
    ),
    (
        "wheel-metadata",
        "METADATA is missing, malformed, or says something twice",
        _REBUILD,
    ),
    ("wheel-metadata-name", "METADATA names another distribution", _HOSTILE),
    ("wheel-metadata-version", "METADATA names another version", _HOSTILE),
    (
        "wheel-requires-direct",
        "it depends on an address, which no index answers for",
        "Ask the author to depend on a released version by name.",
    ),
    (
        "wheel-wheel",
        "the file WHEEL is missing, malformed, or of an unknown version",
        _REBUILD,
    ),
    (
        "wheel-import-names",
        "Import-Name and the modules in the wheel differ (PEP 794)",
        "Ask the author to correct Import-Name or Import-Namespace.",
    ),
    # RECORD.
    ("wheel-record", "RECORD is missing or malformed", _REBUILD),
    ("wheel-record-unlisted", "a member is not in RECORD", _HOSTILE),
    ("wheel-record-absent", "RECORD lists a file that is not there", _HOSTILE),
    ("wheel-record-twice", "RECORD lists a file twice", _HOSTILE),
    (
        "wheel-record-hash",
        "a member's hash or size is not what RECORD says",
        _HOSTILE,
    ),
    (
        "wheel-record-weak",
        "RECORD vouches for a member with no hash, or one weaker than SHA-256",
        _REBUILD,
    ),
    (
        "wheel-record-signature",
        "it has a RECORD.jws or RECORD.p7s, which nothing verifies (PEP 815)",
        "Ask the author to leave it out and to publish attestations (PEP 740).",
    ),
    # The layout.
    (
        "wheel-data-area",
        "it installs headers, or files into the interpreter's own folders",
        "Ask the author to ship them as package data.",
    ),
    (
        "wheel-startup-file",
        "Python would run a file of it at every start: .pth, .start, sitecustomize",
        _HOSTILE,
    ),
    (
        "wheel-bytecode",
        "it has compiled bytecode, which would run in the place of its source",
        "Ask the author to leave __pycache__ and .pyc files out.",
    ),
    (
        "wheel-interpreter",
        "a script has the name of Python's or of an environment's own programs",
        _HOSTILE,
    ),
    (
        "wheel-script-name",
        "a script's name is no plain file name",
        "Ask the author to rename the script.",
    ),
    (
        "wheel-shadows-stdlib",
        "a top-level module has the name of one of the standard library's",
        "Ask the author to move it into a package of its own.",
    ),
    (
        "wheel-shadows-host",
        "a top-level module has the name of one of lockgate's own",
        _HOSTILE,
    ),
    (
        "wheel-shadows-other",
        "a module belongs to another distribution already",
        "Install only one of the two.",
    ),
    # The entry points.
    (
        "wheel-entry-points",
        "entry_points.txt is malformed, or says something twice",
        _REBUILD,
    ),
    (
        "wheel-entry-point-owned",
        "its plugin has the name of another distribution's plugin",
        "Uninstall the other, or ask the author for another name.",
    ),
    (
        "wheel-manifest",
        "the manifest is not exactly one file of the wheel, or too large",
        "An author sees the same with `lockgate check`.",
    ),
)

WHEEL: dict[str, Code] = {
    code: Code(_STEP, means, hint) for code, means, hint in _TABLE
}
