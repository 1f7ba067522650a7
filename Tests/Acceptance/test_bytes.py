"""Byte equality: what the client reads through the gateway is what the upstream said, event by event, byte by byte."""

import itertools

import pytest

import rig

LINE_ENDS = ["lf", "crlf", "cr"]
VARIANTS = [
    "events=30",
    "events=0",
    "reasoning=20 events=20",
    "tools=3",
    "events=8 tools=2",
    "events=30 text=emoji",
    "events=30 text=escaped",
    "events=30 comments=1",
    "events=30 comments=3",
    "events=30 bom",
    "events=200 coalesce=17",
    "events=5 text=big:70000",
    "events=3 text=big:900000",
    "events=20 usage=nullEach",
    "events=20 usage=onFinish",
    "events=20 usage=always",
    "events=20 usage=never",
    "events=20 framing=close",
    "events=20 framing=length",
    "events=20 fault=malformed after=7",
    "events=20 fault=closeAfterAnswer",
    "events=20 fault=errorEvent after=7",
    "events=20 interim=103",
    "events=10 header='x-odd: value' header='set-cookie: a=b'",
    "events=5 headDelay=30ms",
]
SPLITS = ["writeSplit=1", "writeSplit=2", "writeSplit=7", "chunkSplit=1", "chunkSplit=3", "chunkSplit=100", "chunkSplit=5 writeSplit=3"]


def both(gateway, words, **more):
    """The simulator's own answer and the gateway's."""
    direct = rig.exchange(gateway.upstream_port, rig.chat(words, **more))
    through = rig.exchange(gateway.port, rig.chat(words, **more))
    assert direct.status == through.status == 200
    assert through.is_whole and through.framing == "chunked"
    assert through.header("content-type") == direct.header("content-type")
    return direct, through


@pytest.mark.parametrize("line_end", LINE_ENDS)
@pytest.mark.parametrize("words", VARIANTS)
def test_a_stream_arrives_as_it_was_sent(gateway, words, line_end):
    direct, through = both(gateway, f"{words} lineEnd={line_end}")
    assert through.body == direct.body and len(through.body) > 100


def test_comments_that_keep_a_stream_alive_pass(gateway):
    # Where they fall depends on time, so only the events are compared.
    direct, through = both(gateway, "events=6 gap=20ms firstDelay=40ms keepAlive=5ms")
    assert through.events() == direct.events() and through.body.count(b"\n:") >= 3


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    "words", ["reasoning=3 events=4", "events=4 text=emoji comments=2 bom", "tools=1", "events=2 text=big:3000"])
def test_however_it_was_split(gateway, words, split):
    for line_end in LINE_ENDS:
        direct, through = both(gateway, f"{words} {split} lineEnd={line_end}")
        assert through.body == direct.body


def test_with_every_write_split_at_each_byte(gateway):
    """One stream, cut in two writes' rhythm of every length up to its longest event, so that a cut falls at each byte."""
    words = "reasoning=2 events=3 text=emoji comments=1 lineEnd=crlf"
    expected = rig.exchange(gateway.upstream_port, rig.chat(words)).body
    longest = max(len(event) for event in expected.split(b"\r\n\r\n")) + 4
    for split in itertools.chain(range(1, longest, 1 if rig.FULL else 5), (longest,)):
        through = rig.exchange(gateway.port, rig.chat(f"{words} writeSplit={split}"))
        # The simulator's ids come from the script's words: the rest must be equal.
        assert strip_ids(through.body) == strip_ids(expected), f"writeSplit={split}"


def strip_ids(body: bytes) -> list[bytes]:
    import re

    return re.sub(rb'(chatcmpl-scripted-|fp_)[0-9a-f]+(-[0-9a-f]+)?', b"id", body).split(b"\r\n\r\n")


@pytest.mark.parametrize("line_end", LINE_ENDS)
@pytest.mark.parametrize("kind", ["onRequest", "always", "never", "onFinish"])
def test_without_usage_only_the_usage_chunk_is_missing(gateway, kind, line_end):
    words = f"events=12 usage={kind} lineEnd={line_end}"
    direct, through = both(gateway, words, usage=False)
    end = {"lf": b"\n\n", "crlf": b"\r\n\r\n", "cr": b"\r\r"}[line_end]
    expected = [event for event in direct.body.split(end) if b'"choices":[]' not in event]
    assert through.body.split(end) == expected


