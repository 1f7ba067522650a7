"""What a gateway on the open network meets: the clumsy, the slow, the many, and upstreams that break."""

import asyncio
import contextlib
import hashlib
import json
import os
import random
import signal
import socket
import struct
import time

import pytest

import rig

QUICK = {"idleTimeout": "300ms", "maxSessions": 30000, "maxQueue": 30000}


def connect(gateway, receive_buffer=None):
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", gateway.port))
    return connection


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def ask(gateway, words="events=2", **more):
    answer = rig.exchange(gateway.port, rig.chat(words, **more))
    assert answer.status == 200 and answer.is_whole, answer.body[:500]
    return answer


@pytest.fixture
def lean(start_gateway, simulator):
    """A gateway of the test's own, whose idle state is known: (gateway, descriptors, bytes)."""
    gateway = start_gateway(simulator.port, upstreams__sim__pool=QUICK, server__timeouts={"write": "10m"})
    for _ in range(20):
        ask(gateway)
    rig.wait_until(lambda: gateway.status()["connections"] == 0, what="quiet")
    time.sleep(0.5)
    return gateway, gateway.descriptors(), gateway.rss_bytes()


def assert_descriptors_return(gateway, idle, seconds=10):
    rig.wait_until(lambda: gateway.descriptors() <= idle, seconds, what=f"{idle} descriptors as before")


@pytest.mark.heavy
def test_a_client_that_never_reads_a_gigabyte(lean, fresh):
    gateway, descriptors, idle = lean
    with connect(gateway, receive_buffer=4096) as connection:
        connection.sendall(rig.chat("events=16384 text=big:65536"))
        peak, until = 0, time.monotonic() + (15 if rig.FULL else 4)
        while time.monotonic() < until:
            peak = max(peak, gateway.rss_bytes())
            time.sleep(0.05)
        ask(gateway)
        reset(connection)
    rig.wait_until(lambda: fresh.seen()["cancels"], what="the cancel")
    assert peak - idle < 4 << 20, f"{(peak - idle) / 1e6:.1f} MB above idle"
    assert_descriptors_return(gateway, descriptors)


def test_a_slow_reader_gets_every_byte(lean, simulator):
    gateway, _, idle = lean
    words = "events=320 text=big:65536"
    expected = hashlib.sha256(rig.exchange(simulator.port, rig.chat(words)).body).digest()
    peak = 0
    with connect(gateway, receive_buffer=16384) as connection:
        connection.sendall(rig.chat(words))

        class Slow(rig.Reader):
            """Rests now and then, so that everything between it and the upstream fills up."""

        reader = Slow(connection)
        body = hashlib.sha256()
        while reader.line():
            pass
        count, pieces = -1, 0
        while count:
            count = int(reader.line(), 16)
            body.update(reader.take(count))
            assert reader.line() == b""
            pieces += 1
            if pieces % 40 == 0:
                time.sleep(0.02)
                peak = max(peak, gateway.rss_bytes())
    assert body.digest() == expected
    assert peak - idle < 4 << 20, f"{(peak - idle) / 1e6:.1f} MB above idle"


def test_a_client_that_stalls_is_cut_after_the_write_timeout(start_gateway, simulator, fresh):
    gateway = start_gateway(simulator.port, server__timeouts={"write": "500ms"})
    with connect(gateway, receive_buffer=4096) as connection:
        connection.sendall(rig.chat("events=4096 text=big:65536"))
        rig.wait_until(lambda: fresh.seen()["cancels"], what="the cancel")
    line = rig.wait_until(gateway.access_log, what="the log line")[0]
    assert line["outcome"] == "client_stalled"


@pytest.mark.heavy
def test_three_hundred_streams_dropped_at_random(lean, fresh):
    gateway, descriptors, _ = lean
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)

    async def one(delay, how):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(rig.chat(f"reasoning=3 events=100000 gap={chance.choice([1, 5, 50])}ms headDelay={chance.randrange(60)}ms"))
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(reader.read(-1), delay)
        if how == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    async def everyone():
        await asyncio.gather(*(
            one(chance.random() * 0.5, chance.choice(["reset", "close"])) for _ in range(300)))

    with rig.Normal(gateway) as normal:
        asyncio.run(everyone())
    normal.assert_served()

    def all_ended():
        seen = fresh.seen()
        return seen["requestsTotal"] == seen["answersCompleted"] + seen["cancelsTotal"] and seen

    # Those that left before their request had arrived are not among them.
    assert rig.wait_until(all_ended, what="the end of each request at the upstream")["cancelsTotal"] > 150
    assert_descriptors_return(gateway, descriptors)


