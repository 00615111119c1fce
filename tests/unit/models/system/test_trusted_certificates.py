"""Tell whom a client believes; certificates and what stands for the system's store are the test's own."""

import ssl
from pathlib import Path

import pytest

from models.system import trusted_certificates
from models.system.trusted_certificates import trusted_context
from tests.support.certificates import Certificate, make_certificate


@pytest.fixture
def company(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path, "a company")


@pytest.fixture(autouse=True)
def store(tmp_path: Path, company: Certificate, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system whose store is one file, in which the company's certificate is."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "system.crt"
    file.write_bytes(company.path.read_bytes())
    places = (str(tmp_path / "not here"), str(file))
    monkeypatch.setattr(trusted_certificates, "SYSTEMS_FILES", places)
    monkeypatch.setattr("sys.platform", "linux")
    return file


def shakes_hands(server: Certificate) -> bool:
    """Tell whether the context believes a server with this certificate for 127.0.0.1."""
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(server.path, server.key)
    back, forth = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusted_context().wrap_bio(back, forth, server_hostname="127.0.0.1")
    answer = theirs.wrap_bio(forth, back, server_side=True)
    for _ in range(4):
        for side in (client, answer):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError:
                return False
    return client.version() is not None


def test_what_a_company_vouches_for_is_believed(tmp_path: Path, company: Certificate) -> None:
    assert shakes_hands(make_certificate(tmp_path, "inside", "127.0.0.1", issuer=company))


def test_what_nobody_vouches_for_is_not(tmp_path: Path, company: Certificate) -> None:
    assert not shakes_hands(make_certificate(tmp_path, "stranger", "127.0.0.1"))
    assert not shakes_hands(make_certificate(tmp_path, "elsewhere", "192.0.2.1", issuer=company))


def test_a_store_that_cannot_be_read_leaves_mozillas(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    store.write_text("no certificates")
    assert trusted_context().cert_store_stats()["x509_ca"] > 50
    assert "cannot be read" in caplog.text


def test_a_file_that_the_user_names_takes_the_place_of_all(
    tmp_path: Path, company: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = make_certificate(tmp_path, "own")
    monkeypatch.setenv("SSL_CERT_FILE", str(own.path))
    assert not shakes_hands(make_certificate(tmp_path, "inside", "127.0.0.1", issuer=company))
    assert shakes_hands(make_certificate(tmp_path, "mine", "127.0.0.1", issuer=own))
