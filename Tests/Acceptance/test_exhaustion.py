"""What strangers can use up: memory for bodies, places for connections, and what the machine has no more of."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import rig

SMALL_POOL = {"idleTimeout": "300ms", "maxSessions": 100, "maxQueue": 100}


def connect(gateway):
    return socket.create_connection(("127.0.0.1", gateway.port), 10)


def metrics(gateway) -> dict[str, float]:
    page = rig.exchange(gateway.admin_port, rig.request("GET", "/metrics", key=None)).body.decode()
    return {name: float(value) for name, value in re.findall(r"^(sluice_\S+) (\S+)$", page, re.MULTILINE)}


def ask(gateway):
    answer = rig.exchange(gateway.port, rig.chat("events=2"))
    assert answer.status == 200 and answer.is_whole, answer.body[:500]


@pytest.fixture
def limited(start_gateway, simulator, tmp_path, monkeypatch):
    """Starts gateways that may have so many descriptors and no more."""
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root raises the limit, and nothing here takes that right away")

    def start(limit, **more):
        wrapper = tmp_path / f"limited-{limit}"
        drop = "setpriv --bounding-set=-sys_resource --inh-caps=-sys_resource " if os.geteuid() == 0 else ""
        wrapper.write_text(f'#!/bin/sh\nulimit -n {limit}\nexec {drop}"{rig.BINARY}" "$@"\n')
        wrapper.chmod(0o755)
        with monkeypatch.context() as patch:
            patch.setattr(rig, "BINARY", str(wrapper))
            return start_gateway(simulator.port, upstreams__sim__pool=SMALL_POOL, **more)

    return start


# -- Memory for bodies -------------------------------------------------------------------------------------------------


def unfinished(gateway, size, sent):
    """A chat request of `size` bytes of body, of which so many are sent."""
    start = rig.chat_body()[:-1] + b',"user":"'
    body = start + b"x" * (size - len(start) - 2) + b'"}'
    connection = connect(gateway)
    head = rig.request("POST", "/v1/chat/completions", b"", close=False)
    connection.sendall(head.replace(b"content-length: 0", b"content-length: %d" % size))
    return connection, body, sent


def send_in_background(entries):
    def send(connection, body, sent):
        with contextlib.suppress(OSError):
            connection.sendall(body[:sent])

    threads = [threading.Thread(target=send, args=entry, daemon=True) for entry in entries]
    for thread in threads:
        thread.start()
    return threads


def test_unfinished_bodies_take_no_more_memory_than_they_may(start_gateway, simulator):
    gateway = start_gateway(simulator.port, server__bodyMemory="64MiB", upstreams__sim__pool=SMALL_POOL)
    ask(gateway)
    idle = gateway.rss_bytes()
    size = 29 << 20
    entries = [unfinished(gateway, size, size - 1000) for _ in range(20)]
    send_in_background(entries)
    peak, until = 0, time.monotonic() + 4
    while time.monotonic() < until:
        peak = max(peak, gateway.rss_bytes())
        ask(gateway)
        time.sleep(0.02)
    print(f"peak {(peak - idle) / 2**20:.0f} MiB above {idle / 2**20:.0f}")
    assert peak - idle < 120 << 20, f"{(peak - idle) >> 20} MiB above idle"
    seen = metrics(gateway)
    assert seen["sluice_body_memory_bytes"] <= seen["sluice_body_memory_max_bytes"] == 64 << 20
    assert seen["sluice_body_memory_bytes"] > 20 << 20
    for connection, _, _ in entries:
        connection.close()
    rig.wait_until(lambda: metrics(gateway)["sluice_body_memory_bytes"] == 0, what="the memory given back")
    rig.wait_until(lambda: gateway.rss_bytes() - idle < 12 << 20, 5, what=f"{idle >> 20} MiB as before")


def test_large_bodies_beyond_the_memory_wait_or_are_told_to_come_again(start_gateway, simulator):
    gateway = start_gateway(simulator.port, server__bodyMemory="16MiB", upstreams__sim__pool=SMALL_POOL)
    size = 5 << 20
    entries = [unfinished(gateway, size, size) for _ in range(12)]
    send_in_background(entries)
    answers = []
    for connection, _, _ in entries:
        connection.settimeout(60)
        answers.append(rig.Reader(connection).answer())
        connection.close()
    statuses = [answer.status for answer in answers]
    assert set(statuses) <= {200, 503} and statuses.count(200) >= 3, statuses
    for answer in answers:
        if answer.status == 503:
            assert answer.json()["error"]["code"] == "gateway_overloaded" and answer.header("retry-after") == "1"
    rig.wait_until(lambda: metrics(gateway)["sluice_body_memory_bytes"] == 0, what="the memory given back")
    ask(gateway)


def test_a_body_larger_than_all_the_memory_is_refused_at_once(start_gateway, simulator):
    gateway = start_gateway(simulator.port, server__bodyMemory="4MiB")
    connection, _, _ = unfinished(gateway, 5 << 20, 0)
    with connection:
        answer = rig.Reader(connection).answer()
    assert answer.status == 413 and "3932160" in answer.json()["error"]["message"]


def test_a_body_that_trickles_is_refused(start_gateway, simulator):
    gateway = start_gateway(simulator.port, server__minBodyRate="20KiB", server__timeouts={"body": "1s"})
    connection, body, _ = unfinished(gateway, 30 << 20, 0)
    with connection:
        connection.sendall(body[:100_000])
        connection.settimeout(0.05)
        reader, sent, started = rig.Reader(connection), 100_000, time.monotonic()
        while time.monotonic() < started + 15:
            connection.sendall(body[sent:sent + 30])
            sent += 30
            try:
                if reader.fill():
                    break
            except TimeoutError:
                pass
        assert reader.bytes.startswith(b"HTTP/1.1 408"), reader.bytes[:100]


# -- Places for connections --------------------------------------------------------------------------------------------


def test_a_newcomer_is_served_when_half_heads_and_idle_connections_take_all_places(start_gateway, simulator):
    gateway = start_gateway(simulator.port, server__connectionsMax=60)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(gateway)) for _ in range(20)]
        for connection in idle:
            connection.sendall(rig.request("GET", "/livez", close=False))
            assert rig.Reader(connection).answer().status == 200
        heads = [stack.enter_context(connect(gateway)) for _ in range(100)]
        for connection in heads:
            with contextlib.suppress(OSError):
                connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost:")
        started = time.monotonic()
        for _ in range(10):
            ask(gateway)
        assert time.monotonic() - started < 8
        seen = metrics(gateway)
        assert seen["sluice_connections_max"] == 60 and seen["sluice_connections"] <= 60
        assert seen['sluice_connections_evicted_total{stage="idle"}'] >= 20
        assert seen['sluice_connections_evicted_total{stage="reading_head"}'] >= 40


def test_a_thousand_half_heads_leave_a_gateway_of_1024_descriptors_to_others(limited, simulator):
    gateway = limited(1024)
    with contextlib.ExitStack() as stack:
        for _ in range(1064):
            connection = stack.enter_context(connect(gateway))
            with contextlib.suppress(OSError):
                connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-a: ")
        slowest = 0.0
        for _ in range(20):
            started = time.monotonic()
            ask(gateway)
            slowest = max(slowest, time.monotonic() - started)
    print(f"slowest newcomer {slowest:.3f} s")
    assert slowest < 5


def test_one_client_holds_as_many_connections_as_it_may(start_gateway, simulator):
    gateway = start_gateway(simulator.port, server__connectionsPerClient=5)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(gateway)) for _ in range(5)]
        for connection in held:
            connection.sendall(rig.request("GET", "/livez", close=False))
            assert rig.Reader(connection).answer().status == 200
        with connect(gateway) as refused, contextlib.suppress(ConnectionError):
            assert refused.recv(1) == b""
        assert metrics(gateway)['sluice_connections_refused_total{reason="client_limit"}'] == 1
    rig.wait_until(lambda: gateway.status()["connections"] == 0, what="quiet")
    ask(gateway)


# -- What the machine has no more of -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def failing_calls(directory) -> pathlib.Path:
    """The library that has system calls fail."""
    compiler = shutil.which("cc") or shutil.which("clang") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler")
    library = directory / "failing_calls.so"
    source = pathlib.Path(__file__).with_name("failing_calls.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture
def start_failing(start_gateway, simulator, failing_calls, tmp_path):
    """A gateway whose calls fail while a file exists: (gateway, file)."""

    def start(calls, **changes):
        switch = tmp_path / "failing"
        switch.unlink(missing_ok=True)
        environment = {"LD_PRELOAD": str(failing_calls), "FAILING_CALLS": calls, "FAILING_WHEN": str(switch)}
        return start_gateway(simulator.port, environment=environment, **changes), switch

    return start


@pytest.mark.parametrize("code", [28, 12], ids=["ENOSPC", "ENOMEM"])
def test_sockets_that_the_system_refuses_to_watch_are_closed_and_counted(start_failing, code):
    gateway, switch = start_failing(f"epoll_add={code}", upstreams__sim__pool=SMALL_POOL)
    ask(gateway)
    switch.touch()
    for _ in range(5):
        with connect(gateway) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(rig.chat())
            assert connection.recv(1) == b""
    switch.unlink()
    ask(gateway)
    assert metrics(gateway)['sluice_connections_refused_total{reason="system_limit"}'] == 5


@pytest.mark.parametrize("calls", ["epoll_add=28", "socket=24", "socket=12"])
def test_an_upstream_that_cannot_be_connected_to_for_want_of_something_here_is_no_fault_of_its(start_failing, calls):
    gateway, switch = start_failing(calls, upstreams__sim__pool={**SMALL_POOL, "idleTimeout": "100ms"})
    with connect(gateway) as connection:
        reader = rig.Reader(connection)
        connection.sendall(rig.chat("events=2", close=False))
        assert reader.answer().status == 200
        rig.wait_until(
            lambda: metrics(gateway)['sluice_sessions_idle{upstream="sim"}'] == 0, what="no idle session")
        switch.touch()
        for _ in range(3):
            connection.sendall(rig.chat("events=2", close=False))
            answer = reader.answer()
            assert answer.status == 503 and answer.json()["error"]["code"] == "gateway_overloaded", answer.body
            assert answer.header("retry-after") == "1"
        switch.unlink()
        # Not held back: it is connected to at once.
        connection.sendall(rig.chat("events=2", close=False))
        assert reader.answer().status == 200


@pytest.mark.parametrize("calls", ["accept=24", "accept=12", "epoll_mod=12", "pthread_create=11"])
def test_other_calls_that_fail_for_a_while_end_nothing(start_failing, calls):
    gateway, switch = start_failing(calls)
    ask(gateway)
    switch.touch()
    for _ in range(3):
        with connect(gateway) as connection, contextlib.suppress(OSError):
            connection.settimeout(0.3)
            connection.sendall(rig.chat("events=200 text=big:20000"))
            while connection.recv(1 << 16):
                pass
    switch.unlink()
    ask(gateway)


@pytest.mark.parametrize("calls, words", [
    ("epoll_create1=24", "epoll_create1"), ("eventfd=24", "eventfd"), ("epoll_add=28", "max_user_watches"),
    ("socket=24", "ulimit -n"), ("listen=98", "listen: 127.0.0.1:")])
def test_a_start_for_which_there_is_not_enough_says_what_is_missing(
        directory, tmp_path, simulator, failing_calls, calls, words):
    gateway = rig.Gateway(
        tmp_path, simulator.port, wait=False, environment={"LD_PRELOAD": str(failing_calls), "FAILING_CALLS": calls})
    try:
        assert gateway.process.wait(10) == 1, gateway.logs()
    finally:
        gateway.process.kill()
    assert words in gateway.errors.read_text()


def test_a_file_that_cannot_be_watched_is_told_and_reloaded_when_asked(start_gateway, simulator, failing_calls):
    gateway = start_gateway(
        simulator.port, environment={"LD_PRELOAD": str(failing_calls), "FAILING_CALLS": "inotify_init1=24"})
    assert "not watched" in gateway.logs() and "SIGHUP" in gateway.logs()
    gateway.process.send_signal(signal.SIGHUP)
    rig.wait_until(lambda: "reloaded" in gateway.logs(), what="the reload")


def test_few_descriptors_are_told_and_too_few_refused(limited):
    few = limited(200)
    assert "few open files" in few.logs() and '"connections_max":"68"' in few.logs()
    ask(few)
    none = limited(24, wait=False)
    assert none.process.wait(10) == 1, none.logs()
    assert "ulimit -n" in none.errors.read_text()
