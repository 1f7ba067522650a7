"""Running it: reload, drain, hand over, and the command line."""

import asyncio
import copy
import json
import signal
import socket
import subprocess
import time

import httpx
import openai
import pytest

import rig

SECONDS = 30 if rig.FULL else 8


def sluice(*arguments, directory, environment=None, text=None):
    import os

    return subprocess.run(
        [rig.BINARY, *arguments], capture_output=True, text=True, cwd=directory, timeout=20, input=text,
        env={"PATH": os.environ["PATH"], **(environment or {})})


@pytest.mark.heavy
async def test_reload_every_100_ms_under_load(start_gateway, simulator):
    gateway = start_gateway(simulator.port)
    failures, served = [], 0
    is_over = asyncio.Event()

    async def worker(number):
        nonlocal served
        async with httpx.AsyncClient(timeout=20, headers={"authorization": f"Bearer {rig.ALICE}"}) as client:
            while not is_over.is_set():
                stream = (number + served) % 2 == 0
                body = rig.chat_body(f"events=20 gap=1ms tag={number}", stream=stream)
                try:
                    answer = await client.post(
                        f"{gateway.url}/chat/completions", content=body, headers={"content-type": "application/json"})
                    if answer.status_code != 200 or stream != (b"[DONE]" in answer.content):
                        failures.append((answer.status_code, answer.text[-300:]))
                except httpx.HTTPError as problem:
                    failures.append(repr(problem))
                served += 1

    async def long_stream():
        client = openai.AsyncOpenAI(base_url=gateway.url, api_key=rig.ALICE, max_retries=0)
        count = SECONDS * 20
        stream = await client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}], stream=True,
            extra_body={"metadata": {"script": f"events={count} gap=50ms"}})
        got = 0
        async for chunk in stream:
            got += bool(chunk.choices and chunk.choices[0].delta.content)
        return got == count

    async def reloader():
        for number in range(SECONDS * 10):
            settings = copy.deepcopy(gateway.settings)
            match number % 6:
                case 0: settings["models"]["added-model"] = {"serve": "sim"}
                case 1: settings["upstreams"]["sim"]["nonsense"] = 1
                case 2: settings["upstreams"]["sim"]["pool"]["maxSessions"] = 20 + number
                case 3: settings = "upstreams: [ this is: not: yaml"
                case 4:
                    # Another address of the same upstream: its sessions are new, those in use go on.
                    settings["upstreams"]["sim"]["baseURL"] = f"http://127.0.0.1:{gateway.upstream_port}/v1/"
                    settings["upstreams"]["sim"]["dnsRefresh"] = f"{10 + number}s"
                case 5: settings["models"]["gpt-*"]["serve"] = "nobody"
            gateway.write(settings)
            await asyncio.sleep(0.1)
        is_over.set()

    long = asyncio.create_task(long_stream())
    await asyncio.gather(reloader(), *(worker(number) for number in range(12)))
    assert await long, "a stream that ran through all of it is whole"
    assert not failures, (len(failures), served, failures[:3])
    assert served > 100
    errors = gateway.errors.read_text()
    assert errors.count("configuration reloaded") > SECONDS and errors.count("configuration refused") > SECONDS


def test_a_reload_shows_at_once_and_a_bad_file_changes_nothing(start_gateway, simulator, tmp_path):
    gateway = start_gateway(simulator.port)
    settings = copy.deepcopy(gateway.settings)
    settings["models"]["brand-new"] = {"serve": "sim"}
    gateway.write(settings)
    ask = rig.request("GET", "/v1/models/brand-new")
    rig.wait_until(lambda: rig.exchange(gateway.port, ask).status == 200, what="the new model, by file watch")
    # A key that is taken out stops working at once.
    del settings["consumers"]["bob"]
    gateway.write(settings)
    bob = rig.request("GET", "/v1/models", key=rig.BOB)
    rig.wait_until(lambda: rig.exchange(gateway.port, bob).status == 401, what="bob's farewell")

    gateway.write("models: { brand-new: { serve: nobody } }")
    rig.wait_until(lambda: "refused" in gateway.errors.read_text(), what="the refusal")
    assert rig.exchange(gateway.port, ask).status == 200

    gateway.write(settings)
    gateway.process.send_signal(signal.SIGHUP)
    rig.wait_until(lambda: '"reason":"SIGHUP"' in gateway.errors.read_text(), what="the reload by SIGHUP")
    done = sluice("reload", "--config", str(gateway.file), directory=tmp_path)
    assert done.returncode == 0 and "at work" in done.stdout
    status = sluice("status", "--config", str(gateway.file), directory=tmp_path)
    assert status.returncode == 0 and "sim" in json.dumps(json.loads(status.stdout))