@pytest.mark.heavy
def test_five_thousand_connections_churned(lean):
    gateway, descriptors, idle = lean
    chance = random.Random(5000)
    message = rig.chat("events=1", stream=False)

    async def one(number, turn):
        async with turn:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            how = number % 5
            if how == 1:
                writer.write(message[:chance.randrange(len(message))])
            elif how == 2:
                writer.write(message)
            elif how == 3:
                writer.write(message)
                assert b" 200 OK" in await reader.readline()
            elif how == 4:
                writer.write(b"GARBAGE\r\n\r\n")
                assert b" 400 " in await reader.readline()
            if number % 3 == 0:
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def everyone():
        turn = asyncio.Semaphore(100)
        await asyncio.gather(*(one(number, turn) for number in range(5000)))

    with rig.Normal(gateway) as normal:
        asyncio.run(everyone())
    normal.assert_served()
    assert_descriptors_return(gateway, descriptors)
    assert gateway.rss_bytes() - idle < 8 << 20


@pytest.mark.heavy
def test_five_hundred_slow_connections(start_gateway, simulator):
    gateway = start_gateway(
        simulator.port, upstreams__sim__pool=QUICK, server__timeouts={"head": "2s", "body": "1s"})
    time.sleep(0.3)
    descriptors = gateway.descriptors()
    message = rig.chat("events=1")
    with rig.Normal(gateway) as normal:
        connections = [connect(gateway) for _ in range(500)]
        for number, connection in enumerate(connections):
            # Half of them are slow with the head, half with the body.
            connection.sendall(message[:30] if number % 2 else message[:-20])
        alive, until = connections, time.monotonic() + 6
        while alive and time.monotonic() < until:
            rest = []
            for number, connection in enumerate(alive):
                with contextlib.suppress(OSError):
                    connection.sendall(b"x")
                    connection.setblocking(False)
                    try:
                        if connection.recv(1000):
                            raise ConnectionError
                    except BlockingIOError:
                        rest.append(connection)
                        continue
                connection.close()
            alive = rest
            time.sleep(0.25)
        # A head has two seconds as a whole, however its bytes drip; a body's pause may be a second, and it drips faster.
        assert len(alive) <= 250
    normal.assert_served()
    for connection in connections:
        connection.close()
    assert_descriptors_return(gateway, descriptors)


class Stream(asyncio.Protocol):
    """An open stream: counts its bytes."""

    message = b""
    opened = begun = lost = 0

    def connection_made(self, transport):
        self.transport, self.received = transport, 0
        type(self).opened += 1
        transport.write(self.message)

    def data_received(self, data):
        if not self.received:
            type(self).begun += 1
            assert data.startswith(b"HTTP/1.1 200"), data[:300]
        self.received += len(data)

    def connection_lost(self, problem):
        type(self).lost += 1


