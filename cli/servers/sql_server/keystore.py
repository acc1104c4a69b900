"""A certificate and its key as Java reads them, for as long as it takes Java to read them."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class NoCertificate(SparkhouseError, ValueError):
    """A certificate or its key cannot be read, or they are not of one another."""


@dataclass(frozen=True)
class Keystore:
    """A file of PKCS #12, and the password that opens it."""

    path: Path
    password: str


@contextmanager
def keystore(folder: Path, certificate: Path, key: Path) -> Iterator[Keystore]:
    """Write a PEM certificate, with those that vouch for it, and its PEM key to a keystore for a block.

    Raises NoCertificate.
    """
    made = Keystore(folder / f"keystore-{secrets.token_hex(4)}.p12", secrets.token_hex())
    content = _packed(certificate, key, made.password)
    try:
        with os.fdopen(os.open(made.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        yield made
    finally:
        made.path.unlink(missing_ok=True)


def _packed(certificate: Path, key: Path, password: str) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PublicFormat,
        load_pem_private_key,
        pkcs12,
    )
    from cryptography.x509 import load_pem_x509_certificates

    try:
        own, *issuers = load_pem_x509_certificates(certificate.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise NoCertificate(f"{certificate} and {key} are not a certificate and its key in PEM: {error}") from error
    shape = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*shape) != own.public_key().public_bytes(*shape):
        raise NoCertificate(
            f"{key} is not the key of {certificate}, whose first certificate has to be the server's own"
        )
    encryption = BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(b"sparkhouse", private, own, issuers, encryption)  # type: ignore[arg-type]
