"""One process takes the ports over from another, as a deployment does it: start the new one, wait until it listens, end the old one."""

import asyncio
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import time

import openai
import pytest
import yaml

import rig

TURNS = 100 if rig.FULL else 10


class Owner(rig.Process):
    """A process that serves a configuration; several may serve the same one."""

    count = 0

    def __init__(self, directory, file, wait=True):
        Owner.count += 1
        super().__init__(directory, f"owner-{Owner.count}", "serve", "--config", str(file))
        if wait:
            rig.wait_until(self.listens, 20, what="its listening")

    def listens(self):
        assert self.process.poll() is None, self.logs()[-2000:]
        return '"event":"listening"' in self.errors.read_text()

    def events(self, name):
        return [line for line in map(json.loads, self.errors.read_text().splitlines()) if line["event"] == name]


@pytest.fixture
def world(tmp_path, simulator):
    """A configuration, its ports, and a way to start processes that end with the test."""
    settings = rig.configuration(simulator.port, rig.free_port(), rig.free_port())
    file = tmp_path / "sluice.yaml"
    started = []

    class World:
        port = int(settings["server"]["listen"].split(":")[1])
        admin_port = int(settings["admin"]["listen"].split(":")[1])

        @staticmethod
        def start(wait=True, reactors=0):
            settings["server"]["reactors"] = reactors
            fresh = file.with_suffix(".new")
            fresh.write_text(yaml.safe_dump(settings, sort_keys=False))
            fresh.rename(file)
            started.append(Owner(tmp_path, file, wait))
            return started[-1]

    yield World
    for owner in started:
        if owner.process.poll() is None:
            owner.process.kill()
            owner.process.wait()


def burn():
    while True:
        pass


@pytest.mark.heavy
async def test_hand_overs_under_load_fail_no_connection(world):
    failures, served = [], 0
    is_over = asyncio.Event()
    old = await asyncio.to_thread(world.start)
    # A busy machine: what waits in a queue waits long.
    burners = [multiprocessing.Process(target=burn, daemon=True) for _ in range(2 * os.cpu_count() if rig.FULL else 1)]
    for burner in burners:
        burner.start()

    async def worker(number):
        nonlocal served
        while not is_over.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
                writer.write(rig.chat(f"events=3 gap={number % 3}ms"))
                answer = await asyncio.wait_for(reader.read(-1), 30)
                writer.close()
                if not answer.startswith(b"HTTP/1.1 200") or b"[DONE]" not in answer:
                    failures.append(answer[-300:])
            except (OSError, asyncio.TimeoutError) as problem:
                failures.append(repr(problem))
            served += 1

    async def sdk():
        nonlocal served
        client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{world.port}/v1", api_key=rig.ALICE, timeout=30)
        while not is_over.is_set():
            try:
                await client.chat.completions.create(
                    model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}],
                    extra_body={"metadata": {"script": "events=3"}})
            except openai.OpenAIError as problem:
                failures.append(repr(problem))
            served += 1

    async def deploy():
        nonlocal old
        for turn in range(TURNS):
            new = await asyncio.to_thread(world.start, True, 1 + turn % 4)
            assert len(new.events("listeners taken over")) == 2, "the data port and the admin port"
            leaving, old = old, new
            assert await asyncio.to_thread(leaving.stop, 30) == 0
            assert leaving.events("drained")[0]["cut"] == "0"
            assert leaving.events("listeners handed over")[0]["to_process"] == str(new.pid)
        is_over.set()

    try:
        await asyncio.gather(deploy(), *(worker(number) for number in range(16)), *(sdk() for _ in range(2)))
    finally:
        is_over.set()
        for burner in burners:
            burner.kill()
    print(f"{TURNS} hand-overs, {served} requests, {len(failures)} failed")
    assert served > 10 * TURNS and not failures, (len(failures), served, failures[:3])


def status_of(world):
    return json.loads(rig.exchange(world.admin_port, rig.request("GET", "/status")).body)


def test_the_admin_port_is_the_youngest_processes_and_comes_back_when_that_ends(world):
    first = world.start()
    second = world.start()
    rig.wait_until(lambda: len(first.events("listeners handed over")) == 2, what="the hand-over")

    def reloads(process):
        return len(process.events("configuration reloaded"))

    ask = rig.request("POST", "/reload", b"", x_sluice_admin="1")
    for _ in range(10):
        assert rig.exchange(world.admin_port, ask).status == 200
    assert reloads(second) >= 10 and reloads(first) < 10, "all of them; a change of the file counts too"
    second.process.kill()
    second.process.wait()
    rig.wait_until(lambda: len(first.events("the process that took over has ended: this one goes on")) == 2, what="that")
    assert status_of(world)["ready"] is True
    for _ in range(20):
        assert rig.exchange(world.port, rig.chat("events=1")).status == 200
    # And the next one finds it.
    third = world.start()
    assert len(third.events("listeners taken over")) == 2
    assert first.stop() == 0
    assert rig.exchange(world.port, rig.chat("events=1")).status == 200
    assert third.stop() == 0


def test_a_predecessor_that_hangs_delays_a_start_by_a_second(world):
    first = world.start()
    first.process.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    second = world.start()
    assert time.monotonic() - started < 5
    assert len(second.events("listeners not taken over: the end of the process that has them may reset connections")) == 2
    first.process.kill()
    first.process.wait()
    assert rig.exchange(world.port, rig.chat("events=1")).status == 200
    assert second.stop() == 0


@pytest.mark.parametrize("shares", [False, True])
def test_a_port_of_another_program_is_told_in_words(world, shares):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shares))
        other.bind(("127.0.0.1", world.port))
        other.listen()
        if shares:
            # Nothing says that it is another program; it is told, and the operator may want it.
            gateway = world.start()
            assert len(gateway.events(
                "address shared with a process that does not hand over its listeners: its end may reset connections")) == 1
            assert gateway.stop() == 0
        else:
            gateway = world.start(wait=False)
            assert gateway.process.wait(10) == 1
            assert f"server.listen: 127.0.0.1:{world.port} is in use by another program" in gateway.errors.read_text()


def test_a_start_that_fails_takes_no_connection(world):
    first = world.start()
    with socket.create_server(("127.0.0.1", 0)) as other:
        file = first.process.args[-1]
        text = open(file).read()
        settings = yaml.safe_load(text)
        settings["admin"]["listen"] = f"127.0.0.1:{other.getsockname()[1]}"
        open(file + ".other", "w").write(yaml.safe_dump(settings))
        for _ in range(3):
            result = subprocess.run(
                [rig.BINARY, "serve", "--config", file + ".other"], capture_output=True, text=True, timeout=10,
                env={"PATH": os.environ["PATH"]})
            assert result.returncode == 1 and "admin.listen" in result.stderr
    for _ in range(20):
        assert rig.exchange(world.port, rig.chat("events=1")).status == 200
    assert not first.events("listeners handed over")
    assert first.stop() == 0
