"""Seeded mutations on both sides of the running binary, with limits of every kind on.

SLUICE_MUTATION_SECONDS says how long each test goes on (60 where CI is set, else 6), SLUICE_MUTATION_SEED makes it the same again.
"""

import asyncio
import collections
import os
import pathlib
import random
import re
import time

import pytest

import mutation
import rig

SECONDS = float(os.environ.get("SLUICE_MUTATION_SECONDS") or (60 if os.environ.get("CI") else 6))
SEED = int(os.environ.get("SLUICE_MUTATION_SEED") or random.SystemRandom().randrange(10**9))
CLIENTS = 24
#: Whoever asked a whole request has an answer or the connection's end by then: the time-outs below add up to less.
ANSWER_SECONDS = 25
#: A plain request beside it all. The machine may be busy, and this process is.
PLAIN_SECONDS = 5
RSS_GROWTH_MAX = 40 << 20

LIMITS = {
    "truncated": {"match": {"model": "tokens-truncate"}, "each": "consumer", "tokens": 3000, "per": "second", "onExceeded": "truncate"},
    "failed": {"match": {"model": "tokens-error"}, "each": ["consumer", "model"], "tokens": 3000, "per": "minute", "burst": 3000, "onExceeded": "error"},
    "waited": {"match": {"model": "tokens-wait"}, "outputTokens": 500, "per": "second", "onExceeded": "wait", "wait": "200ms"},
    "diverted": {"match": {"model": "tokens-fallback"}, "each": "header:x-team", "inputTokens": 500, "per": "second", "onExceeded": "fallback"},
    "counted": {"match": {"model": "requests-*"}, "each": "client", "requests": 50, "per": "second", "onExceeded": "wait", "wait": "100ms"},
    "at-once": {"match": {"model": "concurrent"}, "each": "consumer", "concurrency": 2, "wait": "200ms"},
    "money": {"match": {"model": "budget"}, "each": "consumer", "budget": 0.05, "per": "minute"},
    "day": {"match": {"model": "day"}, "each": "consumer", "tokens": 1000000000000, "per": "day", "calendar": True},
    "month": {"match": {"model": "quota"}, "each": "consumer", "tokens": 200000, "per": "month", "calendar": True, "onExceeded": "error"},
    "small": {"match": {"model": "quota-small"}, "each": "consumer", "tokens": 10, "per": "day", "calendar": True},
    "weighted": {"match": {"model": "vllm"}, "tokens": 1000000000, "per": "minute", "weights": {"cached": 0.1, "output": 1000}},
    "everything": {"each": "global", "requests": 1000000000, "per": "minute"},
}


class Upstream:
    """An upstream whose answers are mutated; each connection's come from a seed of its own."""

    def __init__(self):
        self.connections = 0
        self.answers = 0
        self.recent = collections.deque(maxlen=40)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.connections += 1
        stranger = mutation.Stranger(f"{SEED}-upstream-{self.connections}")
        try:
            while True:
                top = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: (\d+)", top)
                body = await reader.readexactly(int(length[1])) if length else b""
                if not await self.answer(stranger, writer, top, body):
                    return
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def answer(self, stranger, writer, top: bytes, body: bytes) -> bool:
        path = top.split(b" ", 2)[1].decode("latin-1")
        reply = mutation.reply(stranger, path, re.search(rb'"stream": ?true', body) is not None)
        self.answers += 1
        self.recent.append((path, b"".join(reply.pieces)[:3000], reply.end))
        for piece in reply.pieces:
            writer.write(piece)
            await writer.drain()
            if reply.pause:
                await asyncio.sleep(reply.pause)
        if reply.end == "hangs":
            await asyncio.sleep(5)
        if reply.end == "resets":
            writer.transport.abort()
        return reply.end == "stays"


