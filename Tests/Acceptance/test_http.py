"""What a hostile client sends: refused, and nothing of it reaches an upstream."""

import socket

import pytest

import rig

BODY = rig.chat_body("events=1", stream=False)
LENGTH = str(len(BODY)).encode()
HOST = b"host: a\r\nauthorization: Bearer " + rig.ALICE.encode() + b"\r\ncontent-type: application/json\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\n" + HOST
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)

SMUGGLING = {
    "CL and TE": POST + b"content-length: " + LENGTH + b"\r\ntransfer-encoding: chunked\r\n\r\n" + CHUNKED,
    "TE and CL": POST + b"transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n" + CHUNKED,
    "two lengths": POST + b"content-length: 3\r\ncontent-length: " + LENGTH + b"\r\n\r\n" + BODY,
    "a length list": POST + b"content-length: " + LENGTH + b", 3\r\n\r\n" + BODY,
    "a signed length": POST + b"content-length: +" + LENGTH + b"\r\n\r\n" + BODY,
    "a negative length": POST + b"content-length: -1\r\n\r\n" + BODY,
    "a hexadecimal length": POST + b"content-length: 0x10\r\n\r\n" + BODY,
    "an overflowing length": POST + b"content-length: 18446744073709551617\r\n\r\n" + BODY,
    "an empty length": POST + b"content-length: \r\n\r\n" + BODY,
    "a length with a space": POST + b"content-length: 1 0\r\n\r\n" + BODY,
    "bare LF between lines": POST.replace(b"\r\n", b"\n") + b"content-length: " + LENGTH + b"\n\n" + BODY,
    "one bare LF": POST + b"x: y\ncontent-length: " + LENGTH + b"\r\n\r\n" + BODY,
    "a bare CR": POST + b"x: y\rcontent-length: 1\r\ncontent-length: " + LENGTH + b"\r\n\r\n" + BODY,
    "obs-fold": POST + b"x: y\r\n z\r\ncontent-length: " + LENGTH + b"\r\n\r\n" + BODY,
    "a folded TE": POST + b"transfer-encoding:\r\n chunked\r\n\r\n" + CHUNKED,
    "a space before the colon": POST + b"content-length : " + LENGTH + b"\r\n\r\n" + BODY,
    "TE with a space before the colon": POST + b"transfer-encoding : chunked\r\n\r\n" + CHUNKED,
    "a leading space before the first field":
        b"POST /v1/chat/completions HTTP/1.1\r\n x: y\r\n" + HOST + b"content-length: " + LENGTH + b"\r\n\r\n" + BODY,
    "a NUL in a value": POST + b"x: a\x00b\r\ncontent-length: " + LENGTH + b"\r\n\r\n" + BODY,
    "a NUL in a name": POST + b"x\x00: b\r\ncontent-length: " + LENGTH + b"\r\n\r\n" + BODY,
    "an odd name": POST + b"x(y): b\r\ncontent-length: " + LENGTH + b"\r\n\r\n" + BODY,
    "no name": POST + b": b\r\ncontent-length: " + LENGTH + b"\r\n\r\n" + BODY,
    "a line without a colon": POST + b"xyz\r\ncontent-length: " + LENGTH + b"\r\n\r\n" + BODY,
    "TE that is not chunked": POST + b"transfer-encoding: identity\r\n\r\n" + BODY,
    "TE with something behind chunked": POST + b"transfer-encoding: chunked, gzip\r\n\r\n" + CHUNKED,
    "TE with an odd spelling": POST + b"transfer-encoding: xchunked\r\n\r\n" + CHUNKED,
    "two TEs": POST + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n" + CHUNKED,
    "TE in HTTP/1.0": POST.replace(b"/1.1", b"/1.0") + b"transfer-encoding: chunked\r\n\r\n" + CHUNKED,
    "a chunk size with a sign": POST + b"transfer-encoding: chunked\r\n\r\n+" + CHUNKED,
    "a chunk size that overflows": POST + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + BODY,
    "a chunk size in 0x": POST + b"transfer-encoding: chunked\r\n\r\n0x" + CHUNKED,
    "a chunk with LF alone": POST + b"transfer-encoding: chunked\r\n\r\n" + CHUNKED.replace(b"\r\n", b"\n"),
    "a chunk that is too long": POST + b"transfer-encoding: chunked\r\n\r\n5\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a bare LF in a trailer": POST + b"transfer-encoding: chunked\r\n\r\n" + CHUNKED[:-2] + b"t: v\n\r\n",
    "no host": b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: " + LENGTH + b"\r\n\r\n" + BODY,
    "two hosts": POST + b"host: b\r\ncontent-length: " + LENGTH + b"\r\n\r\n" + BODY,
    "no version": b"POST /v1/chat/completions\r\n" + HOST + b"\r\n",
    "an odd version": POST.replace(b"HTTP/1.1", b"HTTP/1.10") + b"\r\n",
    "a version in lower case": POST.replace(b"HTTP/1.1", b"http/1.1") + b"\r\n",
    "a tab for a space": POST.replace(b" /v1", b"\t/v1") + b"\r\n",
    "two spaces": POST.replace(b" /v1", b"  /v1") + b"\r\n",
    "a space in the target": POST.replace(b"completions ", b"comple tions ") + b"\r\n",
    "a NUL in the target": POST.replace(b"completions ", b"comple\x00tions ") + b"\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS hello": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "noise": bytes(range(256)) + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_smuggling(gateway, fresh, name):
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        # What follows must never be taken for a request of its own.
        connection.sendall(SMUGGLING[name] + rig.chat("events=1 tag=smuggled", stream=False))
        reader = rig.Reader(connection)
        answer = reader.answer()
        assert answer.status in (400, 413, 501, 505), (name, answer)
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert not reader.bytes and not reader.fill(), "the connection is closed behind the refusal"
    assert fresh.seen()["requestsTotal"] == 0


@pytest.mark.parametrize(
    "message, status", [
        (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", {400, 414, 431}),
        (b"GET /v1/models HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 20000 + b"\r\n\r\n", {431}),
        (b"GET /v1/models HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * 200 + b"\r\n", {431}),
        (POST + b"content-length: 99999999999\r\n\r\n", {413}),
        (POST + b"transfer-encoding: chunked\r\n\r\n5;" + b"e" * 20000, {400, 413, 431}),
    ], ids=["long line", "long field", "many fields", "long body", "long chunk extension"])
def test_bounds(gateway, fresh, message, status):
    answer = rig.exchange(gateway.port, message)
    assert answer.status in status and fresh.seen()["requestsTotal"] == 0


def test_head_requests_have_no_body(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        connection.sendall(rig.request("HEAD", "/v1/models"))
        answer = rig.Reader(connection).answer(to_head=True)
        assert answer.status == 200 and int(answer.header("content-length")) > 10
        assert connection.recv(100) == b""


def test_the_clients_address_is_believed_from_trusted_hops_only(start_gateway, simulator):
    for trusted, expected in (([], "127.0.0.1"), (["127.0.0.0/8"], "203.0.113.9")):
        gateway = start_gateway(simulator.port, server__trustedProxies=trusted)
        rig.exchange(gateway.port, rig.request(
            "POST", "/v1/chat/completions", BODY, x_forwarded_for="198.51.100.1, 203.0.113.9, 127.0.0.9"))
        line = rig.wait_until(gateway.access_log, what="the log line")[0]
        assert line["client"] == expected
