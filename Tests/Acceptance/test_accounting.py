"""What a request is recorded to have taken: the upstream's own word for whole answers, the reference tokenizers' for those that were cut."""

import json
import socket

import pytest

import reference_tokenizers
import rig

pytestmark = [pytest.mark.timeout(600)]
MODELS = {"deepseek-r1": "deepseek", "qwq-32b": "qwen", "gpt-4o": "o200k", "gpt-4-turbo": "cl100k"}
TEXT = "events=30 reasoning=9 tools=1 text=mixed"


@pytest.fixture(scope="module")
def counted(directory, simulator, references):
    """A gateway that has the vocabularies."""
    models = {name: {"serve": "sim"} for name in MODELS} | {"unknown-model": {"serve": "sim"}}
    gateway = rig.Gateway(
        directory, simulator.port, environment={"SLUICE_DATA": str(reference_tokenizers.PLACE / "data")}, models=models,
        consumers={"alice": {"keys": [rig.hashed(rig.ALICE)]}}, server__reactors=1)
    yield gateway
    gateway.stop()


def texts(events, path="/v1/chat/completions"):
    """The text of each channel that a client holds after these events."""
    channels = {}

    def add(key, text):
        if text:
            channels[key] = channels.get(key, "") + text

    for event in events:
        if not event.startswith("{"):
            continue
        event = json.loads(event)
        if path == "/v1/messages":
            delta, index = event.get("delta", {}), event.get("index")
            add(("text", index), delta.get("text"))
            add(("thinking", index), delta.get("thinking"))
            add(("arguments", index), delta.get("partial_json"))
            add(("name", index), event.get("content_block", {}).get("name"))
            continue
        for choice in event.get("choices", []):
            index, delta = choice["index"], choice.get("delta", {})
            add(("text", index), choice.get("text") or delta.get("content"))
            add(("reasoning", index), delta.get("reasoning_content") or delta.get("reasoning"))
            add(("refusal", index), delta.get("refusal"))
            for call in delta.get("tool_calls", []):
                add(("name", index, call["index"]), call["function"].get("name"))
                add(("arguments", index, call["index"]), call["function"].get("arguments"))
    return channels.values()


def ask(gateway, script, path="/v1/chat/completions", **more):
    body = json.loads(rig.chat_body(script, **more)) | {"max_tokens": 1000, "prompt": "Hello", "input": "Hello"}
    return rig.exchange(gateway.port, rig.request("POST", path, json.dumps(body).encode()))


def records(gateway, count):
    return rig.wait_until(
        lambda: lines if len(lines := gateway.access_log()) >= count else None, what=f"{count} lines in the access log")[-count:]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("shape", ["provider=openai", "provider=vllm", "provider=deepseek text=mixedEscaped"])
def test_a_stream_cut_after_each_event_is_recorded_as_the_reference_counts_what_arrived(counted, references, model, shape):
    before = len(counted.access_log())
    expected = []
    for cut in range(0, 48):
        answer = ask(counted, f"{TEXT} {shape} fault=close afterEvents={cut}", model=model)
        events = answer.events()
        whole = any('"finish_reason":"' in event for event in events)
        expected.append(None if whole else sum(references[MODELS[model]](text) for text in texts(events)))
    lines = records(counted, before + 48)[-48:]
    for cut, (line, right) in enumerate(zip(lines, expected)):
        if right is not None:
            assert (line.get("completion_tokens") or 0) == right, (cut, line)
            assert line["model"] == model and (right == 0 or line["token_source"] == "exact")
    assert sum(right is not None for right in expected) > 40


@pytest.mark.parametrize("provider, path", [
    ("openai", "/v1/chat/completions"), ("deepseek", "/v1/chat/completions"), ("qwen", "/v1/chat/completions"),
    ("vllm", "/v1/chat/completions"), ("gemini", "/v1/chat/completions"), ("openai", "/v1/completions"),
    ("anthropic", "/v1/messages"), ("openai", "/v1/responses")])
@pytest.mark.parametrize("stream", [True, False])
def test_a_whole_answer_is_recorded_as_the_upstream_tells_it(counted, provider, path, stream):
    before = len(counted.access_log())
    script = f"{TEXT} provider={provider} prompt=123 cached=20 completion=456"
    assert ask(counted, script, path=path, model="qwq-32b", stream=stream).status == 200
    line = records(counted, before + 1)[-1]
    assert (line["prompt_tokens"], line["completion_tokens"], line["token_source"]) == (123, 456, "upstream"), line


def test_status_and_metrics_tell_where_counts_are_from_and_how_far_off_they_are(counted):
    before = len(counted.access_log())
    for _ in range(5):
        ask(counted, f"{TEXT} provider=openai", model="qwq-32b")
        ask(counted, f"{TEXT} provider=openai", model="unknown-model")
    records(counted, before + 10)
    models = counted.status()["models"]
    assert models["qwq-32b"]["vocabulary"] == "qwen" and models["qwq-32b"]["counted"] == "exact"
    assert models["unknown-model"]["vocabulary"] is None and models["unknown-model"]["counted"] == "estimated"
    for model in ["qwq-32b", "unknown-model"]:
        completion = models[model]["completion"]
        assert models[model]["source"]["upstream"] >= 5 and completion["requests"] >= 5
        assert completion["ratio"] > 0 and completion["drift"] >= 0
    metrics = rig.exchange(counted.admin_port, rig.request("GET", "/metrics"))
    assert metrics.header("content-type").startswith("text/plain")
    lines = metrics.body.decode().splitlines()
    assert any(line.startswith('sluice_token_count_ratio{model="qwq-32b",kind="completion"} ') for line in lines)
    assert 'sluice_token_count_exact{model="unknown-model"} 0' in lines


def test_an_interrupted_client_is_recorded_with_what_it_was_sent(counted, references):
    with socket.create_connection(("127.0.0.1", counted.port), 10) as client:
        client.sendall(rig.chat(f"{TEXT} gap=20ms", model="gpt-4o"))
        seen = b""
        while seen.count(b"data: ") < 12:
            seen += client.recv(65536)
    line = rig.wait_until(
        lambda: next((line for line in counted.access_log() if line["outcome"] == "client_left"), None), what="its record")
    events = [part.split("\n")[0] for part in seen.decode().split("data: ")[1:]]
    fewest = sum(references["o200k"](text) for text in texts(events))
    assert line["token_source"] == "exact"
    # What was on its way when the client left counts: an event or two.
    assert fewest <= line["completion_tokens"] <= fewest + 40, (fewest, line)
