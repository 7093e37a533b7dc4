"""Certificates that prove nothing are refused, with a word and a reason (GUARANTEES A21)."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crawler.items import CrawlSettings, Discover, Source
from tests.faults.crawling import Crawled, crawl, rss
from tests.servers import HostileServer

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


class Authority:
    """Signs certificates; knows nobody who trusts it but those who are told to."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._signed(self.name, self.key.public_key(), NOW - DAY, NOW + DAY, None, ca=True)
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _signed(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePublicKey,
        begins: datetime,
        ends: datetime,
        host: str | None,
        *,
        ca: bool,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if host:
            alternative: x509.GeneralName = x509.DNSName(host)
            if host[0].isdigit():
                alternative = x509.IPAddress(ipaddress.ip_address(host))
            builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def context(self, host: str, begins: datetime = NOW - DAY, ends: datetime = NOW + DAY) -> ssl.SSLContext:
        """Return a server's context with a certificate for this host."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = self._signed(name, key.public_key(), begins, ends, host, ca=False)
        path = self.folder / f"{host}-{begins:%j}-{ends:%j}-{id(self)}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def self_signed(host: str, folder: Path) -> ssl.SSLContext:
    class Itself(Authority):
        def __init__(self) -> None:
            self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
            self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])

    return Itself().context(host)


def old_protocol(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@pytest.fixture(scope="module")
def outlets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, HostileServer], Crawled]]:
    folder = tmp_path_factory.mktemp("tls")
    trusted, stranger = Authority("dipercaya", folder), Authority("asing", folder)
    contexts = {
        "good": trusted.context("good.test"),
        "expired": trusted.context("expired.test", NOW - 9 * DAY, NOW - DAY),
        "future": trusted.context("future.test", NOW + DAY, NOW + 9 * DAY),
        "wrong-host": trusted.context("lain.test"),
        "self-signed": self_signed("self-signed.test", folder),
        "stranger": stranger.context("stranger.test"),
        "old-protocol": old_protocol(trusted.context("old-protocol.test")),
    }
    with ExitStack() as stack:
        servers = {name: stack.enter_context(Secure(context)) for name, context in contexts.items()}
        sources = []
        for name, server in servers.items():
            home = f"https://{name}.test:{server.port}"
            server.at("/listing", rss())
            sources.append(Source(name, name, home, (Discover("feed", f"{home}/listing"),)))
        ports = tuple(f"{name}.test:{server.port}" for name, server in servers.items())
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(trusted.path))
            yield servers, crawl(CrawlSettings(delay_s=0.0, ports=ports), sources)


class Secure(HostileServer):
    """The server behind TLS."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__()
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    def __enter__(self) -> Secure:
        threading.excepthook, self._hook = lambda _: None, threading.excepthook
        super().__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        threading.excepthook = self._hook


def test_a_certificate_that_proves_the_name_is_accepted(outlets: tuple[dict[str, HostileServer], Crawled]) -> None:
    servers, found = outlets
    assert found.reports["good"].outcome == "empty", found.reports["good"].errors
    assert servers["good"].asked("/listing")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("expired", "expired"),
        ("future", "not valid yet"),
        ("wrong-host", "another name"),
        ("self-signed", "self-signed"),
        ("stranger", "authority unknown"),
        ("old-protocol", ""),
    ],
)
def test_any_other_is_refused_before_anything_is_asked(
    outlets: tuple[dict[str, HostileServer], Crawled], name: str, reason: str
) -> None:
    servers, found = outlets
    assert servers[name].seen == []
    assert found.kinds(name) == ["tls"], found.reports[name].errors
    assert reason in found.reports[name].errors[0].message
