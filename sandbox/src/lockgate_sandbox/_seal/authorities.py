"""Whose certificates this machine believes: what TLS inside a worker has to read.

A worker that may reach hosts by bytes speaks TLS itself. Its OpenSSL looks where the
interpreter's was built to look; what lies there is public.
"""

from __future__ import annotations

import functools
import os

__all__ = ["authorities", "leading_to"]


@functools.cache
def authorities() -> tuple[str, ...]:
    """Files and folders, without links; none where Python has no `ssl`."""
    try:
        import ssl
    except ImportError:
        return ()
    # Not `cafile` and `capath`: those follow variables that no worker sees.
    places = ssl.get_default_verify_paths()
    return leading_to(places.openssl_cafile, places.openssl_capath)


def leading_to(file: str, folder: str) -> tuple[str, ...]:
    """`file`, which has them all; without it `folder`, and where its links lead.

    Where there is no file, OpenSSL takes them one by one from the folder, by links
    that are named by a hash.
    """
    if os.path.isfile(file):  # noqa: PTH113 - the strings that Landlock is told
        return (os.path.realpath(file),)
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return ()
    real = os.path.realpath(folder)
    led = (os.path.realpath(os.path.join(real, name)) for name in names)  # noqa: PTH118
    return tuple(dict.fromkeys((real, *filter(os.path.isfile, led))))