class Clients:
    """Clients that ask what is mutated, at once and one after the other, until the time is over."""

    def __init__(self, gateway: rig.Gateway):
        self.gateway = gateway
        self.asked = 0
        self.hung: list[str] = []
        self.statuses: collections.Counter = collections.Counter()
        self.recent = collections.deque(maxlen=60)

    async def run(self, number: int, until: float):
        while time.monotonic() < until and self.gateway.process.poll() is None:
            self.asked += 1
            seed = f"{SEED}-client-{self.asked}"
            ask = mutation.ask(mutation.Stranger(seed))
            self.recent.append((seed, b"".join(ask.pieces)[:2000]))
            try:
                await self.ask(ask, seed)
            except OSError:
                pass

    async def ask(self, ask: mutation.Ask, seed: str):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port, limit=1 << 24)
        try:
            for piece in ask.pieces:
                writer.write(piece)
                await writer.drain()
                if ask.pause:
                    await asyncio.sleep(ask.pause)
            if ask.leaves_after == 0:
                return writer.transport.abort()
            await self.read(ask, seed, reader, writer)
        finally:
            writer.close()

    async def read(self, ask: mutation.Ask, seed: str, reader, writer):
        # What is whole is answered; of the rest nobody can tell whether the gateway has all of it.
        patience = ANSWER_SECONDS if ask.is_whole else 1
        received = b""
        try:
            async with asyncio.timeout(patience):
                while piece := await reader.read(1 << 16):
                    received = received[-4096:] + piece if received else piece
                    if received.startswith(b"HTTP/1.1 "):
                        self.statuses[received[9:12]] += 1
                        received = b"-" + received
                    if ask.leaves_after is not None and len(received) >= ask.leaves_after:
                        return writer.transport.abort()
                    if ask.read_pause:
                        await asyncio.sleep(ask.read_pause)
                    if self.is_over(received):
                        return
        except TimeoutError:
            if ask.is_whole:
                self.hung.append(f"{seed}: {received[-300:]!r}")
            writer.transport.abort()

    @staticmethod
    def is_over(received: bytes) -> bool:
        """Whether an answer seems to have ended: the connection is given up then, with what else was asked on it."""
        if received.endswith(b"0\r\n\r\n"):
            return True
        top, _, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", top)
        return length is not None and len(body) >= int(length[1])


async def plain(gateway: rig.Gateway, until: float, times: list[float], problems: list[str]):
    """A well-behaved client beside them all."""
    message = rig.chat("events=3", model="calm", close=True)
    while time.monotonic() < until and gateway.process.poll() is None:
        started = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
                writer.write(message)
                answer = await reader.read(-1)
                writer.close()
            if not answer.startswith(b"HTTP/1.1 200") or b"[DONE]" not in answer:
                problems.append(repr(answer[:500]))
        except (OSError, TimeoutError) as problem:
            problems.append(repr(problem))
        times.append(time.monotonic() - started)
        await asyncio.sleep(0.2)


def settings(hostile: int, calm: int) -> dict:
    """Models of every kind before the hostile upstream; `calm` is served by the simulator alone."""
    timeouts = {"connect": "500ms", "firstToken": "1s", "betweenTokens": "1s", "total": "4s"}

    def upstream(provider: str) -> dict:
        return {"provider": provider, "endpoints": [f"http://127.0.0.1:{hostile}/v1"], "apiKeys": [rig.UPSTREAM_KEY], "timeouts": timeouts,
                "pool": {"maxSessions": 64, "maxQueue": 64, "queueTimeout": "500ms", "idleTimeout": "2s"}}

    providers = {"hostile": "openai-compatible", "vllm": "vllm", "anthropic": "anthropic", "gemini": "gemini", "ollama": "ollama"}
    models = {name: {"serve": "hostile", "price": {"input": 10, "output": 1000000}} for name in mutation.MODELS}
    for name in ("vllm", "anthropic", "gemini", "ollama"):
        models[name]["serve"] = name
    models["tokens-fallback"]["fallback"] = ["vllm", "tokens-wait"]
    models["day"]["vocabulary"] = "o200k"
    models["calm"] = {"serve": "sim"}
    return {
        "upstreams": {
            **{name: upstream(provider) for name, provider in providers.items()},
            # Its idle sessions, too, are gone when descriptors are counted.
            "sim": {"provider": "openai-compatible", "baseURL": f"http://127.0.0.1:{calm}/v1", "pool": {"idleTimeout": "2s"}}},
        "models": models, "limits": LIMITS, "routes": [{"pathPrefix": "/v1/files", "upstream": "hostile"}],
        "consumers": {"alice": {"keys": [rig.hashed(rig.ALICE)]}, "bob": {"keys": [rig.hashed(rig.BOB)], "models": ["open", "quota"]}},
        "server__timeouts": {"head": "2s", "body": "2s", "idle": "3s", "write": "3s"}, "server__bodyBytesMax": "1MiB",
        "server__reactors": 2,
    }


