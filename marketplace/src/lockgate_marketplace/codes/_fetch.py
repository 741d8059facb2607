"""Codes of the step `fetch`: bytes from a server, within limits."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["FETCH"]

_STEP = "fetch"
_LATER = "Try again later; if it stays so, ask whoever runs the index."
_REPORT = "Do not work around it; tell whoever runs the index."

_TABLE: tuple[tuple[str, str, str], ...] = (
    (
        "fetch-address",
        "a host's name stands for an address of this machine or of its link",
        "If that is meant, write the address itself (http://127.0.0.1:…) as the index.",
    ),
    (
        "fetch-credentials",
        "the file with the credentials cannot be read",
        "Mend the netrc file, or unset NETRC.",
    ),
    ("fetch-deadline", "the answer took too long as a whole", _LATER),
    (
        "fetch-denied",
        "the index wants other credentials, or none of this user",
        "Set LOCKGATE_INDEX_NAME_USERNAME and …_PASSWORD, or a netrc entry.",
    ),
    (
        "fetch-disk",
        "what was fetched cannot be written",
        "Free some disk space, or see who owns the folder.",
    ),
    (
        "fetch-encoding",
        "the answer is compressed in a way that is not accepted",
        _REPORT,
    ),
    (
        "fetch-hash",
        "the file is not the one that the index describes: its SHA-256 differs",
        "Try again; if it stays so, the index or somebody on the way swaps the file.",
    ),
    (
        "fetch-host",
        "the index leads to a host that it was not allowed to lead to",
        "If its files are kept there, add the host to `files` of that index.",
    ),
    (
        "fetch-missing",
        "the index has nothing there",
        "Check the name and the index.",
    ),
    (
        "fetch-range",
        "the server answers a request for a part of a file with something else",
        _REPORT,
    ),
    ("fetch-redirects", "the server redirects again and again", _REPORT),
    (
        "fetch-scheme",
        "the index leads to what is not https (or http where that is allowed)",
        _REPORT,
    ),
    ("fetch-size", "the file has another size than the index says", _REPORT),
    ("fetch-slow", "the server sends nearly nothing", _LATER),
    ("fetch-status", "the server answers with an error", _LATER),
    (
        "fetch-tls",
        "the server cannot prove who it is",
        "See that the clock is right and the index's authority is trusted here.",
    ),
    (
        "fetch-too-large",
        "the answer is larger than the limit, unpacked",
        "No sound index sends so much; tell whoever runs it.",
    ),
    (
        "fetch-too-much",
        "all that one command fetches is more than the limit",
        "If that is meant, install in several commands: what came whole is kept.",
    ),
    ("fetch-truncated", "the answer ends too early each time, or is no HTTP", _LATER),
    (
        "fetch-unreachable",
        "the server cannot be reached",
        "See that the machine is online, and that the address of the index is right.",
    ),
    ("fetch-url", "the index leads to what is no URL that may be asked", _REPORT),
)

FETCH: dict[str, Code] = {
    code: Code(_STEP, means, hint) for code, means, hint in _TABLE
}
