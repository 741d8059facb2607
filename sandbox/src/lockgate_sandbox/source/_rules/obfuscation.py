"""Text that is hidden from a reader: encoded, compressed, spelt by numbers."""

from __future__ import annotations

import ast
import re

from lockgate_sandbox.source._site import Family, Site, TextLook, argument
from lockgate_sandbox.source._walk import children_of
from lockgate_sandbox.source.findings import Level, Right, Rule

__all__ = ["FAMILY"]

DECODED = Rule(
    "decoded-literal",
    Level.WARNING,
    "Decodes or decompresses a long literal, which hides what it says.",
)
CODE = Rule(
    "decoded-code",
    Level.ERROR,
    "Runs, imports or unpickles what was decoded: the code is hidden on purpose.",
    Right.DYNAMIC,
)
SPELT = Rule(
    "spelt-text",
    Level.WARNING,
    "Spells a text by the numbers of its characters.",
)
ESCAPED = Rule(
    "escaped-text",
    Level.WARNING,
    "Writes plain characters as escapes, so that a reader does not see them.",
)
INVISIBLE = Rule(
    "invisible-text",
    Level.ERROR,
    "Holds characters that turn or hide text, so that a reader sees other code.",
)
BLOB = Rule(
    "opaque-literal",
    Level.NOTE,
    "A very long literal of encoded data.",
)

_DECODERS = (
    "base64.b64decode", "base64.urlsafe_b64decode", "base64.standard_b64decode",
    "base64.b32decode", "base64.b16decode", "base64.b85decode", "base64.a85decode",
    "base64.decodebytes", "binascii.a2b_base64", "binascii.unhexlify",
    "binascii.a2b_hex", "builtins.bytes.fromhex", "builtins.bytearray.fromhex",
    "zlib.decompress", "bz2.decompress", "lzma.decompress", "gzip.decompress",
    "codecs.decode", "codecs.getdecoder", "quopri.decodestring", "binascii.a2b_uu",
    "zlib.decompressobj", "binascii.rlecode_hqx",
)  # fmt: skip
_DECODER_METHODS = frozenset(
    {
        "b64decode", "fromhex", "decompress", "unhexlify", "a2b_base64", "b85decode",
        "a85decode", "b32decode", "b16decode", "urlsafe_b64decode", "decrypt",
    }
)  # fmt: skip
_RUNNERS = (
    "builtins.eval", "builtins.exec", "builtins.compile", "builtins.__import__",
    "importlib.import_module", "marshal.loads", "pickle.loads", "os.system",
    "subprocess.run", "subprocess.Popen", "types.FunctionType",
)  # fmt: skip
_LONG = 64
_BLOB = 1_024
_LOOKED_AT = 400
_LETTERS = 4
_ENCODED = re.compile(r"[A-Za-z0-9+/=_\-\s]+")
# Each begins with one backslash in one place, for which the search is quick.
_PLAIN_ESCAPES = re.compile(
    rb"\\(?:x(?:[2-6][0-9a-fA-F]|7[0-9a-eA-E])"
    rb"(?:\\x(?:[2-6][0-9a-fA-F]|7[0-9a-eA-E])){5,}"
    rb"|u00(?:[2-6][0-9a-fA-F]|7[0-9a-eA-E])"
    rb"(?:\\u00(?:[2-6][0-9a-fA-F]|7[0-9a-eA-E])){3,}"
    rb"|(?:0?[4-7][0-7]|1[0-7][0-7])(?:\\(?:0?[4-7][0-7]|1[0-7][0-7])){5,})"
)

# U+202A to U+202E, U+2066 to U+2069, and spaces without width, in UTF-8.
_TURNING = re.compile(rb"\xe2(?:\x80[\xaa-\xae\x8b\x8c\x8d]|\x81[\xa0\xa6-\xa9])")


def _decoder(site: Site, node: ast.Call, name: str) -> None:
    given = argument(node, 0)
    if given is None:
        return
    value = site.value(given)
    text = value.value if isinstance(value, ast.Constant) else None
    if isinstance(text, str | bytes) and len(text) >= _LONG:
        said = f"{name.rpartition('.')[2]} of {len(text):,} characters"
        site.report(DECODED, node, said)


def _runs(site: Site, node: ast.Call, name: str) -> None:
    """``exec(b64decode(...))``, with the decoded text in a name or not."""
    given = argument(node, 0)
    if given is None:
        return
    stack: list[ast.AST] = [given]
    known: set[str] = set()
    for _ in range(_LOOKED_AT):
        if not stack:
            return
        at = stack.pop()
        if isinstance(at, ast.Name):
            if at.id not in known:
                known.add(at.id)
                value = site.value(at)
                if value is not at:
                    stack.append(value)
            continue
        if isinstance(at, ast.Call) and _decodes(site, at):
            short = name.rpartition(".")[2]
            site.report(CODE, node, f"{short} of something decoded")
            return
        stack.extend(children_of(at))


def _decodes(site: Site, node: ast.Call) -> bool:
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr in _DECODER_METHODS:
        return True
    return not site.dotted(function).isdisjoint(_DECODERS)


def _chr(site: Site, node: ast.Call, _: str) -> None:
    """``"".join(map(chr, [...]))``, ``bytes([...]).decode()``."""
    text = site.text(node)
    if text and len(text) >= _LETTERS and _spelt(node):
        site.report(SPELT, node, f"spells {text[:40]!r}", text)


def _spelt(node: ast.AST) -> bool:
    return any(
        isinstance(at, ast.Name) and at.id in ("chr", "bytes", "bytearray")
        for at in ast.walk(node)
    )


def _escapes(site: Site) -> None:
    for match in _PLAIN_ESCAPES.finditer(site.source):
        start, end = match.span()
        line = site.source.count(b"\n", 0, start) + 1
        column = start - (site.source.rfind(b"\n", 0, start) + 1)
        place = (line, column, line, column + end - start)
        site.report_at(place, ESCAPED, "plain characters as escapes", "")
        if site.full:
            return


def _invisible(site: Site) -> None:
    """The bidirectional controls of "Trojan Source", CVE-2021-42574."""
    for match in _TURNING.finditer(site.source):
        line = site.source.count(b"\n", 0, match.start()) + 1
        column = match.start() - (site.source.rfind(b"\n", 0, match.start()) + 1)
        place = (line, column, line, column + 3)
        site.report_at(place, INVISIBLE, "a character that turns or hides text", "")
        if site.full:
            return


def _blob(site: Site, node: ast.Constant, text: str) -> None:
    if _ENCODED.fullmatch(text[:_BLOB]) and len(set(text[:_BLOB])) > 12:
        words = text[:_BLOB].split()
        if max(map(len, words), default=0) >= _LONG:
            site.report(BLOB, node, f"{len(text):,} characters of encoded data")


FAMILY = Family(
    rules=(DECODED, CODE, SPELT, ESCAPED, INVISIBLE, BLOB),
    calls={**dict.fromkeys(_DECODERS, _decoder), **dict.fromkeys(_RUNNERS, _runs)},
    methods={"join": _chr, "decode": _chr},
    texts=(TextLook(_blob, least=_BLOB),),
    whole=((b"\\", _escapes), (b"\xe2\x80", _invisible), (b"\xe2\x81", _invisible)),
)