def test_legacy_completions_too(gateway):
    message = rig.request(
        "POST", "/v1/completions",
        b'{"model":"gpt-4o-mini","prompt":"x","stream":true,"stream_options":{"include_usage":true},'
        b'"metadata":{"script":"events=20 chunkSplit=9"}}')
    assert rig.exchange(gateway.port, message).body == rig.exchange(gateway.upstream_port, message).body


@pytest.mark.parametrize(
    "words", ["events=20", "events=2000 text=emoji", "events=20 framing=chunked chunkSplit=3", "tools=2",
              "reasoning=5 events=5 framing=close", "events=3 text=big:2000000", "events=2 usage=never"])
def test_answers_in_one_piece(gateway, words):
    direct = rig.exchange(gateway.upstream_port, rig.chat(words, stream=False))
    through = rig.exchange(gateway.port, rig.chat(words, stream=False))
    assert through.is_whole and through.body == direct.body and through.status == direct.status == 200


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_what_http_1_0_clients_get(gateway, version):
    message = rig.chat("events=20").replace(b"HTTP/1.1", f"HTTP/{version}".encode())
    through = rig.exchange(gateway.port, message)
    assert through.body == rig.exchange(gateway.upstream_port, rig.chat("events=20")).body
    assert through.framing == ("close" if version == "1.0" else "chunked")


def test_missing_done_is_added_and_nothing_else(gateway):
    direct = rig.exchange(gateway.upstream_port, rig.chat("events=9 fault=noDone"))
    through = rig.exchange(gateway.port, rig.chat("events=9 fault=noDone"))
    assert through.body == direct.body + b"data: [DONE]\n\n"


@pytest.mark.parametrize("line_end", LINE_ENDS)
@pytest.mark.parametrize("fault", ["reset", "close", "truncate", "endEarly", "noFinish"])
def test_a_cut_stream_is_whole_events_and_then_an_error(gateway, fault, line_end):
    words = f"events=20 gap=2ms fault={fault} after=6 lineEnd={line_end}"
    direct = rig.exchange(gateway.upstream_port, rig.chat(words))
    through = rig.exchange(gateway.port, rig.chat(words))
    assert through.is_whole, "the client's framing is in order"
    events = through.events()
    assert events[-1].startswith('{"error":{') and "[DONE]" not in events
    whole = [event for event in direct.events() if event != "[DONE]"]
    if fault == "truncate":
        whole = whole[:-1]
    assert events[:-1] == whole[:len(events) - 1] and len(events) >= 7


def test_pipelined_requests_are_answered_in_order(gateway):
    import socket

    words = [f"events={count}" for count in (3, 40, 1, 7)]
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        connection.sendall(b"".join(rig.chat(word, close=False) for word in words))
        reader = rig.Reader(connection)
        for word in words:
            assert reader.answer().body == rig.exchange(gateway.upstream_port, rig.chat(word)).body


def test_a_request_in_pieces_of_one_byte(gateway):
    import socket

    message = rig.chat("events=3")
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in message:
            connection.sendall(bytes([byte]))
        assert rig.Reader(connection).answer().body == rig.exchange(gateway.upstream_port, rig.chat("events=3")).body


def test_expect_continue_and_chunked_request_bodies(gateway, fresh):
    import socket

    body = rig.chat_body("events=2", stream=False)
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        head = rig.request("POST", "/v1/chat/completions", None, expect="100-continue", content_length=len(body),
                           content_type="application/json")
        connection.sendall(head)
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert rig.Reader(connection).answer().status == 200
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        head = rig.request("POST", "/v1/chat/completions", None, transfer_encoding="chunked",
                           content_type="application/json")
        pieces = [body[at:at + 7] for at in range(0, len(body), 7)]
        connection.sendall(head + b"".join(b"%x;ext=1\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\nt: v\r\n\r\n")
        assert rig.Reader(connection).answer().status == 200
    assert [r["body"].encode() for r in fresh.seen()["requests"]] == [body, body]
