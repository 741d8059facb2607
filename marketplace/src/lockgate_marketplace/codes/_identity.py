"""Codes of the step `identity`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["IDENTITY"]

IDENTITY: dict[str, Code] = {
    "identity-changed": Code(
        "identity",
        "The file is proven to be somebody else's than the one before.",
        "Ask the author by another way than the index. If it is right: "
        "lockgate trust rotate NAME, and install again.",
    ),
    "identity-invalid": Code(
        "identity",
        "A proof of who made the file does not hold: it is for another file, altered, "
        "or not by whom it names.",
        "Do not install it by other means. Tell the owner of the index.",
    ),
    "identity-lost": Code(
        "identity",
        "Earlier versions proved who made them, this one does not.",
        "Stay with the version you have and ask the author. If it is right: "
        "lockgate trust forget NAME, and install again.",
    ),
    "identity-malformed": Code(
        "identity",
        "A proof of who made the file is not in the form it must have.",
        "Tell the owner of the index.",
    ),
    "identity-pins-unsound": Code(
        "identity",
        "What is remembered of publishers cannot be believed or read.",
        "Look at the file, then restore it from a backup or remove it.",
    ),
    "identity-unproven": Code(
        "identity",
        "This index demands a proof of who made a file, and there is none.",
        "Ask the author to publish with an attestation or a key.",
    ),
    "identity-unsupported": Code(
        "identity",
        "The file has attestations, and what verifies them is not installed.",
        "pip install 'pypi-attestations>=0.0.30' 'sigstore>=4.5'",
    ),
}
