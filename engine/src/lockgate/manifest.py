"""What a plugin says of itself: ``lockgate.toml``, read without any import.

`Manifest` is what the rest of the engine works with: frozen, plain, and already
checked. `read_manifest` makes one from a file; only then are pydantic and
tomllib imported (`lockgate._manifest.read`). A manifest that was checked before
travels as plain data (`Manifest.to_data`, `Manifest.from_data`) through the
discovery index, so that listing two hundred plugins validates none of them.

The form is described key by key in ``docs/reference/manifest.md``.
"""

from __future__ import annotations

from lockgate._manifest.value import (
    MANIFEST_LIMIT_BYTES,
    RESERVED_NOUNS,
    Adapter,
    ArgumentType,
    Command,
    CommandArgument,
    Demo,
    DocumentFormat,
    HookImpl,
    Manifest,
    ProgramRight,
    Rights,
    TierName,
    ToolRight,
    VerbOffer,
)

__all__ = [
    "MANIFEST_LIMIT_BYTES",
    "RESERVED_NOUNS",
    "Adapter",
    "ArgumentType",
    "Command",
    "CommandArgument",
    "Demo",
    "DocumentFormat",
    "HookImpl",
    "Manifest",
    "ProgramRight",
    "Rights",
    "TierName",
    "ToolRight",
    "VerbOffer",
    "parse_manifest",
    "read_manifest",
]


def read_manifest(path: str, *, distribution: str) -> Manifest:
    """Read and check the manifest at `path`; `distribution` is for errors.

    Raises:
        ManifestError: If the file cannot be read, is too large or wrong.
    """
    from lockgate._text.files import UnreadableError, read_bounded
    from lockgate.errors import ManifestError

    try:
        raw = read_bounded(path, MANIFEST_LIMIT_BYTES)
    except UnreadableError as error:
        raise ManifestError(
            f"the manifest {error}", distribution=distribution, file=path
        ) from error
    return parse_manifest(raw, file=path, distribution=distribution)


def parse_manifest(raw: bytes, *, file: str, distribution: str) -> Manifest:
    """Check the manifest in `raw`; `file` and `distribution` are for errors.

    Raises:
        ManifestError: If it is not UTF-8, not TOML, or not a manifest.
    """
    from lockgate._pydantic_alone import pydantic_alone

    with pydantic_alone():
        from lockgate._manifest.read import parse

    return parse(raw, file=file, distribution=distribution)