@pytest.mark.heavy
@pytest.mark.timeout(180)
def test_ten_thousand_open_streams(start_gateway, start_simulator):
    limit = rig.raise_descriptor_limit()
    # Each takes two descriptors of the gateway, which bounds its connections by that; and the kernel does not divide them
    # evenly between its listeners.
    count = min(10_000, (limit - 64) // 2 * 9 // 10)
    simulator = start_simulator()
    gateway = start_gateway(simulator.port, upstreams__sim__pool=QUICK)
    for _ in range(20):
        ask(gateway)
    time.sleep(0.8)
    descriptors, idle = gateway.descriptors(), gateway.rss_bytes()

    class Open(Stream):
        message = rig.chat("events=100000 gap=8s firstDelay=1s")

    async def everyone():
        loop = asyncio.get_running_loop()
        transports = []
        for _ in range(0, count, 100):
            made = await asyncio.gather(*(
                loop.create_connection(Open, "127.0.0.1", gateway.port) for _ in range(min(100, count - len(transports)))))
            transports += [transport for transport, _ in made]
        deadline = loop.time() + 60
        while Open.begun < count and loop.time() < deadline:
            await asyncio.sleep(0.1)
        seconds, memory = [], gateway.rss_bytes()
        for _ in range(20):
            started = time.monotonic()
            await asyncio.to_thread(ask, gateway)
            seconds.append(time.monotonic() - started)
            await asyncio.sleep(0.1)
        lost = Open.lost
        for transport in transports:
            transport.abort()
        return seconds, memory, lost

    seconds, memory, lost = asyncio.run(everyone())
    assert Open.begun == count and lost == 0
    assert max(seconds) < 1, f"a normal request took {max(seconds):.3f} s"
    per_stream = (memory - idle) / count
    print(f"{count} streams: {per_stream:.0f} bytes each, slowest normal request {max(seconds) * 1000:.1f} ms")
    assert per_stream < 8192, f"{per_stream:.0f} bytes per stream"
    assert_descriptors_return(gateway, descriptors, 20)


@pytest.mark.parametrize("stream", [False, True])
def test_a_hundred_of_a_hundred_when_the_upstream_closes_after_each_answer(gateway, stream):
    for number in range(100):
        assert ask(gateway, f"events={number % 5 + 1} fault=closeAfterAnswer", stream=stream)


def test_late_bytes_on_a_pooled_session_reach_nobody(start_gateway, simulator):
    gateway = start_gateway(simulator.port, server__reactors=1, upstreams__sim__pool={"maxSessions": 1})
    with connect(gateway) as connection:
        reader = rig.Reader(connection)
        for number in range(60):
            connection.sendall(rig.chat("events=2 fault=lateBytes gap=5ms", stream=number % 2 == 0, close=False))
            assert b"late" not in reader.answer().body
            if number % 2:
                # The late bytes and the next request wait for the gateway side by side.
                os.kill(gateway.pid, signal.SIGSTOP)
            time.sleep(0.02)
            connection.sendall(rig.chat(f"events={number + 3}", stream=False, close=False))
            os.kill(gateway.pid, signal.SIGCONT)
            answer = reader.answer()
            assert answer.status == 200 and b"late" not in answer.body, answer
            assert answer.json()["usage"]["completion_tokens"] == number + 3


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_stale_session_is_replaced_without_a_trace(start_gateway, how):
    def serve(connection, number):
        assert rig.read_request(connection)
        connection.sendall(rig.completion(f"from {number}"))
        if rig.read_request(connection) and how == "reset":
            reset(connection)

    with rig.StubUpstream(serve) as upstream:
        gateway = start_gateway(upstream.port, server__reactors=1)
        for _ in range(50):
            answer = ask(gateway, stream=False)
            assert answer.json()["choices"][0]["message"]["content"].startswith("from ")
        assert 50 <= upstream.connections <= 51
        assert {line["status"] for line in gateway.access_log()} <= {200}


def test_an_upstream_that_restarts(start_gateway, start_simulator):
    simulator = start_simulator()
    gateway = start_gateway(simulator.port)
    for _ in range(5):
        for _ in range(5):
            ask(gateway)
        simulator.stop()
        simulator = start_simulator(port=simulator.port)
        ask(gateway)


def test_a_session_that_answers_before_it_is_asked_is_not_used(start_gateway):
    """An answer that waits in a pooled session belongs to no request: the session must go."""

    def serve(connection, number):
        while rig.read_request(connection):
            connection.sendall(rig.completion("right") + rig.completion("WRONG"))

    with rig.StubUpstream(serve) as upstream:
        gateway = start_gateway(upstream.port, server__reactors=1)
        for _ in range(30):
            assert ask(gateway, stream=False).json()["choices"][0]["message"]["content"] == "right"


def test_responses_that_smuggle_are_refused(start_gateway):
    body = b'{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}'
    heads = [
        b"content-length: 5\r\ncontent-length: 6", b"content-length: 5\r\ntransfer-encoding: chunked",
        b"content-length: -5", b"transfer-encoding: gzip, chunked\r\ncontent-length: 1", b"x : y\r\ncontent-length: 5",
        b"x: a\r\n b\r\ncontent-length: 5", b"content-length: 99999999999999999999"]

    for head in heads:
        def serve(connection, number, head=head):
            while rig.read_request(connection):
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + head + b"\r\n\r\n" + body)

        with rig.StubUpstream(serve) as upstream:
            gateway = start_gateway(upstream.port)
            answer = rig.exchange(gateway.port, rig.chat(stream=False))
            assert answer.status == 502 and answer.json()["error"]["code"] == "upstream_protocol_error", head


