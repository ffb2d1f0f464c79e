"""Which certificates are trusted: the system's, or those of certifi where the system has none."""

import ssl
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """The context of every connection to a venue: TLS 1.2 or later, names and chains verified.

    Made once, since reading the system's certificates takes some 20 ms.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not _system_has_any():
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _system_has_any() -> bool:
    paths = ssl.get_default_verify_paths()
    # Both are None where there is no such file or folder, whatever their declared type.
    if paths.cafile and Path(paths.cafile).is_file():
        return True
    return bool(paths.capath) and any(Path(paths.capath).iterdir())
