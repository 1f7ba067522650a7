"""Endpoints that are passed through, and other ways to show a key."""

import json
import zlib

import httpx
import openai
import pytest

import rig


@pytest.mark.parametrize("name", ["x-api-key", "api-key"])
def test_other_headers_for_the_key(gateway, name):
    answer = httpx.post(
        f"{gateway.url}/messages", headers={name: rig.ALICE, "anthropic-version": "2023-06-01"},
        json={"model": "gpt-4o-mini", "max_tokens": 10, "messages": [{"role": "user", "content": "Hello"}]})
    assert answer.status_code == 200 and answer.json()["path"] == "/v1/messages"
    assert httpx.get(f"{gateway.url}/models", headers={name: "wrong"}).status_code == 401


def test_two_keys_that_differ_are_refused(gateway):
    answer = httpx.get(f"{gateway.url}/models", headers={"x-api-key": rig.ALICE, "authorization": f"Bearer {rig.BOB}"})
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["responses", "messages", "rerank", "moderations", "images/generations", "audio/speech"])
def test_json_endpoints_are_routed_by_their_model(gateway, fresh, path):
    body = {"model": "house-model", "input": "Ünïcode", "extra": [1, {"a": None}]}
    answer = httpx.post(f"{gateway.url}/{path}", headers={"authorization": f"Bearer {rig.ALICE}"}, json=body)
    assert answer.status_code == 200 and answer.headers["x-sluice-upstream"] == "sim"
    seen = fresh.seen()["requests"][-1]
    assert seen["target"] == f"/v1/{path}" and json.loads(seen["body"]) == {**body, "model": "name-over-there"}


def test_audio_is_routed_by_the_model_in_its_form(client, fresh):
    audio = bytes(range(256)) * 4000
    client.audio.transcriptions.with_raw_response.create(model="whisper-1", file=("a.wav", audio))
    seen = fresh.seen()["requests"][-1]
    assert seen["target"] == "/v1/audio/transcriptions" and seen["bodyBytes"] > len(audio)
    with pytest.raises(openai.NotFoundError):
        client.audio.transcriptions.create(model="whisper-9x", file=("a.wav", audio))


def test_files_go_by_their_route(gateway, fresh):
    content = bytes(range(256)) * 100
    key = {"authorization": f"Bearer {rig.ALICE}"}
    put = httpx.post(f"{gateway.url}/files?purpose=batch", headers=key, content=content)
    assert put.json()["crc32"] == f"{zlib.crc32(content):08x}" and put.json()["bodyBytes"] == len(content)
    assert httpx.get(f"{gateway.url}/files/file-1/content", headers=key).json()["path"].startswith("/v1/files/file-1")
    assert httpx.delete(f"{gateway.url}/files/file-1", headers=key).json()["method"] == "DELETE"
    assert [r["target"] for r in fresh.seen()["requests"]] == [
        "/v1/files?purpose=batch", "/v1/files/file-1/content", "/v1/files/file-1"]


def test_what_has_no_route_is_not_found(gateway):
    answer = httpx.get(f"{gateway.url}/batches", headers={"authorization": f"Bearer {rig.ALICE}"})
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "no_route"


def test_an_upstream_sees_its_key_and_nothing_of_the_clients(gateway, fresh):
    rig.exchange(gateway.port, rig.request(
        "POST", "/v1/chat/completions", rig.chat_body("events=1"), cookie="session=1", x_forwarded_for="1.2.3.4",
        x_internal="secret", user_agent="tests/1", openai_organization="org-of-the-client", x_request_id="one-id"))
    headers = {name.lower(): value for name, value in fresh.seen()["requests"][-1]["headers"]}
    assert headers["authorization"] == f"Bearer {rig.UPSTREAM_KEY}" and headers["x-request-id"] == "one-id"
    assert headers["user-agent"] == "tests/1"
    assert not {"cookie", "x-forwarded-for", "x-internal", "openai-organization"} & set(headers)


def test_a_client_sees_nothing_of_the_upstreams_own(gateway):
    answer = rig.exchange(gateway.port, rig.chat(
        "events=1 header='set-cookie: a=b' header='server: there' header='openai-organization: org' "
        "header='x-ratelimit-limit-requests: 5' header='openai-processing-ms: 12'", stream=False))
    names = {name.lower() for name, _ in answer.headers}
    assert "openai-processing-ms" in names and "x-request-id" in names
    assert not {"set-cookie", "server", "openai-organization", "x-ratelimit-limit-requests"} & names


def test_health(gateway):
    for port in (gateway.port, gateway.admin_port):
        for path in ("/livez", "/readyz", "/health"):
            assert rig.exchange(port, rig.request("GET", path, key=None)).status == 200
    status = gateway.status()
    assert "upstreams" in status


def test_an_upstreams_keys_take_turns(start_gateway, simulator, fresh):
    gateway = start_gateway(simulator.port, server__reactors=1, upstreams__sim__apiKeys=["sk-one", "sk-two"])
    for _ in range(6):
        rig.exchange(gateway.port, rig.chat("events=1"))
    shown = [dict((n.lower(), v) for n, v in r["headers"])["authorization"] for r in fresh.seen()["requests"]]
    assert sorted(shown) == ["Bearer sk-one"] * 3 + ["Bearer sk-two"] * 3


def test_a_laptop_needs_no_key(start_gateway, simulator):
    gateway = start_gateway(simulator.port, anonymous=True)
    assert rig.exchange(gateway.port, rig.chat("events=1", key=None)).status == 200
    assert rig.exchange(gateway.port, rig.chat("events=1", key="sk-wrong")).status == 401, "what is shown must be right"


def test_a_request_id_that_is_not_plain_is_replaced(gateway):
    for given in ("two words", 'quo"te', "x" * 200, "\u00e9"):
        answer = rig.exchange(gateway.port, rig.request("GET", "/v1/models", x_request_id=given))
        assert answer.status == 200 and answer.header("x-request-id") != given
        assert len(answer.header("x-request-id")) == 32


def test_a_client_that_leaves_the_queue_leaves_no_trace(start_gateway, simulator, fresh):
    import socket

    gateway = start_gateway(
        simulator.port, server__reactors=1, upstreams__sim__pool={"maxSessions": 1, "queueTimeout": "20s"})
    with socket.create_connection(("127.0.0.1", gateway.port)) as first:
        first.sendall(rig.chat("events=100000 gap=20ms"))
        assert first.recv(10)
        waiting = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(5)]
        for connection in waiting:
            connection.sendall(rig.chat("events=1 tag=waits"))
        rig.wait_until(lambda: gateway.status()["upstreams"]["sim"]["waiting"] == 5, what="five in the queue")
        for connection in waiting:
            connection.close()
        rig.wait_until(lambda: gateway.status()["upstreams"]["sim"]["waiting"] == 0, what="an empty queue")
    assert rig.exchange(gateway.port, rig.chat("events=1")).status == 200
    assert not [r for r in fresh.seen()["requests"] if "waits" in r["body"]]
