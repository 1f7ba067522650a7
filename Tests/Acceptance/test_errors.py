"""Refusals and failures arrive as the SDK's own exception types, in OpenAI's words."""

import json

import httpx
import openai
import pytest

import rig
from test_sdk import HELLO, script


def test_a_missing_or_wrong_key(gateway):
    for key in ("sk-unknown", rig.ALICE[:-1], rig.ALICE + "x"):
        with pytest.raises(openai.AuthenticationError) as caught:
            openai.OpenAI(base_url=gateway.url, api_key=key, max_retries=0).models.list()
        assert caught.value.code == "invalid_api_key" and key not in str(caught.value)
    assert rig.exchange(gateway.port, rig.request("GET", "/v1/models", key=None)).status == 401


def test_a_model_that_the_consumer_may_not_use(gateway):
    bob = openai.OpenAI(base_url=gateway.url, api_key=rig.BOB, max_retries=0)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        bob.chat.completions.create(model="deepseek-r1", messages=HELLO)
    assert caught.value.code == "model_not_allowed" and "bob" in caught.value.message


def test_an_unknown_model_names_the_nearest(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="deepsek-r1", messages=HELLO)
    assert caught.value.code == "model_not_found" and "'deepseek-r1'" in caught.value.message
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"model":"gpt-4o-mini"', b"[]", b'{"model":1}', b'{"model":"a","model":"b"}',
             b'{"model":"gpt-4o-mini","messages":[\xff]}', b'{"model":"\\ud800"}', b'{"messages":[]}', b'{"model":""}'])
def test_bad_json(gateway, fresh, body):
    answer = rig.exchange(gateway.port, rig.request("POST", "/v1/chat/completions", body))
    assert answer.status == 400 and answer.json()["error"]["type"] == "invalid_request_error"
    assert fresh.seen()["requestsTotal"] == 0


def test_bad_json_is_a_bad_request_error(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="", messages=HELLO)
    assert caught.value.code == "missing_model" and caught.value.param == "model"
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, extra_body={"stream": "yes"})
    assert caught.value.code == "invalid_json" and caught.value.param == "stream"


def test_an_upstreams_429_with_its_retry_after(client):
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, extra_body=script("fault=status:429 retryAfter=7"))
    assert caught.value.response.headers["retry-after"] == "7" and caught.value.code == "rate_limit_exceeded"


def test_the_sdks_own_retry_succeeds_after_a_429(gateway):
    client = openai.OpenAI(base_url=gateway.url, api_key=rig.ALICE, max_retries=1)
    answer = client.chat.completions.create(
        model="gpt-4o-mini", messages=HELLO,
        extra_body=script("events=2 fault=status:429 retryAfter=0 first=1 tag=sdk-retry"))
    assert answer.usage.completion_tokens == 2


@pytest.mark.parametrize("status", [500, 502, 503, 529])
@pytest.mark.parametrize("stream", [False, True])
def test_an_upstreams_failure(client, status, stream):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, stream=stream, extra_body=script(f"fault=status:{status}"))
    assert caught.value.status_code == status


@pytest.mark.parametrize(
    "fault, status", [("htmlError", 502), ("closeBeforeAnswer", 502), ("resetBeforeAnswer", 502), ("badHead", 502)])
def test_an_upstream_that_answers_in_no_known_way(client, fault, status):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, stream=True, extra_body=script(f"fault={fault}"))
    assert caught.value.status_code == status
    assert caught.value.body["type"] == "server_error" and "sim" in caught.value.message


def test_an_upstreams_400_is_the_callers(client):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, extra_body=script("fault=status:400"))


def test_the_gateways_own_key_being_refused_is_not_the_callers_fault(client):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, extra_body=script("fault=status:401"))
    assert caught.value.code == "upstream_unauthorized"
    assert caught.value.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("fault", ["errorEvent", "reset", "close", "truncate", "endEarly", "noFinish", "badFraming"])
