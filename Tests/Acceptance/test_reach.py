"""What a request may name and reach, asked of the binary as a stranger would."""

import json
import os
import pathlib

import pytest

import rig

CAROL = "sk-carol-0123456789abcdef"


@pytest.fixture(scope="module")
def alone(tmp_path_factory, simulator):
    """One upstream, one consumer who may use `small` alone, a limit that counts tokens, and no routes."""
    models = {f"model-with-a-long-name-{i:05}": {"serve": "sim"} for i in range(2000)}
    gateway = rig.Gateway(
        tmp_path_factory.mktemp("reach"), simulator.port, routes=[],
        upstreams={"sim": {
            "provider": "vllm", "baseURL": f"http://127.0.0.1:{simulator.port}/v1", "apiKeys": [rig.UPSTREAM_KEY]}},
        models={"small": {"serve": "sim"}, "big": {"serve": "sim"}, **models},
        consumers={
            "alice": {"keys": [rig.hashed(rig.ALICE)]}, "carol": {"keys": [rig.hashed(CAROL)]},
            "bob": {"keys": [rig.hashed(rig.BOB)], "models": ["small"]}},
        limits={"few": {
            "match": {"consumer": "alice"}, "tokens": 60, "per": "minute", "burst": 60, "onExceeded": "truncate"}})
    yield gateway
    gateway.stop()


@pytest.mark.parametrize("method, path", [
    ("GET", "organization/admin_api_keys"), ("DELETE", "files/file-1"), ("POST", "fine_tuning/jobs"),
    ("POST", "engines/small/completions"), ("POST", "chat/completions/x"), ("GET", "responses/resp_1"), ("POST", "batches")])
def test_an_endpoint_that_nobody_named_goes_nowhere(alone, fresh, method, path):
    body = b'{"model":"small"}' if method == "POST" else None
    answer = rig.exchange(alone.port, rig.request(method, f"/v1/{path}", body))
    assert answer.status == 404 and b"'routes'" in answer.body
    assert fresh.seen()["requests"] == []


@pytest.mark.parametrize("n", ["-1", "0", "-9223372036854775808", "9223372036854775807", "1e400", "1.5", "[]", "129"])
def test_a_number_of_answers_that_is_none_is_refused_and_ends_nothing(alone, n):
    body = rig.chat_body("events=200", model="small").replace(b'"stream"', f'"n":{n},"stream"'.encode(), 1)
    answer = rig.exchange(alone.port, rig.request("POST", "/v1/chat/completions", body))
    assert answer.status == 400 and json.loads(answer.body)["error"]["param"] == "n"
    assert rig.exchange(alone.port, rig.request("GET", "/livez")).status == 200


@pytest.mark.parametrize("member", [
    '"Model":"big"', '"model":"big"', '"m\\u006fdel":"big"', '"models":["big"]', '"fallbacks":["big"]', '"\u017ftream":true',
    '"MAX_TO\u212aENS":1', '"extra_body":{"model":"big"}', '"route":"fallback"'])
def test_no_second_name_leads_to_another_model(alone, fresh, member):
    body = f'{{"model":"small","messages":[],{member}}}'.encode()
    answer = rig.exchange(alone.port, rig.request("POST", "/v1/chat/completions", body, key=rig.BOB))
    assert answer.status in (400, 403) and fresh.seen()["requests"] == []


def test_a_key_stands_nowhere_but_where_it_was_presented(alone, fresh):
    body = rig.chat_body("events=1", model="small")
    for name in ("x_request_id", "user_agent", "traceparent", "idempotency_key"):
        answer = rig.exchange(alone.port, rig.request(
            "POST", f"/v1/chat/completions?key={rig.BOB}&token=t&a={rig.BOB}", body, key=rig.BOB, **{name: rig.BOB}))
        assert answer.status == 200 and rig.BOB not in str(answer.headers)
    rig.exchange(alone.port, rig.request("GET", f"/v1/models/{rig.BOB}", key=rig.BOB))
    rig.exchange(alone.port, rig.request("GET", f"/v1/{rig.BOB}", key=None))
    seen = fresh.seen()["requests"]
    assert [r["target"] for r in seen] == ["/v1/chat/completions"] * 4
    assert rig.BOB not in json.dumps([r["headers"] for r in seen])
    rig.wait_until(lambda: sum(r["path"] == "/v1/***" for r in alone.access_log()) == 1, what="the last request's line")
    assert rig.BOB not in alone.logs()


def test_an_unknown_name_costs_little_among_many_models(alone):
    """Compared with each of 2,000 names in full, 40 letters took 13.7 ms of processor time."""
    def cpu_seconds():
        fields = pathlib.Path(f"/proc/{alone.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    body = rig.chat_body(model="model-with-a-lung-nime-of-40-letters-xyz")
    before = cpu_seconds()
    for _ in range(200):
        assert rig.exchange(alone.port, rig.request("POST", "/v1/chat/completions", body, key=CAROL)).status == 404
    assert cpu_seconds() - before < 0.4
