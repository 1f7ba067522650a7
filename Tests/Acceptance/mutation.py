"""Requests and answers as strangers write them: valid ones, and what is left of them after a few seeded mutations."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field

import rig

#: Raw JSON texts that stand where a number, a text or a tree is expected: the ends of ranges, and what is none.
NUMBERS = [
    "-1", "-0", "0", "1", "2", "15", "16", "63", "64", "65", "127", "128", "255", "256", "1000", "65535", "65536", "2147483647", "2147483648",
    "-2147483648", "-2147483649", "4294967295", "4294967296", "9007199254740993", "9223372036854775806", "9223372036854775807",
    "9223372036854775808", "-9223372036854775807", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
    "18446744073709551616", "340282366920938463463374607431768211456", "1.5", "0.1", "-0.0", "1e3", "1E+2", "1e-400", "1e309", "-1e309",
    "1e18", "1e19", "9.3e18", "0.000000000000000000000000001", "1" + "0" * 400, "0." + "3" * 400,
]
OTHERS = [
    "null", "true", "false", '""', '"x"', "[]", "{}", "[null]", '{"":null}', '"1"', '"-1"', '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"',
    '"\\ud83d\\ude00"', '"\ufeff"', '"\u202e"', '"<think>"', '"</think>"', '"data: [DONE]\\n\\n"', '"\\r\\n\\r\\n"', '"' + "a" * 5000 + '"',
    '"' + "\\\\" * 3000 + '"', '"' + "\\n" * 2000 + '"', "[" * 100 + "]" * 100, "[" * 3000, "[" * 600 + "]" * 600, '{"a":' * 200 + "1" + "}" * 200,
    '{"index":0,"index":-1}', "NaN", "Infinity", "tru", "01", "+1", "1.", ".5", "0x10", "'x'", '"\\x"', '"\\u12"', '"\x01"', '"',
]
RETRY_AFTER = [
    "0", "1", "-1", "60", "1e9", "9223372036854775807", "9223372036854775808", "99999999999999999999", "1.5", "NaN", "", "soon",
    "Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 99 Foo 99999 99:99:99 GMT",
]
LENGTHS = ["0", "1", "5", "-1", "+5", "5, 5", "5, 6", " 5", "0x5", "9223372036854775807", "9223372036854775808", "18446744073709551616", "", "a"]
CHUNK_SIZES = [
    b"0", b"1", b"-1", b"ffffffff", b"7fffffffffffffff", b"8000000000000000", b"ffffffffffffffff", b"10000000000000000", b"", b"g", b"5;a=b",
    b"5 ", b"0" * 100 + b"5", b"5;" + b"x" * 9000,
]

MODELS = [
    "open", "tokens-truncate", "tokens-error", "tokens-wait", "tokens-fallback", "requests-wait", "requests-error", "concurrent", "budget",
    "quota", "quota-small", "day", "vllm", "anthropic", "gemini", "ollama", "calm",
]


class Stranger(random.Random):
    """A seeded source of mistakes and malice."""

    def chance(self, share: float) -> bool:
        return self.random() < share

    def raw(self) -> str:
        return self.choice(NUMBERS if self.chance(0.6) else OTHERS)

    def tree(self, tree, changes: int) -> bytes:
        """JSON of a tree in which some nodes have been replaced, doubled, renamed or dropped."""
        tree = json.loads(json.dumps(tree))
        raws: list[str] = []
        for _ in range(changes):
            self.change(tree, raws)
        text = json.dumps(tree, ensure_ascii=self.chance(0.5))
        for number, raw in enumerate(raws):
            text = text.replace(f'"@@{number}@@"', raw)
        return text.encode("utf-8", "surrogatepass")

    def change(self, node, raws: list[str]) -> None:
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                return
            key = self.choice(keys)
            if isinstance(node[key], (dict, list)) and node[key] and self.chance(0.75):
                node = node[key]
                continue
            break
        act = self.random()
        if act < 0.7:
            raws.append(self.raw())
            node[key] = f"@@{len(raws) - 1}@@"
        elif act < 0.8 and isinstance(node, dict):
            name = self.choice([key.upper(), key.capitalize(), key + " ", key[:-1], "", "\x00", "ſtream", "model", "n", "stream"])
            node[name] = node.pop(key) if self.chance(0.5) else node[key]
        elif act < 0.9:
            del node[key]
        elif isinstance(node, list):
            node.extend([node[key]] * self.choice([1, 2, 70, 300]))
        else:
            node[key] = [node[key]]

    def bytes_of(self, data: bytes, changes: int) -> bytes:
        """Bytes in which some places were changed, cut, doubled or moved."""
        data = bytearray(data)
        for _ in range(changes):
            if not data:
                break
            at, other = sorted((self.randrange(len(data)), self.randrange(len(data))))
            act = self.randrange(7)
            if act == 0:
                data[at] = self.choice([0, 9, 10, 13, 32, 34, 44, 58, 92, 123, 125, 127, 128, 192, 224, 237, 255, self.randrange(256)])
            elif act == 1:
                del data[at:min(other, at + 50)]
            elif act == 2:
                data[at:at] = data[at:min(other, at + 200)]
            elif act == 3:
                del data[at:]
            elif act == 4:
                data[at:at] = self.choice([b"\r\n", b"\n\n", b"\r", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b'"', b"{", b"]", b"data: ", b"0\r\n\r\n"])
            elif act == 5:
                data[at:at] = self.raw().encode("utf-8", "surrogatepass")
            else:
                data[at] ^= 1 << self.randrange(8)
        return bytes(data)

    def maybe(self, data: bytes, share: float) -> bytes:
        return self.bytes_of(data, self.randint(1, 3)) if self.chance(share) else data

    def pieces(self, data: bytes) -> list[bytes]:
        """The data in one piece, in a few, or, at its beginning, byte by byte."""
        act = self.random()
        if act < 0.6 or len(data) < 2:
            return [data]
        if act < 0.9:
            places = sorted({self.randrange(1, len(data)) for _ in range(self.randint(1, 6))})
            return [data[start:end] for start, end in zip([0, *places], [*places, len(data)])]
        return [data[at:at + 1] for at in range(min(60, len(data)))] + [data[60:]]


# -- What clients send -------------------------------------------------------------------------------------------------


@dataclass
class Ask:
    """Bytes that a client sends, and how."""

    pieces: list[bytes]
    #: Between two pieces.
    pause: float = 0
    #: The client leaves after so many bytes of the answer, by a reset.
    leaves_after: int | None = None
    #: The client reads so slowly.
    read_pause: float = 0
    #: Whether every request in it is one that has to be answered in bounded time.
    is_whole: bool = True


TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}]


def chat(stranger: Stranger) -> dict:
    body = {"model": stranger.choice(MODELS), "messages": [{"role": "user", "content": "Tell me about locks. " * stranger.choice([1, 1, 1, 30, 400])}]}
    if stranger.chance(0.7):
        body["stream"] = True
    for share, part in [
        (0.3, {"stream_options": {"include_usage": True}}), (0.3, {"max_tokens": stranger.choice([0, 1, 5, 100, 10**9, -1])}),
        (0.2, {"max_completion_tokens": 50}), (0.2, {"n": stranger.choice([-1, 0, 1, 2, 64, 65, 128, 2**31, 2**63])}), (0.2, {"tools": TOOLS}),
        (0.2, {"metadata": {"script": "events=3"}}), (0.2, {"user": "u"}), (0.1, {"response_format": {"type": "json_object"}}),
        (0.1, {"logprobs": True}), (0.1, {"stop": ["x"]}), (0.1, {"best_of": 3}),
    ]:
        if stranger.chance(share):
            body.update(part)
    if stranger.chance(0.2):
        body["messages"].append({"role": "user", "content": [
            {"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]})
    return body


def content(stranger: Stranger) -> tuple[str, bytes, str]:
    """A path, a body and its type."""
    model = stranger.choice(MODELS)
    kind = stranger.random()
    if kind < 0.6:
        path, body = "/v1/chat/completions", chat(stranger)
    elif kind < 0.66:
        prompt = stranger.choice(["Hello", ["a", "b"], [1, 2, 3], [[1], [2]]])
        path, body = "/v1/completions", {"model": model, "prompt": prompt, "stream": stranger.chance(0.5), "n": 2, "max_tokens": 9}
    elif kind < 0.7:
        path, body = "/v1/embeddings", {"model": model, "input": stranger.choice(["Hello", ["a"] * 20, [[1, 2]]])}
    elif kind < 0.78:
        path, body = "/v1/responses", {"model": model, "input": "Hello", "stream": stranger.chance(0.7), "max_output_tokens": 30}
    elif kind < 0.88:
        path, body = "/v1/messages", {
            "model": model, "max_tokens": stranger.choice([1, 100, 0]), "stream": stranger.chance(0.7), "system": "Be terse.",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]}
    elif kind < 0.93:
        path, body = stranger.choice([
            ("/v1/images/generations", {"model": model, "prompt": "a lock", "n": stranger.choice([1, -1, 10])}),
            ("/v1/rerank", {"model": model, "query": "q", "documents": ["a", "b"]}), ("/v1/moderations", {"model": model, "input": "x"}),
            ("/v1/audio/speech", {"model": model, "input": "x", "voice": "v"}), ("/v1/files/x", {"model": model}), ("/v1/nothing", {"model": model}),
            ("/v1/responses/compact", {"model": model, "input": "x"}), ("/v1/models/" + model, {})])
    else:
        parts = "".join(
            f'--B\r\ncontent-disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'
            for name, more, value in [("model", "", model), ("response_format", "", "json"), ("file", '; filename="a.wav"', "RIFF" * 50)])
        return "/v1/audio/transcriptions", stranger.maybe(f"{parts}--B--\r\n".encode(), 0.6), "multipart/form-data; boundary=B"
    data = stranger.tree(body, stranger.randint(1, 3)) if stranger.chance(0.5) else json.dumps(body).encode()
    return path, stranger.maybe(data, 0.15), "application/json"


def head(stranger: Stranger, method: str, path: str, fields: list[tuple[str, str]]) -> bytes:
    if stranger.chance(0.5):
        fields = fields + stranger.sample([
            ("x-team", str(stranger.randrange(10**6))), ("x-request-id", stranger.choice(["abc", "a" * 300, "\x01", rig.ALICE])),
            ("cookie", "a=b; c=" + "d" * 50), ("expect", stranger.choice(["100-continue", "200-ok"])), ("x-forwarded-for", "1.2.3.4, 999.1.1.1, ::1"),
            ("te", "trailers"), ("connection", "x-team, authorization"), ("upgrade", "h2c"), ("accept-encoding", "gzip"), ("x-a", "b" * 5000),
            ("content-encoding", "gzip"), ("host", "other"), ("transfer-encoding", "gzip, chunked"), ("content-length", "0")],
            stranger.randint(1, 4))
    lines = [f"{method} {path} HTTP/1.1", "host: gateway"] + [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def request(stranger: Stranger) -> tuple[bytes, bool]:
    """One request, and whether it has to be answered as it is."""
    path, body, kind = content(stranger)
    if stranger.chance(0.1):
        path += stranger.choice(["?a=b&key=k", "?" + "q" * 3000, "/../x", "%2e%2e", "#x", "//", "%", "\x80", "?stream=true"])
    fields = [("authorization", f"Bearer {stranger.choice([rig.ALICE, rig.ALICE, rig.ALICE, rig.BOB, 'sk-nobody', ''])}"), ("content-type", kind)]
    is_plain = stranger.chance(0.6)
    if is_plain:
        fields = [("authorization", f"Bearer {rig.ALICE}"), ("content-type", kind), ("content-length", str(len(body)))]
        lines = [f"POST {path} HTTP/1.1", "host: gateway"] + [f"{name}: {value}" for name, value in fields]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body, True
    method = stranger.choice(["POST"] * 6 + ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "CONNECT", "PRI", "post", ""])
    act = stranger.random()
    if act < 0.5:
        fields.append(("content-length", str(len(body)) if stranger.chance(0.7) else stranger.choice(LENGTHS)))
        data = head(stranger, method, path, fields) + body
    elif act < 0.9:
        fields.append(("transfer-encoding", stranger.choice(["chunked", "chunked", "Chunked", "chunked, chunked", "identity"])))
        data = head(stranger, method, path, fields) + chunked(stranger, body)
    else:
        data = head(stranger, method, path, fields) + body
    return stranger.maybe(data, 0.3), False


def chunked(stranger: Stranger, body: bytes) -> bytes:
    written = b""
    for piece in stranger.pieces(body):
        size = b"%x" % len(piece) if stranger.chance(0.97) else stranger.choice(CHUNK_SIZES)
        written += size + b"\r\n" + piece + b"\r\n"
    return written + (b"0\r\n\r\n" if stranger.chance(0.9) else stranger.choice([b"", b"0\r\n", b"0\r\na: b\r\n\r\n", b"0\r\n" + b"x" * 20000]))


def ask(stranger: Stranger) -> Ask:
    count = 1 if stranger.chance(0.8) else stranger.randint(2, 6)
    requests = [request(stranger) for _ in range(count)]
    data = b"".join(data for data, _ in requests)
    asked = Ask(stranger.pieces(data), is_whole=all(is_plain for _, is_plain in requests))
    if stranger.chance(0.1):
        asked.pause = stranger.choice([0.001, 0.01, 0.1])
    if stranger.chance(0.15):
        asked.leaves_after = stranger.choice([0, 1, 200, 2000])
    if stranger.chance(0.05):
        asked.read_pause = stranger.choice([0.01, 0.2])
    if stranger.chance(0.05):
        cut = stranger.randint(0, len(asked.pieces))
        asked.pieces, asked.is_whole, asked.leaves_after = asked.pieces[:cut], False, 0
    return asked


# -- What upstreams answer ---------------------------------------------------------------------------------------------


@dataclass
class Reply:
    """Bytes that an upstream answers, and how."""

    pieces: list[bytes]
    pause: float = 0
    #: How its connection ends: it stays, is closed, or is reset.
    end: str = "stays"
    #: What it says before anything was asked.
    unasked: bytes = field(default=b"")


def usage() -> dict:
    return {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19, "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0, "rejected_prediction_tokens": 0}, "cost": 0.1}


def chat_events(stranger: Stranger) -> list[dict]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "m", "system_fingerprint": "fp"}

    def chunk(delta: dict, finish=None, index=0) -> dict:
        return {**base, "choices": [{"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}]}

    events = [chunk({"role": "assistant", "content": ""})]
    for number in range(stranger.choice([0, 1, 3, 10, 60])):
        delta = stranger.choice([
            {"content": f"word {number} "}, {"content": "x" * 300}, {"reasoning_content": "hm "}, {"reasoning": "hm "}, {"refusal": "no"},
            {"content": [{"type": "text", "text": "piece"}]}, {"content": "<think>"}, {"content": "</think>"},
            {"tool_calls": [{"index": stranger.choice([0, 1, 63, 64, 1000]), "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a"'}}]},
            {"function_call": {"name": "f", "arguments": "{}"}}, {"audio": {"data": "AAAA", "transcript": "t"}}])
        events.append(chunk(delta, index=stranger.choice([0, 0, 0, 1, 63, 64, 1000])))
    events.append(chunk({}, stranger.choice(["stop", "length", "tool_calls", "content_filter", "weird"])))
    events.append({**base, "choices": [], "usage": usage()})
    if stranger.chance(0.1):
        events.insert(stranger.randrange(len(events)), {"error": {"message": "m", "type": "t", "code": stranger.choice([429, "429", None, -1])}})
    return events


def answers_events(stranger: Stranger) -> list[tuple[str, dict]]:
    """A stream of /v1/responses."""
    events = [("response.created", {"response": {"id": "r", "status": "in_progress", "usage": None}})]
    events += [("response.output_item.added", {"output_index": 0, "item": {"type": "message", "id": "i"}})]
    events += [("response.output_text.delta", {"output_index": 0, "content_index": 0, "item_id": "i", "delta": "word "})] * stranger.choice([1, 5, 40])
    final = {"id": "r", "status": "completed", "output": [], "usage": {
        "input_tokens": 5, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 6, "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 11}}
    return [(name, {"type": name, **data}) for name, data in [*events, ("response.completed", {"response": final})]]


def messages_events(stranger: Stranger) -> list[tuple[str, dict]]:
    """A stream of /v1/messages."""
    events = [
        ("message_start", {"message": {"id": "m", "role": "assistant", "content": [], "usage": {
            "input_tokens": 5, "cache_read_input_tokens": 1, "cache_creation_input_tokens": 2, "output_tokens": 1}}}),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}), ("ping", {})]
    events += [("content_block_delta", {"index": stranger.choice([0, 0, 1, 64]), "delta": stranger.choice([
        {"type": "text_delta", "text": "word "}, {"type": "thinking_delta", "thinking": "hm"}, {"type": "input_json_delta", "partial_json": '{"a"'}])})
        for _ in range(stranger.choice([1, 5, 40]))]
    events += [("content_block_stop", {"index": 0}), ("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}})]
    return [(name, {"type": name, **data}) for name, data in [*events, ("message_stop", {})]]


def gemini_events(stranger: Stranger) -> list[dict]:
    return [{"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "word "}]}, "finishReason": None}],
             "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 5, "thoughtsTokenCount": 1, "totalTokenCount": 10}}
            ] * stranger.choice([1, 4, 20])


def stream(stranger: Stranger, path: str) -> bytes:
    """The bytes of an event stream, right or nearly so."""
    if "/responses" in path:
        named = answers_events(stranger)
    elif "/messages" in path:
        named = messages_events(stranger)
    elif stranger.chance(0.05):
        named = [(None, event) for event in gemini_events(stranger)]
    else:
        named = [(None, event) for event in chat_events(stranger)]
    share = stranger.choice([0, 0, 0.02, 0.1, 0.5])
    line_end = stranger.choice(["\n"] * 8 + ["\r\n", "\r"]).encode()
    written = stranger.choice([b"", b"", b"", b"\xef\xbb\xbf", b": hello" + line_end * 2, b"\n\n\n"])
    for name, event in named:
        data = stranger.tree(event, stranger.randint(1, 2)) if stranger.chance(share) else json.dumps(event).encode()
        lines = [b"event: " + name.encode()] if name else []
        lines.append(b"data: " + data)
        if stranger.chance(share / 4):
            lines = stranger.choice([
                [b"data"], [b"data:" + b"y" * 200_000], [b"id: 1\x00", *lines], [b"retry: 99999999999999999999", *lines], [b": c", *lines],
                [b"data: {", b"data: }"], [b"event: error", b'data: {"error":{"message":"x"}}'], [b"\xff\xff"], lines * 2])
        written += line_end.join(lines) + line_end * 2
    if stranger.chance(0.9):
        written += b"data: [DONE]" + line_end * stranger.choice([2, 2, 2, 1, 0])
    return stranger.maybe(written, 0.1)


def whole(stranger: Stranger, path: str) -> bytes:
    """The body of an answer in one piece, right or nearly so."""
    if "/responses" in path:
        tree = answers_events(stranger)[-1][1]["response"]
    elif "/messages" in path:
        tree = {"id": "m", "type": "message", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn",
                "usage": {"input_tokens": 5, "cache_read_input_tokens": 1, "output_tokens": 3}}
    elif "/embeddings" in path:
        tree = {"object": "list", "data": [{"index": 0, "embedding": [0.5] * 8}], "usage": {"prompt_tokens": 3, "total_tokens": 3}}
    else:
        tree = {"id": "c", "object": "chat.completion", "created": 1700000000, "model": "m", "usage": usage(), "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "hello " * stranger.choice([1, 50, 5000])}, "finish_reason": "stop"}]}
    if stranger.chance(0.2):
        tree = {"error": {"message": f"key {rig.UPSTREAM_KEY}", "type": "t", "code": "c", "param": None}}
    data = stranger.tree(tree, stranger.randint(1, 3)) if stranger.chance(0.5) else json.dumps(tree).encode()
    return stranger.maybe(data, 0.15)


def reply(stranger: Stranger, path: str, wants_stream: bool) -> Reply:
    is_stream = wants_stream if stranger.chance(0.93) else not wants_stream
    body = stream(stranger, path) if is_stream else whole(stranger, path)
    status = 200 if stranger.chance(0.8) else stranger.choice([400, 401, 403, 404, 408, 413, 429, 429, 500, 502, 503, 504, 529, 204, 304, 302, 206, 999, 100, 0])
    kind = "text/event-stream" if is_stream else "application/json"
    if stranger.chance(0.06):
        kind = stranger.choice(["text/html", "text/event-stream; charset=utf-8", "TEXT/EVENT-STREAM", "application/octet-stream", "", "multipart/mixed; boundary=x"])
    fields = [("content-type", kind)]
    if stranger.chance(0.2):
        fields += stranger.sample([
            ("retry-after", stranger.choice(RETRY_AFTER)), ("retry-after-ms", stranger.choice(RETRY_AFTER)), ("set-cookie", "a=b"),
            ("x-ratelimit-remaining-tokens", stranger.choice(NUMBERS)), ("x-ratelimit-reset-requests", "6m0s"), ("content-encoding", "gzip"),
            ("connection", stranger.choice(["close", "keep-alive", "x"])), ("trailer", "x"), ("x-big", "y" * 12000), ("keep-alive", "timeout=-1")],
            stranger.randint(1, 3))
    end = stranger.choice(["stays"] * 8 + ["closes", "resets"])
    act = stranger.random()
    if act < 0.45:
        fields.append(("transfer-encoding", "chunked"))
        body = chunked(stranger, body)
    elif act < 0.85:
        fields.append(("content-length", str(len(body)) if stranger.chance(0.9) else stranger.choice(LENGTHS)))
    elif act < 0.97:
        end = "closes"
    else:
        fields += [("content-length", "10"), ("transfer-encoding", "chunked")]
    version = "HTTP/1.1" if stranger.chance(0.97) else stranger.choice(["HTTP/1.0", "HTTP/2.0", "HTTP/1.1 ", "ICY", ""])
    lines = [f"{version} {status} OK"] + [f"{name}: {value}" for name, value in fields]
    top = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    if stranger.chance(0.03):
        top = b"HTTP/1.1 100 Continue\r\n\r\n" * stranger.choice([1, 2, 200]) + top
    answer = stranger.maybe(stranger.maybe(top, 0.05) + body, 0.03)
    if stranger.chance(0.05):
        answer += stranger.choice([answer, b"x", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"])
    replied = Reply(stranger.pieces(answer), end=end)
    if stranger.chance(0.15):
        replied.pause = stranger.choice([0.0005, 0.005, 0.05])
    if stranger.chance(0.05):
        replied.pieces, replied.end = replied.pieces[:-1], stranger.choice(["closes", "resets", "stays"])
    if stranger.chance(0.03):
        replied.pieces, replied.end = [], stranger.choice(["closes", "resets", "hangs"])
    return replied