def test_a_failure_inside_a_stream_is_an_api_error_behind_what_came(client, fault):
    got = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, stream=True, extra_body=script(f"events=20 gap=3ms fault={fault} after=5")):
            if chunk.choices and chunk.choices[0].delta.content:
                got.append(chunk.choices[0].delta.content)
    assert len(got) >= 5, "what had come was delivered"
    assert not isinstance(caught.value, openai.APIConnectionError), "told in words, not by a broken connection"


def test_a_stalled_stream_ends_with_an_error(start_gateway, simulator):
    gateway = start_gateway(simulator.port, upstreams__sim__timeouts={"firstToken": "300ms", "betweenTokens": "300ms"})
    client = openai.OpenAI(base_url=gateway.url, api_key=rig.ALICE, max_retries=0, timeout=10)
    with pytest.raises(openai.APIError, match="betweenTokens"):
        list(client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, stream=True, extra_body=script("fault=stall after=3 keepAlive=50ms")))
    with pytest.raises(openai.InternalServerError, match="firstToken") as caught:
        client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, stream=True, extra_body=script("fault=neverAnswer"))
    assert caught.value.status_code == 504


def test_a_cut_answer_in_one_piece_is_a_connection_error(gateway):
    # Its head is gone with a length that can no longer be met: the break must be visible.
    for fault in ("truncate", "reset"):
        with pytest.raises((openai.APIError, httpx.RemoteProtocolError)):
            openai.OpenAI(base_url=gateway.url, api_key=rig.ALICE, max_retries=0).chat.completions.create(
                model="gpt-4o-mini", messages=HELLO, extra_body=script(f"events=50000 fault={fault}"))


def test_nobody_listens():
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{rig.free_port()}/v1", api_key="k", max_retries=0)
    with pytest.raises(openai.APIConnectionError):
        client.models.list()


def test_an_upstream_that_is_not_there(start_gateway):
    gateway = start_gateway(rig.free_port())
    client = openai.OpenAI(base_url=gateway.url, api_key=rig.ALICE, max_retries=0)
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="gpt-4o-mini", messages=HELLO)
    assert caught.value.status_code in (502, 503)


def test_methods_and_paths(gateway):
    answer = rig.exchange(gateway.port, rig.request("GET", "/v1/chat/completions"))
    assert answer.status == 405 and "POST" in answer.header("allow")
    assert rig.exchange(gateway.port, rig.request("GET", "/nothing")).json()["error"]["code"] == "unknown_url"
    assert rig.exchange(gateway.port, rig.request("OPTIONS", "/v1/chat/completions")).status == 204
    for path in ("/v1/../admin", "/v1//models", "/v1/models/a%2fb/..", "/v1/%2e%2e/x"):
        assert rig.exchange(gateway.port, rig.request("GET", path)).status in (400, 404), path


def test_a_body_beyond_the_bound(start_gateway, simulator, fresh):
    gateway = start_gateway(simulator.port, server__bodyBytesMax="64KiB")
    answer = rig.exchange(gateway.port, rig.request("POST", "/v1/chat/completions", b"{" + b" " * 70000 + b"}"))
    assert answer.status == 413 and answer.json()["error"]["code"] == "request_too_large"
    assert fresh.seen()["requestsTotal"] == 0


def test_every_refusal_has_a_request_id_and_a_log_line(gateway):
    answer = rig.exchange(gateway.port, rig.request(
        "POST", "/v1/chat/completions", rig.chat_body(model="nothing-like-it"), x_request_id="id-from-the-client-1"))
    assert answer.status == 404 and answer.header("x-request-id") == "id-from-the-client-1"
    line = rig.wait_until(
        lambda: [entry for entry in gateway.access_log() if entry["id"] == "id-from-the-client-1"], what="the log line")
    assert line[0]["outcome"] == "refused" and line[0]["error"] == "model_not_found" and line[0]["status"] == 404
    assert line[0]["consumer"] == "alice"


def test_error_bodies_are_openais(gateway):
    error = rig.exchange(gateway.port, rig.request("GET", "/v1/models", key="nope")).json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    json.dumps(error)