def test_sigterm_lets_a_running_stream_finish(start_gateway, simulator):
    gateway = start_gateway(simulator.port)
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        connection.sendall(rig.chat("events=20 gap=50ms", close=False))
        assert connection.recv(10).startswith(b"HTTP/1.1")
        gateway.terminate()
        rig.wait_until(lambda: not rig.can_connect(gateway.port), what="the closed port")
        assert rig.exchange(gateway.admin_port, rig.request("GET", "/readyz")).status == 503
        assert rig.exchange(gateway.admin_port, rig.request("GET", "/livez")).status == 200
        rest = b""
        while piece := connection.recv(65536):
            rest += piece
    assert b"data: [DONE]\n\n" in rest and rest.endswith(b"0\r\n\r\n"), "whole, then closed"
    assert gateway.stop() == 0
    assert '"cut":"0"' in gateway.errors.read_text()
    assert gateway.access_log()[-1]["outcome"] == "completed", "the last line is written"


def test_sigterm_cuts_what_is_left_at_the_deadline_and_counts(start_gateway, simulator, fresh):
    gateway = start_gateway(simulator.port, server__drain="1s")
    connections = [socket.create_connection(("127.0.0.1", gateway.port), 10) for _ in range(7)]
    for connection in connections:
        connection.sendall(rig.chat("events=100000 gap=20ms"))
        assert connection.recv(10).startswith(b"HTTP/1.1")
    started = time.monotonic()
    gateway.terminate()
    for connection in connections:
        rest = b"x"
        while piece := connection.recv(65536):
            rest += piece
        assert b'"code":"shutting_down"' in rest and rest.endswith(b"0\r\n\r\n")
        connection.close()
    assert 0.9 < time.monotonic() - started < 3
    assert gateway.stop() == 0
    assert '"cut":"7"' in gateway.errors.read_text()
    assert [line["outcome"] for line in gateway.access_log()] == ["shut_down"] * 7
    rig.wait_until(lambda: fresh.seen()["cancelsTotal"] == 7, what="the cancels")


def test_an_idle_gateway_stays_idle_and_small(start_gateway, simulator):
    gateway = start_gateway(simulator.port)
    rig.exchange(gateway.port, rig.chat("events=3"))
    time.sleep(0.5)

    def ticks():
        fields = open(f"/proc/{gateway.pid}/stat").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    time.sleep(1)
    assert ticks() - before <= 2, "hundredths of a second of processor time in a second"
    # What belongs to this process alone; pages of the binary and of libraries are the page cache's.
    assert gateway.private_bytes() < 10 << 20, f"{gateway.private_bytes() / 1e6:.1f} MB"


def test_validate_says_everything_that_is_wrong(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("server: { listn: 1 }\nupstreams:\n  a: { provider: openay }\nmodels:\n  m: { serve: b }\n")
    result = sluice("validate", "--config", str(bad), directory=tmp_path)
    assert result.returncode != 0
    for words in ("bad.yaml:1", "listen", "bad.yaml:3", "openai", "bad.yaml:5"):
        assert words in result.stderr, words
    assert sluice("serve", "--config", str(bad), directory=tmp_path).returncode == 2
    assert sluice("serve", directory=tmp_path).returncode != 0, "without any configuration"


def test_keys_are_made_and_hashed(tmp_path):
    made = dict(line.split(":", 1) for line in sluice("keys", "create", directory=tmp_path).stdout.split("\n") if line)
    assert made["hash"].strip() == rig.hashed(made["key"].strip())
    assert sluice("keys", "hash", directory=tmp_path, text="sk-1\n").stdout.strip() == rig.hashed("sk-1")


def test_providers_variables_are_a_configuration(tmp_path, simulator):
    port = rig.free_port()
    environment = {
        "DEEPSEEK_API_KEY": "sk-there", "DEEPSEEK_BASE_URL": f"http://127.0.0.1:{simulator.port}/v1",
        "SLUICE_LISTEN": f"127.0.0.1:{port}"}
    result = sluice("validate", directory=tmp_path, environment=environment)
    assert result.returncode == 0 and "1 upstreams" in result.stdout


def test_version_names_the_libraries(tmp_path):
    words = sluice("version", directory=tmp_path).stdout
    assert "sluice " in words and "OpenSSL 3" in words and "LZ4" in words and "hiredis" in words
