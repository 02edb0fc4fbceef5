"""TLS: whom the module trusts, and what it says when it does not."""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
import ssl
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, cast

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from voice import Voice

from aiconvai.audio import rms_dbfs
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, Wire, parse_scenario
from aiconvai.rig.asterisk import Asterisk, Message
from aiconvai.rig.caller import Caller

CA_FILE = "etc/ca.pem"
DAY = datetime.timedelta(days=1)
GREETING = parse_scenario("steps: [{tone: {seconds: 0.3}}]")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A private certificate authority."""
    return trustme.CA(organization_name="private")


@dataclass(frozen=True)
class Restricted:
    """A certificate served with one version of TLS only."""

    certificate: trustme.LeafCert
    version: ssl.TLSVersion

    def configure_cert(self, context: ssl.SSLContext) -> None:
        """What the mock calls to be given the certificate."""
        self.certificate.configure_cert(context)
        context.minimum_version = context.maximum_version = self.version


@dataclass(frozen=True)
class Asking:
    """A certificate served to those only who have one of that authority's themselves."""

    certificate: trustme.LeafCert
    authority: trustme.CA

    def configure_cert(self, context: ssl.SSLContext) -> None:
        """What the mock calls to be given the certificate."""
        self.certificate.configure_cert(context)
        self.authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED


class SelfSigned:
    """A certificate for 127.0.0.1 that nobody else signed."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.datetime.now(datetime.UTC)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        number = x509.random_serial_number()
        builder = x509.CertificateBuilder(name, name, key.public_key(), number, now - DAY, now + DAY)
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        certificate = builder.sign(key, hashes.SHA256())
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)
        self._key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def configure_cert(self, context: ssl.SSLContext) -> None:
        """What the mock calls to be given the certificate."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(self._key + self.pem)
            file.flush()
            context.load_cert_chain(file.name)