def open_descriptors(pid: int) -> str:
    """What a process has open, its connections with both ends."""
    connections = {}
    for line in pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        near, far = (int(words[place].split(":")[1], 16) for place in (1, 2))
        connections[f"socket:[{words[9]}]"] = f"port {near} to {far}, state {words[3]}, queues {words[4]}"
    links = [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]
    return "\n".join(f"{link} {connections.get(link, '')}" for link in sorted(links))


@pytest.fixture
def mutated(tmp_path, simulator):
    """Starts a gateway before a hostile upstream, shakes it, and gives back what was seen."""
    started = []

    def shake(**changes):
        return asyncio.run(shaken(tmp_path, simulator, started, changes))

    yield shake
    for gateway in started:
        if gateway.process.poll() is None:
            gateway.process.kill()


async def shaken(directory, simulator, started, changes):
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, limit=1 << 24)
    hostile = server.sockets[0].getsockname()[1]
    (directory / "data").mkdir()
    gateway = await asyncio.to_thread(
        rig.Gateway, directory, hostile, environment={"SLUICE_DATA": str(directory / "data")}, **{**settings(hostile, simulator.port), **changes})
    started.append(gateway)
    clients, times, problems = Clients(gateway), [], []

    async def shake(seconds: float):
        until = time.monotonic() + seconds
        await asyncio.gather(plain(gateway, until, times, problems), *(clients.run(number, until) for number in range(CLIENTS)))

    # What is learned and kept once (pools, tables, buffers) is there after the first third.
    await asyncio.to_thread(rig.exchange, gateway.port, rig.chat("events=1", model="calm"))
    at_rest = gateway.descriptors()
    await shake(SECONDS / 3)
    warm = gateway.rss_bytes() if gateway.process.poll() is None else 0
    await shake(SECONDS * 2 / 3)
    server.close()
    return gateway, upstream, clients, times, problems, at_rest, warm


@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.parametrize("store", ["embedded", "redis"])
def test_nothing_that_strangers_send_ends_or_starves_the_gateway(mutated, store, tmp_path):
    print(f"SLUICE_MUTATION_SEED={SEED}")
    redis = None
    changes = {}
    if store == "redis":
        redis = rig.Redis(tmp_path)
        changes["redis"] = {"url": redis.url, "timeout": "50ms"}
    try:
        gateway, upstream, clients, times, problems, at_rest, warm = mutated(**changes)
        told = f"seed {SEED}, {clients.asked} asked, {upstream.answers} answers, {dict(clients.statuses)}"
        print(told)
        if gateway.process.poll() is not None:
            (tmp_path / "recent.txt").write_text("\n".join(repr(item) for item in [*clients.recent, *upstream.recent]))
            pytest.fail(f"the gateway ended with {gateway.process.poll()} ({told}); the last inputs stand in {tmp_path}/recent.txt\n"
                        f"{gateway.logs()[-3000:]}")
        assert not clients.hung, f"{told}: {len(clients.hung)} hang, {clients.hung[:3]}"
        assert times and not problems, f"{told}: {problems[:3]}"
        assert max(times) < PLAIN_SECONDS, f"{told}: a plain request took {max(times):.1f} s"
        assert upstream.answers > clients.asked / 10, told

        # All that was open is closed again: idle sessions, clients, what waited.
        try:
            rig.wait_until(lambda: gateway.descriptors() <= at_rest + 2, 20, 0.1)
        except AssertionError:
            pytest.fail(f"{told}: more than {at_rest} + 2 descriptors:\n{open_descriptors(gateway.pid)}")
        growth = gateway.rss_bytes() - warm
        assert growth < RSS_GROWTH_MAX, f"{told}: {growth >> 20} MiB more than after a third of the time"
        assert rig.exchange(gateway.port, rig.chat("events=3", model="calm")).status == 200
        metrics = rig.exchange(gateway.admin_port, rig.request("GET", "/metrics", key=None)).body.decode()
        for line in metrics.splitlines():
            assert line.startswith("#") or re.fullmatch(r'[a-z_:]+(\{([a-z_]+="(\\.|[^"\\\n])*",?)*\})? -?[0-9.e+-]+(Inf|NaN)?', line), line
        assert rig.UPSTREAM_KEY not in gateway.logs()
        assert gateway.stop() == 0
    finally:
        if redis:
            redis.stop()
