"""A server that others can reach asks who they are, and is not listened to on the way."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest
from certificates import write_certificate

from cli.servers.reach import UnsafeServer
from cli.servers.sql_server.keystore import NoCertificate, keystore
from cli.servers.sql_server.serving import PASSWORD, Serving, password_of

if TYPE_CHECKING:
    from pathlib import Path

LONG = "sixteen letters."


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "host.example"])  # noqa: S104 - to be refused
def test_others_need_tls_and_a_password(host: str) -> None:
    halves: tuple[dict[str, Any], ...] = ({}, {"certificate": "a", "key": "b"}, {"has_password": True})
    for given in halves:
        with pytest.raises(UnsafeServer, match=f"Others can reach {host}"):
            Serving(host, 1, **given)
    assert Serving(host, 1, certificate="a", key="b", has_password=True)


def test_a_certificate_has_a_key() -> None:
    with pytest.raises(UnsafeServer, match="go together"):
        Serving(certificate="a")


def test_a_password_comes_from_the_environment_or_from_a_file_of_ones_own(tmp_path: Path) -> None:
    assert password_of(None, {}) is None
    assert password_of(None, {PASSWORD: LONG}) == LONG
    with pytest.raises(UnsafeServer, match="16 at least"):
        password_of(None, {PASSWORD: LONG[1:]})
    file = tmp_path / "password"
    file.write_text(f"{LONG}\n")
    file.chmod(0o640)
    with pytest.raises(UnsafeServer, match="chmod 600"):
        password_of(file, {})
    file.chmod(0o600)
    assert password_of(file, {PASSWORD: "another of many letters"}) == LONG


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return write_certificate(tmp_path)


def test_a_keystore_is_its_owners_alone_and_gone_afterwards(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    with keystore(tmp_path, *certificate) as made:
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert not made.path.exists()


def test_what_is_no_certificate_or_not_of_the_key_is_told(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    file, key = certificate
    for pair in ((file, tmp_path / "none"), (key, file), (file, write_certificate(tmp_path / "other")[1])):
        with pytest.raises(NoCertificate), keystore(tmp_path, *pair):
            pass
