"""Trust the certificates that the system trusts: a company's own authority is there, and nowhere else."""

import logging
import os
import ssl
import sys
from functools import lru_cache
from pathlib import Path

import certifi

log = logging.getLogger(__name__)

SYSTEMS_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Debian, Fedora, older ones of it, SUSE, Alpine and Arch. A bundle's OpenSSL knows only the place of the
system on which it was compiled. https://go.dev/src/crypto/x509/root_linux.go"""


def trusted_context() -> ssl.SSLContext:
    """Give what a client of the web trusts: the system's certificates and Mozilla's, for a system that has
    none or old ones; or only those that SSL_CERT_FILE or SSL_CERT_DIR name. The same for all clients, on any
    thread: made at its first use, which takes about 40 ms."""
    return _context(
        os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"), sys.platform, SYSTEMS_FILES
    )


@lru_cache(maxsize=1)
def _context(
    file: str | None, folder: str | None, platform: str, systems_files: tuple[str, ...]
) -> ssl.SSLContext:
    if file or folder:
        return ssl.create_default_context(cafile=file or None, capath=None if file else folder)
    if platform in ("win32", "darwin"):
        import truststore

        # Asks the system about each chain; it also knows certificates that it has not fetched yet.
        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        # Not truststore: there it reads the file anew for each connection.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _load_systems(context, systems_files)
    context.load_verify_locations(certifi.where())
    return context


def _load_systems(context: ssl.SSLContext, systems_files: tuple[str, ...]) -> None:
    for file in systems_files:
        if Path(file).is_file():
            try:
                context.load_verify_locations(file)
            except (OSError, ssl.SSLError) as error:
                log.warning("the system's certificates in %s cannot be read: %s", file, error)
            else:
                return
    context.set_default_verify_paths()
