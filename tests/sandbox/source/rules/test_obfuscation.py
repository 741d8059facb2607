"""Text that is hidden from a reader."""

from __future__ import annotations

import base64
import codecs
import zlib

import pytest

from lockgate_sandbox.source import scan_source
from tests.support.source import only, rules_in

CODE = b"import os; os.system('id')" * 4
TEXT = base64.b64encode(CODE).decode()
TURNED = codecs.encode("import os", "rot13")
PRESSED = base64.b64encode(zlib.compress(CODE)).decode()


@pytest.mark.parametrize(
    "source",
    [
        f"import base64\nexec(base64.b64decode({TEXT!r}))",
        f"from base64 import b64decode as d\nexec(d({TEXT!r}))",
        f"import base64, zlib\nexec(zlib.decompress(base64.b64decode({PRESSED!r})))",
        f"import base64\ncode = base64.b64decode({TEXT!r})\nexec(code)",
        f"import base64\nx = base64.b64decode({TEXT!r})\nexec(compile(x, '', 'exec'))",
        f"exec(bytes.fromhex({CODE.hex()!r}))",
        f"import codecs\neval(codecs.decode({TURNED!r}, 'rot13'))",
        f"import marshal, base64\nmarshal.loads(base64.b64decode({TEXT!r}))",
        f"import base64\n__import__(base64.b64decode({TEXT!r}).decode())",
        "e = exec\nimport lzma\ne(lzma.decompress(data))",
        f"import base64, os\nos.system(base64.b64decode({TEXT!r}))",
        "import base64\ndef f(a):\n    a = g(base64.b64decode(b), a)\n    exec(a)",
    ],
)
def test_running_what_was_decoded_is_an_error(source: str) -> None:
    levels = {f.level for f in scan_source(source) if f.rule == "decoded-code"}

    assert levels == {"error"}


@pytest.mark.parametrize(
    "source",
    [
        f"import base64\nPICTURE = base64.b64decode({TEXT!r})",
        f"import zlib\nzlib.decompress({zlib.compress(bytes(range(128)))!r})",
        f"T = {TEXT!r}\nimport base64\nbase64.b64decode(T)",
        f"bytes.fromhex({CODE.hex()!r})",
    ],
)
def test_decoding_a_long_literal_is_a_warning(source: str) -> None:
    found = rules_in(source)

    assert "decoded-literal" in found
    assert "decoded-code" not in found


@pytest.mark.parametrize(
    "source",
    [
        "import base64\nbase64.b64decode(given)",
        "import base64\nbase64.b64decode('YQ==')",
        "exec('print(1)')",
        "data.decode('utf-8')",
        "', '.join(names)",
        "'\\x00\\x01\\xff'",
        "r'\\x41\\x42\\x43\\x44\\x45\\x46'[0]",
    ],
)
def test_honest_decoding_is_not(source: str) -> None:
    if source.startswith("r'"):
        # Knowingly found: a raw text is not told from an escaped one.
        assert "escaped-text" in rules_in(source)
        return
    assert not rules_in(source) & {
        "decoded-literal", "decoded-code", "spelt-text", "escaped-text"
    }  # fmt: skip


@pytest.mark.parametrize(
    "source",
    [
        "''.join(map(chr, [115, 121, 115, 116, 101, 109]))",
        "''.join(chr(n) for n in [115, 121, 115, 116, 101, 109])",
        "''.join([chr(115), chr(121), chr(115), chr(116)])",
        "bytes([115, 121, 115, 116, 101, 109]).decode()",
    ],
)
def test_text_that_is_spelt_by_numbers_is_found(source: str) -> None:
    assert "spelt-text" in rules_in(source)


def test_plain_characters_as_escapes_are_found() -> None:
    hidden = "".join(f"\\x{ord(c):02x}" for c in "os.system")
    wide = "".join(f"\\u{ord(c):04x}" for c in "os.system")
    octal = "".join(f"\\{ord(c):03o}" for c in "ossystem")

    for text in (hidden, wide, octal):
        assert only(f"a = 1\nx = '{text}'", "escaped-text").line == 2
    assert rules_in("x = '\\xe4\\xf6\\xfc\\xdf\\xe4\\xf6\\xfc\\xdf'") == set()


def test_text_that_turns_around_is_found() -> None:
    source = "access = 'user\u202e \u2066# admin'\nb = '\u200b'"

    assert rules_in(source) == {"invisible-text"}
    assert rules_in("quote = '\u2018plain\u2019 \u2026'") == set()


def test_a_long_encoded_literal_is_a_note() -> None:
    blob = base64.b64encode(bytes(range(256)) * 8).decode()

    assert only(f"X = {blob!r}", "opaque-literal").level == "note"
    assert rules_in(f"X = {'lorem ipsum dolor ' * 100!r}") == set()
    assert rules_in(f"X = {'-' * 2000!r}") == set()