class Service:
    """A voice whose service speaks TLS, as each test wants it."""

    def __init__(self, asterisk: Asterisk, caller: Caller, stack: ExitStack) -> None:
        self._asterisk = asterisk
        self._caller = caller
        self._stack = stack

    def trust(self, pem: bytes) -> str:
        """Write the file of trusted authorities; returns its path as Asterisk sees it."""
        fresh = self._asterisk.directory / f"{CA_FILE}.new"
        fresh.write_bytes(pem)
        fresh.replace(self._asterisk.directory / CA_FILE)
        return f"/aiconvai/{CA_FILE}"

    def keep(self, name: str, pem: bytes) -> str:
        """Write another file, whose path as Asterisk sees it is returned; it is gone after the test."""
        path = self._asterisk.directory / "etc" / name
        path.write_bytes(pem)
        self._stack.callback(path.unlink, missing_ok=True)
        return f"/aiconvai/etc/{name}"

    def trust_unnoticed(self, pem: bytes) -> None:
        """The same, with a file of the same length that says it was last changed when the one before it was."""
        path = self._asterisk.directory / CA_FILE
        before = path.stat()
        self.trust(pem.ljust(before.st_size, b"\n"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size

    def start(self, certificate: Any, *, private: bool = True, host: str = "127.0.0.1", **options: Any) -> Voice:
        """A service with that certificate and an agent that greets, called by the extension 100."""
        settings = MockOptions(tls=cast(trustme.LeafCert, certificate), public_host=host)
        mock = self._stack.enter_context(ElevenLabsMockThread(settings))
        voice = Voice(self._asterisk, self._caller, mock)
        voice.agent("sales", ElevenLabsAgent(private=private, scenario=GREETING), retry_backoff_ms=10, **options)
        voice.dialplan(
            "exten => 100,1,AIConvAI(sales)\n same => n,Verbose(1,ended ${AICONVAI_STATUS}: ${AICONVAI_REASON})"
        )
        voice.apply()
        return voice


@pytest.fixture
def service(asterisk: Asterisk, caller: Caller) -> Iterator[Service]:
    """A Service whose mocks are stopped at the end."""
    with ExitStack() as stack:
        yield Service(asterisk, caller, stack)
        for call in caller.calls():
            call.hangup()
    (asterisk.directory / CA_FILE).unlink(missing_ok=True)


def _greets(voice: Voice) -> None:
    """Asserts that a call is greeted by the agent. It is over then, for managers too."""
    position = voice.asterisk.ami.position()
    call = voice.call("100")
    conversation = voice.conversation()
    call.wait_for_sound()
    assert rms_dbfs(call.heard_samples()) > -40
    call.hangup()
    conversation.wait_closed()
    assert conversation.record.close_code == 1000
    voice.asterisk.ami.wait_for("AIConvAIEnd", since=position)


def _refuses(voice: Voice) -> Message:
    """The AIConvAIEnd event of a call that was not connected; the service must not have seen a request of it."""
    requests = len(voice.mock.requests)
    position = voice.asterisk.ami.position()
    voice.caller.call("100").wait_ended()
    event = voice.asterisk.ami.wait_for("AIConvAIEnd", since=position)
    assert event["Status"] == "UNAVAILABLE"
    assert len(voice.mock.requests) == requests
    return event


def _issue(authority: trustme.CA, *names: str, **validity: Any) -> trustme.LeafCert:
    return authority.issue_cert(*(names or ("127.0.0.1", "localhost")), **validity)


# Trusted --------------------------------------------------------------------------------------------------


def test_private_authority_is_trusted_for_the_signed_url_and_the_conversation(
    service: Service, authority: trustme.CA
) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    voice = service.start(_issue(authority), tls_ca_file=ca_file)
    _greets(voice)
    assert [one.status for one in voice.mock.requests] == [200, 101]
    assert voice.mock.requests[1].headers["host"] == f"127.0.0.1:{voice.mock.port}"


def test_public_agent_is_reached_with_tls(service: Service, authority: trustme.CA) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    _greets(service.start(_issue(authority), private=False, tls_ca_file=ca_file))


def test_certificate_is_for_the_name(service: Service, authority: trustme.CA) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    _greets(service.start(_issue(authority, "localhost"), host="localhost", tls_ca_file=ca_file))


def test_intermediate_authority_is_trusted(service: Service, authority: trustme.CA) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    _greets(service.start(_issue(authority.create_child_ca()), tls_ca_file=ca_file))


def test_file_may_hold_several_authorities(service: Service, authority: trustme.CA) -> None:
    other = trustme.CA()
    ca_file = service.trust(other.cert_pem.bytes() + b"\n" + authority.cert_pem.bytes())
    _greets(service.start(_issue(authority), tls_ca_file=ca_file))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_version_is_spoken(service: Service, authority: trustme.CA, version: ssl.TLSVersion) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    _greets(service.start(Restricted(_issue(authority), version), tls_ca_file=ca_file))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_messages_that_come_together_are_all_read(
    service: Service, authority: trustme.CA, version: ssl.TLSVersion
) -> None:
    """What TLS has read together with the message before is in no socket any more, and nothing else comes."""
    ca_file = service.trust(authority.cert_pem.bytes())
    voice = service.start(Restricted(_issue(authority), version), tls_ca_file=ca_file)
    call = voice.call("100")
    conversation = voice.conversation()
    call.wait_for_sound()
    conversation.shape(Wire(ping_between_frames=True))
    for burst in range(5):
        for number in range(40):
            text = f"{burst}.{number}"
            event = {"user_transcript": text, "event_id": 40 * burst + number + 1}
            conversation.send({"type": "user_transcript", "user_transcription_event": event})
        voice.event("AIConvAITranscript", Text=f"{burst}.39")
    heard = [event["Text"] for event in voice.events("AIConvAITranscript") if event["Role"] == "caller"]
    assert heard == [f"{burst}.{number}" for burst in range(5) for number in range(40)]
    call.hangup()
    conversation.wait_closed()


def test_replaced_authority_is_used_for_the_next_call(service: Service, authority: trustme.CA) -> None:
    other = trustme.CA(organization_name="other")
    ca_file = service.trust(other.cert_pem.bytes())
    voice = service.start(_issue(authority), tls_ca_file=ca_file)
    assert "certificate" in _refuses(voice)["Reason"]
    service.trust(authority.cert_pem.bytes())
    _greets(voice)
    service.trust(other.cert_pem.bytes())
    assert "certificate" in _refuses(voice)["Reason"]


def test_a_trial_tells_of_the_certificate(service: Service, authority: trustme.CA) -> None:
    other = trustme.CA(organization_name="other")
    ca_file = service.trust(authority.cert_pem.bytes())
    voice = service.start(_issue(authority), tls_ca_file=ca_file)
    text = voice.asterisk.cli("aiconvai test agent sales", timeout=40.0)
    assert re.search(r"^ok +certificate +TLSv1\.3: .+, by private.*, for \d+ more days$", text, re.M), text
    service.trust(other.cert_pem.bytes())
    text = voice.asterisk.cli("aiconvai test agent sales", timeout=40.0)
    assert re.search(r"^FAILED +connection +.*TLS: the certificate was refused: ", text, re.M), text
    voice.asterisk.wait_unused()


def test_authority_that_looks_like_the_one_before_is_told_from_it(service: Service, authority: trustme.CA) -> None:
    other = trustme.CA(organization_name="other")
    ca_file = service.trust(other.cert_pem.bytes() + b"\n" * 100)
    voice = service.start(_issue(authority), tls_ca_file=ca_file)
    assert "certificate" in _refuses(voice)["Reason"]
    service.trust_unnoticed(authority.cert_pem.bytes())
    _greets(voice)


def test_agents_trust_each_its_own_authority(service: Service, authority: trustme.CA) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    voice = service.start(_issue(authority), tls_ca_file=ca_file)
    voice.agent("stranger", ElevenLabsAgent(private=True))
    voice.dialplan("exten => 101,1,AIConvAI(stranger)")
    voice.apply()
    _greets(voice)
    position = voice.asterisk.ami.position()
    voice.caller.call("101").wait_ended()
    event = voice.asterisk.ami.wait_for("AIConvAIEnd", since=position)
    assert "certificate was refused" in event["Reason"]
    _greets(voice)


# Refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.fault("service.certificate")
def test_unknown_authority_is_refused_once(service: Service, authority: trustme.CA, private: bool) -> None:
    voice = service.start(_issue(authority), private=private)
    event = _refuses(voice)
    assert event["Reason"] == (
        f"127.0.0.1:{voice.mock.port}: TLS: the certificate was refused: unable to get local issuer certificate"
    )
    assert event["Attempts"] == "1"
    voice.wait_for_log(r"ended UNAVAILABLE: .*unable to get local issuer certificate")


# The words of OpenSSL's versions.
EARLY = ("certificate is not yet valid", "certificate is not yet valid or the system clock is incorrect")
MISMATCHES = ("Hostname mismatch", "hostname mismatch", "IP address mismatch")


def _expired(authority: trustme.CA) -> trustme.LeafCert:
    now = datetime.datetime.now(datetime.UTC)
    return _issue(authority, not_before=now - 2 * DAY, not_after=now - DAY)


def _not_yet_valid(authority: trustme.CA) -> trustme.LeafCert:
    now = datetime.datetime.now(datetime.UTC)
    return _issue(authority, not_before=now + DAY, not_after=now + 2 * DAY)


def _for_another_address(authority: trustme.CA) -> trustme.LeafCert:
    return _issue(authority, "127.0.0.2")


def _for_a_name(authority: trustme.CA) -> trustme.LeafCert:
    return _issue(authority, "voice.example")


@pytest.mark.parametrize(
    ("make", "host", "reasons"),
    [
        (_expired, "127.0.0.1", ("certificate has expired",)),
        (_not_yet_valid, "127.0.0.1", EARLY),
        (_for_another_address, "127.0.0.1", MISMATCHES),
        (_for_a_name, "localhost", MISMATCHES),
    ],
)
@pytest.mark.parametrize("private", [True, False])
@pytest.mark.fault("service.certificate")
def test_wrong_certificate_is_refused_once(
    service: Service, authority: trustme.CA, make: Any, host: str, reasons: tuple[str, ...], private: bool
) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    voice = service.start(make(authority), host=host, private=private, tls_ca_file=ca_file)
    event = _refuses(voice)
    authority_of_url, reason = event["Reason"].split(": TLS: the certificate was refused: ")
    assert authority_of_url == f"{host}:{voice.mock.port}"
    assert reason in reasons
    assert event["Attempts"] == "1"


@pytest.mark.fault("service.certificate")
def test_self_signed_certificate_is_refused_once(service: Service) -> None:
    event = _refuses(service.start(SelfSigned()))
    assert "the certificate was refused: self" in event["Reason"]
    assert "signed certificate" in event["Reason"]
    assert event["Attempts"] == "1"


def test_self_signed_certificate_is_accepted_where_it_is_named(service: Service) -> None:
    certificate = SelfSigned()
    _greets(service.start(certificate, tls_ca_file=service.trust(certificate.pem)))


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        (None, None, "No such file or directory"),
        (None, b"no PEM at all\n", ""),
        (None, b"", ""),
        ("/aiconvai/etc", None, ""),
        (None, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ""),
    ],
    ids=["missing", "garbage", "empty", "a directory", "a broken certificate"],
)
def test_unusable_authority_file_is_named(
    service: Service, authority: trustme.CA, path: str | None, content: bytes | None, reason: str
) -> None:
    ca_file = path or (service.trust(content) if content is not None else f"/aiconvai/{CA_FILE}")
    voice = service.start(_issue(authority), tls_ca_file=ca_file)
    event = _refuses(voice)
    before, explanation = event["Reason"].split(f"cannot read the certificate authorities {ca_file}: ")
    assert before == f"127.0.0.1:{voice.mock.port}: "
    assert reason in explanation
    assert explanation not in ("", "unknown reason")
    assert event["Attempts"] == "1"


