"""A SQL server with TLS and a password, as its clients meet it."""

from __future__ import annotations

import ssl
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import thrift_sasl
from beeline import beeline
from certificates import write_certificate
from commands import drop_all_tables, run_command
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509 import load_pem_x509_certificate
from pyhive import hive
from thrift.transport.TSSLSocket import TSSLSocket
from thrift.transport.TTransport import TTransportException

from cli.runs.server_record import ServerRecord, running_server
from cli.servers.sql_server.control import stop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

PASSWORD = "a-password-of-many-letters"  # noqa: S105 - of this test


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(empty_warehouse: SparkSession, home: Home, certificate: tuple[Path, Path]) -> Iterator[ServerRecord]:
    drop_all_tables(empty_warehouse)
    file, key = map(str, certificate)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPARKHOUSE_SQL_PASSWORD", PASSWORD)
        assert run_command("sql-server", "start", "--port", "0", "--tls-cert", file, "--tls-key", key) == 0
    running = running_server(home.path)
    assert running
    yield running
    stop(home)


def connected(server: ServerRecord, certificate: Path, password: str) -> hive.Connection:
    """A connection of PyHive over TLS; it leaves the transport to its callers."""
    socket = TSSLSocket(server.host, server.port, cert_reqs=ssl.CERT_REQUIRED, ca_certs=str(certificate))

    def sasl() -> Any:  # noqa: ANN401 - of PyHive
        return hive.get_installed_sasl(server.host, "PLAIN", username="anybody", password=password)

    return hive.connect(thrift_transport=thrift_sasl.TSaslClientTransport(sasl, "PLAIN", socket))


def test_who_knows_the_password_reads(server: ServerRecord, certificate: tuple[Path, Path]) -> None:
    with closing(connected(server, certificate[0], PASSWORD)) as client, closing(client.cursor()) as cursor:
        cursor.execute("select 1")
        assert cursor.fetchall() == [(1,)]


def test_who_does_not_is_not_let_in(server: ServerRecord, certificate: tuple[Path, Path]) -> None:
    for password in ("another", "", PASSWORD[:-1]):
        with pytest.raises(TTransportException):
            connected(server, certificate[0], password)


def test_without_tls_nobody_is_let_in(server: ServerRecord) -> None:
    with pytest.raises((TTransportException, OSError)):
        hive.connect(server.host, server.port, auth="CUSTOM", username="anybody", password=PASSWORD)


def test_hives_jdbc_driver_reads_over_tls(server: ServerRecord, certificate: tuple[Path, Path], tmp_path: Path) -> None:
    trusted = tmp_path / "trusted.p12"
    own = pkcs12.PKCS12Certificate(load_pem_x509_certificate(certificate[0].read_bytes()), b"sparkhouse")
    trusted.write_bytes(pkcs12.serialize_java_truststore([own], BestAvailableEncryption(b"changeit")))
    url = (
        f"jdbc:hive2://{server.host}:{server.port}/;ssl=true;sslTrustStore={trusted};trustStoreType=PKCS12;"
        "trustStorePassword=changeit"
    )
    done = beeline("-u", url, "-n", "anybody", "-p", PASSWORD, "-e", "select 40 + 2 as answer")
    assert done.stdout.split()[-2:] == ["answer", "42"], done.stderr


def test_nothing_of_the_password_or_the_key_is_told(
    server: ServerRecord, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert server.has_tls
    assert run_command("sql-server", "status") == 0
    told = (
        capsys.readouterr().out
        + (home.path / "sql-server.log").read_text()
        + (home.path / "sql-server.json").read_text()
    )
    assert PASSWORD not in told
    assert not list(home.tmp.glob("keystore*"))
