"""Upstreams behind TLS: the chain and the name are checked, and only a configuration can say otherwise."""

import shutil
import ssl
import subprocess

import pytest

import rig

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificates with openssl")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    for name, subject in (("server", "DNS:localhost"), ("client", "DNS:client.example")):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={subject}", "-keyout", f"{name}.key", "-out",
             f"{name}.pem"], cwd=directory, check=True, capture_output=True)
    return directory


@pytest.fixture
def tls_upstream(certificate):
    names = []

    def start(demands_certificate=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "server.pem", certificate / "server.key")
        context.set_alpn_protocols(["http/1.1"])
        context.sni_callback = lambda connection, name, _: names.append(name)
        if demands_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(certificate / "client.pem")

        def serve(connection, number):
            with context.wrap_socket(connection, server_side=True) as secured:
                while rig.read_request(secured):
                    secured.sendall(rig.completion(f"{secured.selected_alpn_protocol()} {secured.session_reused}"))

        upstream = rig.StubUpstream(serve)
        upstream.names = names
        return upstream

    return start


def through(start_gateway, upstream, tls, host="localhost"):
    gateway = start_gateway(
        upstream.port, upstreams__sim__baseURL=f"https://{host}:{upstream.port}/v1", upstreams__sim__tls=tls)
    return rig.exchange(gateway.port, rig.chat(stream=False))


def content(answer):
    assert answer.status == 200, answer.body
    return answer.json()["choices"][0]["message"]["content"]


def test_a_trusted_chain_with_the_right_name(start_gateway, tls_upstream, certificate):
    with tls_upstream() as upstream:
        answer = through(start_gateway, upstream, {"caFile": str(certificate / "server.pem")})
        assert content(answer).startswith("http/1.1") and upstream.names[0] == "localhost"


def test_an_unknown_authority_is_refused(start_gateway, tls_upstream):
    with tls_upstream() as upstream:
        answer = through(start_gateway, upstream, {})
        assert answer.status == 502 and "certificate" in answer.json()["error"]["message"]


def test_another_name_is_refused(start_gateway, tls_upstream, certificate):
    with tls_upstream() as upstream:
        answer = through(
            start_gateway, upstream, {"caFile": str(certificate / "server.pem"), "serverName": "other.example"})
        assert answer.status == 502
        answer = through(start_gateway, upstream, {"caFile": str(certificate / "server.pem")}, host="127.0.0.1")
        assert answer.status == 502, "the address is not in the certificate"


def test_verification_can_be_switched_off_for_tests(start_gateway, tls_upstream):
    with tls_upstream() as upstream:
        assert content(through(start_gateway, upstream, {"verify": False}))


def test_a_client_certificate(start_gateway, tls_upstream, certificate):
    with tls_upstream(demands_certificate=True) as upstream:
        authority = {"caFile": str(certificate / "server.pem")}
        assert through(start_gateway, upstream, authority).status == 502
        shown = {"certificateFile": str(certificate / "client.pem"), "keyFile": str(certificate / "client.key")}
        assert content(through(start_gateway, upstream, authority | shown))