def test_file_that_appears_is_used_for_the_next_call(service: Service, authority: trustme.CA) -> None:
    voice = service.start(_issue(authority), tls_ca_file=f"/aiconvai/{CA_FILE}")
    assert "cannot read" in _refuses(voice)["Reason"]
    service.trust(authority.cert_pem.bytes())
    _greets(voice)


# By what we are known -------------------------------------------------------------------------------------


def _pem(certificate: trustme.LeafCert) -> bytes:
    return b"".join(blob.bytes() for blob in certificate.cert_chain_pems)


@pytest.mark.parametrize("private", [True, False], ids=["signed URL", "public"])
@pytest.mark.parametrize("files", ["one", "two"])
def test_service_that_asks_for_a_certificate_is_shown_one(
    service: Service, authority: trustme.CA, files: str, private: bool
) -> None:
    ours = authority.create_child_ca().issue_cert("pbx.example")
    key = ours.private_key_pem.bytes()
    options = {"tls_certificate_file": service.keep("client.pem", _pem(ours) + (key if files == "one" else b""))}
    if files == "two":
        options["tls_key_file"] = service.keep("client-key.pem", key)
    ca_file = service.trust(authority.cert_pem.bytes())
    _greets(service.start(Asking(_issue(authority), authority), private=private, tls_ca_file=ca_file, **options))