def test_a_queue_that_is_full_says_so(start_gateway, simulator):
    gateway = start_gateway(
        simulator.port, server__reactors=1,
        upstreams__sim__pool={"maxSessions": 1, "maxQueue": 1, "queueTimeout": "300ms"})
    with connect(gateway) as first, connect(gateway) as second:
        first.sendall(rig.chat("events=100 gap=50ms"))
        assert b"200 OK" in first.recv(100)
        second.sendall(rig.chat())
        time.sleep(0.1)
        third = rig.exchange(gateway.port, rig.chat())
        assert third.status == 503 and third.json()["error"]["code"] == "upstream_overloaded"
        assert third.header("retry-after") == "1"
        assert rig.Reader(second).answer().status == 503, "waited for its time in the queue"


def test_secrets_stay_secret(start_gateway, tmp_path):
    """An upstream that repeats the key it was sent, in every place it could."""

    def serve(connection, number):
        while message := rig.read_request(connection):
            key = next(line for line in message.split(b"\r\n") if line.lower().startswith(b"authorization"))[22:]
            status = b"400 Bad" if b"fail" in message else b"200 OK"
            body = b'{"error":{"message":"key %s is odd","type":"t","param":null,"code":null}}' % key
            connection.sendall(b"HTTP/1.1 %s\r\ncontent-type: application/json\r\nx-key: %s\r\ncontent-length: %d\r\n\r\n%s"
                               % (status, key, len(body), body))

    with rig.StubUpstream(serve) as upstream:
        gateway = start_gateway(upstream.port, log__level="trace")
        answers = [rig.exchange(gateway.port, rig.chat("fail", stream=False))]
        assert answers[0].status == 400
        answers.append(rig.exchange(gateway.port, rig.chat(model="none-such")))
        answers.append(rig.exchange(gateway.port, rig.chat(key=rig.BOB, model="deepseek-r1")))
        answers.append(rig.exchange(gateway.port, rig.chat(key="sk-a-wrong-key-1234567890")))
        gateway.write("upstreams: { sim: { provider: nonsense, apiKeys: [sk-upstream-key-that-nobody-may-see] } }")
        rig.wait_until(lambda: "refused" in gateway.errors.read_text(), what="the refusal of a bad file")
        status = json.dumps(gateway.status())
        gateway.stop()
    told = status + "".join(f"{answer.headers}{answer.body!r}" for answer in answers)
    for secret in (rig.ALICE, rig.BOB, rig.UPSTREAM_KEY, "sk-a-wrong-key-1234567890"):
        assert secret not in told, "in an answer"
        assert secret not in gateway.logs(), "in a log"
        assert secret[3:20] not in gateway.logs(), "in part in a log"
    assert "Hello" not in gateway.logs(), "a prompt in a log"


def test_the_file_limit_is_survived(tmp_path, simulator):
    """With fewer descriptors than clients, those who are in are served and nobody is served wrongly."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    pid = os.getpid()
    assert pid
    gateway = rig.Gateway(tmp_path, simulator.port)
    try:
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (gateway.descriptors() + 40, before[1]))
        connections = [connect(gateway) for _ in range(100)]
        time.sleep(0.3)
        for connection in connections[:90]:
            connection.close()
        assert rig.wait_until(lambda: ask(gateway), what="an answer")
        for connection in connections:
            connection.close()
    finally:
        gateway.stop()


async def test_random_requests_through_a_pool_of_few(start_gateway, simulator):
    """More clients than sessions, some of whom leave: everyone else gets exactly their own answer."""
    gateway = start_gateway(
        simulator.port, upstreams__sim__pool={"maxSessions": 8, "maxQueue": 1000, "queueTimeout": "30s"})
    chance = random.Random(11)

    async def one(number):
        count = number % 13 + 1
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(rig.chat(f"events={count} headDelay={chance.randrange(6)}ms", stream=False, user=f"u{number}"))
        if number % 5 == 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(reader.read(-1), chance.random() * 0.5)
        else:
            answer = await reader.read(-1)
            assert answer.startswith(b"HTTP/1.1 200") and f'"completion_tokens":{count},'.encode() in answer, answer
        writer.close()

    await asyncio.gather(*(one(number) for number in range(800)))
    gauges = gateway.status()["upstreams"]["sim"]
    assert gauges["leased"] + gauges["waiting"] == 0 and gauges["idle"] <= 8
