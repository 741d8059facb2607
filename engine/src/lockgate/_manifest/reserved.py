"""The words that lockgate's own command line begins with, now or soon."""

from __future__ import annotations

__all__ = ["RESERVED_NOUNS"]

RESERVED_NOUNS = frozenset(
    {
        "audit", "bench", "bisect", "bundle", "call", "check", "completion", "config",
        "console", "data", "demo", "dev", "disable", "docs", "doctor", "enable",
        "export", "find", "fleet", "gc", "grants", "help", "history", "hooks", "import",
        "index", "info", "install", "keys", "list", "lock", "login", "logs", "mirror",
        "new", "outdated", "pin", "plugins", "ps", "publish", "quarantine", "reload",
        "rollback", "run", "sandbox", "sbom", "scan", "search", "serve", "show", "sign",
        "store", "sync", "test", "top", "trace", "trust", "uninstall", "unlock",
        "unpin", "upgrade", "verify", "version", "why", "x",
    }
)  # fmt: skip
"""Words that a contributed command cannot begin with: lockgate's own, and soon.

A verb of the trusted base (`lockgate.manifest.VerbOffer`) is one of them, so that no
plugin's noun ever stands in its way.
"""