def test_service_that_asks_for_a_certificate_refuses_who_has_none(service: Service, authority: trustme.CA) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    certificate = Asking(_issue(authority), authority)
    voice = service.start(certificate, private=False, tls_ca_file=ca_file, max_connection_attempts=1)
    assert f"127.0.0.1:{voice.mock.port}: " in _refuses(voice)["Reason"]


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("no certificate", "cannot read the certificate /aiconvai/etc/client.pem: "),
        ("no file", "cannot read the certificate /aiconvai/etc/none.pem: No such file"),
        ("no key", "cannot use the private key /aiconvai/etc/client.pem: "),
        ("another's key", "cannot use the private key /aiconvai/etc/client-key.pem: "),
        ("a passphrase", "cannot use the private key /aiconvai/etc/client-key.pem: "),
    ],
)
def test_certificate_that_cannot_be_used_is_told(
    service: Service, authority: trustme.CA, what: str, reason: str
) -> None:
    ours, other = authority.issue_cert("pbx.example"), authority.issue_cert("other.example")
    key = serialization.load_pem_private_key(other.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    path = service.keep("client.pem", b"nothing" if what == "no certificate" else _pem(ours))
    options = {"tls_certificate_file": "/aiconvai/etc/none.pem" if what == "no file" else path}
    if what in ("another's key", "a passphrase"):
        unfit = locked if what == "a passphrase" else other.private_key_pem.bytes()
        options["tls_key_file"] = service.keep("client-key.pem", unfit)
    ca_file = service.trust(authority.cert_pem.bytes())
    voice = service.start(Asking(_issue(authority), authority), tls_ca_file=ca_file, **options)
    assert reason in _refuses(voice)["Reason"]


# No TLS where it is wanted, and the other way round -------------------------------------------------------


@pytest.mark.fault("service.tls-old")
def test_server_without_tls_is_not_spoken_to(service: Service) -> None:
    voice = service.start(None, private=False, max_connection_attempts=1)
    endpoint = voice.mock.conversation_endpoint.replace("ws://", "wss://")
    voice.sections["sales"]["conversation_endpoint"] = endpoint
    voice.apply()
    assert "TLS: the handshake failed: " in _refuses(voice)["Reason"]


def test_server_with_tls_is_not_spoken_to_without(service: Service, authority: trustme.CA) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    voice = service.start(_issue(authority), private=False, tls_ca_file=ca_file, max_connection_attempts=1)
    endpoint = voice.mock.conversation_endpoint.replace("wss://", "ws://")
    voice.sections["sales"]["conversation_endpoint"] = endpoint
    voice.apply()
    assert f"127.0.0.1:{voice.mock.port}: " in _refuses(voice)["Reason"]


@pytest.mark.fault("service.tls-old")
def test_version_that_is_too_old_is_refused(service: Service, authority: trustme.CA) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    certificate = OldVersion(_issue(authority))
    voice = service.start(certificate, private=False, tls_ca_file=ca_file, max_connection_attempts=1)
    assert "TLS: the handshake failed: " in _refuses(voice)["Reason"]


@dataclass(frozen=True)
class OldVersion:
    """A certificate served with TLS 1.1, as only old servers do."""

    certificate: trustme.LeafCert

    def configure_cert(self, context: ssl.SSLContext) -> None:
        """What the mock calls to be given the certificate."""
        self.certificate.configure_cert(context)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with warnings.catch_warnings():
            # Old is the point.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
