"""The official openai SDK, as our users use it."""

import asyncio
import json
import re
import time

import openai
import pytest

import rig

HELLO = [{"role": "user", "content": "Hello"}]


def script(text):
    return {"metadata": {"script": text}}


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def reasoning_of(chunks):
    return "".join(getattr(c.choices[0].delta, "reasoning_content", None) or "" for c in chunks if c.choices)


def test_lists_the_models_that_the_caller_may_use(client, gateway):
    alice = {model.id for model in client.models.list()}
    assert {"deepseek-r1", "qwq-32b", "house-model", "paired"} <= alice
    bob = openai.OpenAI(base_url=gateway.url, api_key=rig.BOB, max_retries=0)
    ids = {model.id for model in bob.models.list()}
    assert "qwq-32b" in ids and "deepseek-r1" not in ids and "house-model" not in ids


def test_retrieves_one_model(client):
    model = client.models.retrieve("qwq-32b")
    assert (model.id, model.object) == ("qwq-32b", "model")
    assert client.models.retrieve("gpt-4o-mini").id.startswith("gpt-")


def test_chat_in_one_piece(client):
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, extra_body=script("events=5"))
    assert len(answer.choices[0].message.content.split()) == 5
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (20, 5)


@pytest.mark.parametrize("asked", ["reasoner", "qwq-32b", "sim/qwq-32b"])
def test_aliases_and_upstream_prefixes_reach_the_model(client, fresh, asked):
    client.chat.completions.create(model=asked, messages=HELLO, extra_body=script("events=1"))
    assert json.loads(fresh.seen()["requests"][-1]["body"])["model"] == "qwq-32b"


def test_a_model_is_renamed_for_its_upstream_and_nothing_else_changes(client, fresh):
    client.chat.completions.create(
        model="house-model", messages=HELLO, temperature=0.25, seed=7, extra_body=script("events=1"))
    body = json.loads(fresh.seen()["requests"][-1]["body"])
    assert body == {
        "model": "name-over-there", "messages": HELLO, "temperature": 0.25, "seed": 7, "metadata": {"script": "events=1"}}


def test_streams_without_usage_when_it_was_not_asked_for(client, fresh):
    chunks = list(client.chat.completions.create(
        model="deepseek-r1", messages=HELLO, stream=True, extra_body=script("reasoning=4 events=6")))
    assert len(text_of(chunks).split()) == 6 and len(reasoning_of(chunks).split()) == 4
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
    # The gateway itself asked for it, for its record.
    assert json.loads(fresh.seen()["requests"][-1]["body"])["stream_options"]["include_usage"] is True


def test_streams_with_usage_when_it_was_asked_for(client):
    chunks = list(client.chat.completions.create(
        model="deepseek-r1", messages=HELLO, stream=True, stream_options={"include_usage": True},
        extra_body=script("reasoning=4 events=6")))
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 10
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


@pytest.mark.parametrize("kind", ["onFinish", "nullEach", "always", "never"])
def test_every_way_of_telling_usage_is_understood(client, kind):
    chunks = list(client.chat.completions.create(
        model="gpt-4o-mini", messages=HELLO, stream=True, extra_body=script(f"events=3 usage={kind}")))
    assert len(text_of(chunks).split()) == 3
    assert all(chunk.choices for chunk in chunks), "the chunk that carries only usage stays away"


def test_tool_calls_in_a_stream(client):
    chunks = list(client.chat.completions.create(
        model="gpt-4o-mini", messages=HELLO, stream=True, extra_body=script("tools=2"),
        tools=[{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]))
    calls: dict[int, str] = {}
    for chunk in chunks:
        for call in chunk.choices[0].delta.tool_calls or []:
            calls[call.index] = calls.get(call.index, "") + (call.function.arguments or "")
    assert sorted(calls) == [0, 1] and all(isinstance(json.loads(text), dict) for text in calls.values())
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("split", [1, 2, 3, 5, 7])
def test_emoji_split_over_writes_and_chunks_arrive_whole(client, split):
    expected = text_of(client.chat.completions.create(
        model="gpt-4o-mini", messages=HELLO, stream=True, extra_body=script("events=40 text=emoji")))
    assert re.search("[\U0001F300-\U0001FAFF]", expected) and "\ufffd" not in expected
    for words in (f"writeSplit={split}", f"chunkSplit={split}", f"chunkSplit={split} writeSplit=2"):
        got = text_of(client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, stream=True, extra_body=script(f"events=40 text=emoji {words}")))
        assert got == expected


def test_a_request_of_ten_megabytes(client, fresh):
    text = "0123456789abcdé " * (10 * 1024 * 1024 // 17)
    answer = client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": text}], extra_body=script("events=2"))
    assert answer.usage.completion_tokens == 2
    assert fresh.seen()["requests"][-1]["bodyBytes"] > 10 * 1024 * 1024


async def test_two_hundred_streams_at_once(async_client):
    async def one(number):
        stream = await async_client.chat.completions.create(
            model="deepseek-r1", messages=HELLO, stream=True,
            extra_body=script(f"reasoning=5 events={20 + number % 7} gap=20ms"))
        chunks = [chunk async for chunk in stream]
        return number, text_of(chunks), chunks[-1].choices[0].finish_reason

    async with async_client:
        results = await asyncio.gather(*(one(number) for number in range(200)))
    for number, text, reason in results:
        assert reason == "stop" and len(text.split()) == 20 + number % 7


def cancelled(simulator):
    return rig.wait_until(lambda: simulator.seen()["cancels"], what="the cancel at the simulator")[0]


def test_a_cancel_reaches_the_upstream_within_100_ms(client, fresh):
    stream = client.chat.completions.create(
        model="gpt-4o-mini", messages=HELLO, stream=True, extra_body=script("events=1000 gap=10ms"))
    for number, _ in enumerate(stream):
        if number == 10:
            break
    left = time.monotonic_ns()
    stream.close()
    cancel = cancelled(fresh)
    assert (cancel["closedAtNanoseconds"] - left) / 1e6 < 100
    assert cancel["tokensSent"] < 30


def test_a_cancel_before_the_first_byte_reaches_the_upstream_too(gateway, fresh):
    client = openai.OpenAI(base_url=gateway.url, api_key=rig.ALICE, max_retries=0, timeout=0.3)
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, stream=True, extra_body=script("fault=neverAnswer"))
    left = time.monotonic_ns()
    assert (cancelled(fresh)["closedAtNanoseconds"] - left) / 1e6 < 100


def test_embeddings(client):
    answer = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    assert [item.index for item in answer.data] == [0, 1] and len(answer.data[0].embedding) > 0


def test_legacy_completions(client):
    answer = client.completions.create(model="gpt-4o-mini", prompt="Hello", extra_body=script("events=4"))
    assert len(answer.choices[0].text.split()) == 4
    chunks = list(client.completions.create(
        model="gpt-4o-mini", prompt="Hello", stream=True, extra_body=script("events=4")))
    assert len("".join(chunk.choices[0].text for chunk in chunks).split()) == 4


def test_several_endpoints_share_the_work(client, fresh):
    for _ in range(30):
        client.chat.completions.create(model="paired", messages=HELLO, extra_body=script("events=1"))
    hosts = {dict((n.lower(), v) for n, v in r["headers"])["host"].split(":")[0] for r in fresh.seen()["requests"]}
    assert hosts == {"127.0.0.1", "localhost"}


BEFORE_THE_ANSWER = ["status:503", "status:429", "closeBeforeAnswer", "resetBeforeAnswer", "badHead", "htmlError"]
BEFORE_THE_FIRST_WORD = ["endEarly", "close", "reset", "errorEvent"]


@pytest.mark.parametrize(
    "fault, stream",
    [(fault, False) for fault in BEFORE_THE_ANSWER] + [(f, True) for f in BEFORE_THE_ANSWER + BEFORE_THE_FIRST_WORD])
def test_a_failure_before_the_first_word_is_made_good_by_another_endpoint(client, fault, stream):
    answer = client.chat.completions.create(
        model="paired", messages=HELLO, stream=stream,
        extra_body=script(f"events=3 fault={fault} first=1 after=0 tag={time.monotonic_ns()}"))
    text = text_of(list(answer)) if stream else answer.choices[0].message.content
    assert len(text.split()) == 3
