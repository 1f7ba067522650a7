"""The world around the gateway: processes, raw sockets, and upstreams that misbehave in ways no script knows."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SLUICE_BINARY") or str(ROOT / ".build/release/sluice")
FULL = bool(os.environ.get("SLUICE_FULL"))

ALICE = "sk-client-alice-0123456789abcdef"
BOB = "sk-client-bob-fedcba9876543210"
UPSTREAM_KEY = "sk-upstream-key-that-nobody-may-see"


def raise_descriptor_limit() -> int:
    """As many descriptors as the system lets us have; what we start inherits them."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for wanted in (65536, 40000, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
            return wanted
        except (ValueError, PermissionError):
            continue
    return hard


def hashed(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds: float = 10, every: float = 0.01, what: str = "the condition"):
    """Waits for something that has no signal; gives back what the condition gave."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(every)
    raise AssertionError(f"{what} did not come true within {seconds} s")


class Process:
    """A process of the binary under test, with its output in files."""

    def __init__(self, directory: pathlib.Path, name: str, *arguments: str, environment: dict | None = None):
        self.output = directory / f"{name}.out"
        self.errors = directory / f"{name}.err"
        with open(self.output, "ab") as out, open(self.errors, "ab") as err:
            self.process = subprocess.Popen(
                [BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=directory,
                env={"PATH": os.environ["PATH"], **(environment or {})})

    @property
    def pid(self) -> int:
        return self.process.pid

    def logs(self) -> str:
        return self.output.read_text(errors="replace") + self.errors.read_text(errors="replace")

    def memory(self, *kinds: str) -> int:
        lines = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()[1:]
        return sum(int(line.split()[1]) * 1024 for line in lines if line.split(":")[0] in kinds)

    def rss_bytes(self) -> int:
        return self.memory("Rss")

    def private_bytes(self) -> int:
        return self.memory("Private_Dirty")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def stop(self, seconds: float = 20) -> int:
        if self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"did not end within {seconds} s of SIGTERM:\n{self.logs()[-2000:]}") from None
        return self.process.returncode


class Simulator(Process):
    """`sluice simulate`: the scripted upstream in a process of its own."""

    def __init__(self, directory: pathlib.Path, port: int | None = None, script: str | None = None):
        self.port = port or free_port()
        arguments = ["simulate", "--port", str(self.port)] + (["--script", script] if script else [])
        super().__init__(directory, f"simulator-{self.port}", *arguments)
        wait_until(lambda: can_connect(self.port), what="the simulator's port")

    def seen(self) -> dict:
        return json.loads(exchange(self.port, request("GET", "/_script/seen")).body)

    def reset(self) -> None:
        assert exchange(self.port, request("POST", "/_script/reset", b"")).status == 200

    def stop(self, seconds: float = 5) -> int:
        # It holds nothing: no need to ask it politely.
        self.process.kill()
        return self.process.wait(seconds)


def can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def configuration(upstream_port: int, port: int, admin_port: int, **changes) -> dict:
    """The configuration of most tests; `changes` replace keys, dotted with `__`: `server__drain="1s"`."""
    base = f"http://127.0.0.1:{upstream_port}/v1"
    settings = {
        "server": {"listen": f"127.0.0.1:{port}", "drain": "5s", "connectionsMax": 30000},
        "admin": {"listen": f"127.0.0.1:{admin_port}"},
        "upstreams": {
            "sim": {
                "provider": "openai-compatible", "baseURL": base, "apiKeys": [UPSTREAM_KEY],
                "pool": {"maxSessions": 20000, "maxQueue": 20000}},
            "pair": {
                "provider": "vllm", "balance": "leastRequests", "apiKeys": [UPSTREAM_KEY],
                "endpoints": [base, {"url": f"http://localhost:{upstream_port}/v1", "weight": 2}]},
        },
        "models": {
            "deepseek-r1": {"serve": "sim"},
            "qwq-32b": {"serve": [{"upstream": "sim", "model": "qwq-32b"}], "aliases": ["reasoner"]},
            "gpt-*": {"serve": "sim"},
            "house-model": {"serve": [{"upstream": "sim", "model": "name-over-there"}]},
            "paired": {"serve": "pair"},
            "text-embedding-3-small": {"serve": "sim"},
            "whisper-1": {"serve": "sim"},
        },
        "consumers": {
            "alice": {"keys": [hashed(ALICE)]},
            "bob": {"keys": [hashed(BOB)], "models": ["qwq-32b", "gpt-*"]},
        },
        "routes": [{"pathPrefix": "/v1/files", "upstream": "sim"}],
    }
    for path, value in changes.items():
        node, *rest = path.split("__")
        target = settings
        while rest:
            target = target.setdefault(node, {})
            node, *rest = rest
        target[node] = value
    return settings


class Gateway(Process):
    """`sluice serve` with a configuration file in a directory of its own."""

    count = 0

    def __init__(
        self, directory: pathlib.Path, upstream_port: int, port: int | None = None, wait: bool = True,
        environment: dict | None = None, **changes
    ):
        Gateway.count += 1
        self.port = port or free_port()
        self.admin_port = free_port()
        self.upstream_port = upstream_port
        self.file = directory / f"gateway-{Gateway.count}.yaml"
        self.settings = configuration(upstream_port, self.port, self.admin_port, **changes)
        self.write(self.settings)
        super().__init__(directory, f"gateway-{Gateway.count}", "serve", "--config", str(self.file), environment=environment)
        if wait:
            # The admin port is this process's own, also when the data port is shared.
            wait_until(self.is_ready, what="readiness")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def write(self, settings: dict | str) -> None:
        """Replaces the file as editors and configuration maps do: by a rename."""
        text = settings if isinstance(settings, str) else yaml.safe_dump(settings, sort_keys=False)
        fresh = self.file.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(self.file)

    def is_ready(self) -> bool:
        assert self.process.poll() is None, f"the gateway ended:\n{self.logs()[-3000:]}"
        try:
            return exchange(self.admin_port, request("GET", "/readyz")).status == 200
        except OSError:
            return False

    def status(self) -> dict:
        return json.loads(exchange(self.admin_port, request("GET", "/status")).body)

    def access_log(self) -> list[dict]:
        lines = self.output.read_text().splitlines()
        return [json.loads(line) for line in lines if '"event":"request"' in line]


# -- HTTP by hand ------------------------------------------------------------------------------------------------------


def request(
    method: str, path: str, body: bytes | None = None, key: str | None = ALICE, close: bool = True,
    host: str = "localhost", **headers
):
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}"]
    if key:
        lines.append(f"authorization: Bearer {key}")
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    if close:
        lines.append("connection: close")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")


def chat_body(script: str = "", model: str = "gpt-4o-mini", stream: bool = True, usage: bool = True, **more) -> bytes:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **more}
    if stream:
        body["stream"] = True
        if usage:
            body["stream_options"] = {"include_usage": True}
    if script:
        body["metadata"] = {"script": script}
    return json.dumps(body).encode()


def chat(script: str = "", close: bool = True, key: str | None = ALICE, **more) -> bytes:
    return request("POST", "/v1/chat/completions", chat_body(script, **more), key=key, close=close)


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    #: Whether the body ended as its framing demands.
    is_whole: bool
    framing: str

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    def json(self):
        return json.loads(self.body)

    def events(self) -> list[str]:
        """The data of each event, however its lines end."""
        text = self.body.decode().removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        return [line[5:].removeprefix(" ") for line in text.split("\n") if line.startswith("data:")]


class Reader:
    """Reads answers from a socket, one after the other."""

    def __init__(self, connection: socket.socket):
        self.connection = connection
        self.bytes = b""

    def fill(self) -> bool:
        try:
            piece = self.connection.recv(1 << 20)
        except ConnectionResetError:
            return False
        self.bytes += piece
        return bool(piece)

    def line(self) -> bytes:
        while b"\r\n" not in self.bytes:
            if not self.fill():
                raise ConnectionError(f"the connection ended within a line: {self.bytes[:200]!r}")
        line, self.bytes = self.bytes.split(b"\r\n", 1)
        return line

    def take(self, count: int) -> bytes:
        parts, missing = [self.bytes], count - len(self.bytes)
        while missing > 0:
            try:
                piece = self.connection.recv(1 << 20)
            except ConnectionResetError:
                piece = b""
            if not piece:
                break
            parts.append(piece)
            missing -= len(piece)
        everything = b"".join(parts)
        self.bytes = everything[count:]
        return everything[:count]

    def answer(self, to_head: bool = False) -> Answer:
        status = 100
        while status < 200:
            status = int(self.line().split(b" ")[1])
            headers = []
            while line := self.line():
                name, value = line.decode("latin-1").split(":", 1)
                headers.append((name, value.strip()))
        fields = {name.lower(): value for name, value in headers}
        if to_head or status in (204, 304):
            return Answer(status, headers, b"", True, "none")
        if fields.get("transfer-encoding") == "chunked":
            body, is_whole = self.chunks()
            return Answer(status, headers, body, is_whole, "chunked")
        if "content-length" in fields:
            count = int(fields["content-length"])
            body = self.take(count)
            return Answer(status, headers, body, len(body) == count, "length")
        while self.fill():
            pass
        body, self.bytes = self.bytes, b""
        return Answer(status, headers, body, True, "close")

    def chunks(self) -> tuple[bytes, bool]:
        parts = []
        while True:
            try:
                count = int(self.line().split(b";")[0], 16)
            except (ConnectionError, ValueError):
                return b"".join(parts), False
            piece = self.take(count)
            parts.append(piece)
            if len(piece) < count:
                return b"".join(parts), False
            try:
                ending = self.line()
            except ConnectionError:
                return b"".join(parts), False
            assert ending == b"", f"behind a chunk stands {ending[:50]!r}"
            if count == 0:
                return b"".join(parts), True


def exchange(port: int, message: bytes, seconds: float = 60) -> Answer:
    """One request over a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        connection.settimeout(seconds)
        connection.sendall(message)
        return Reader(connection).answer()


class Normal(threading.Thread):
    """A well-behaved client that goes on asking, and remembers how it fared."""

    def __init__(self, gateway: Gateway, script: str = "events=3"):
        super().__init__(daemon=True)
        self.gateway, self.message = gateway, chat(script)
        self.seconds: list[float] = []
        self.failures: list[str] = []
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.wait(0.02):
            started = time.monotonic()
            try:
                answer = exchange(self.gateway.port, self.message, 10)
                if answer.status != 200 or not answer.is_whole or b"[DONE]" not in answer.body:
                    self.failures.append(f"{answer.status} {answer.body[:300]!r}")
            except OSError as problem:
                self.failures.append(repr(problem))
            self.seconds.append(time.monotonic() - started)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.join()

    def assert_served(self, within: float = 1.0):
        assert self.seconds and not self.failures, self.failures[:3]
        assert max(self.seconds) < within, f"the slowest of {len(self.seconds)} took {max(self.seconds):.3f} s"


# -- Upstreams that no script describes --------------------------------------------------------------------------------


@dataclass
class StubUpstream:
    """An upstream by hand: `serve(connection, number)` is called for each connection, in a thread of its own."""

    serve: object
    connections: int = 0
    problems: list = field(default_factory=list)

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._run, args=(connection, self.connections), daemon=True).start()

    def _run(self, connection, number):
        with connection:
            try:
                self.serve(connection, number)
            except OSError as problem:
                self.problems.append(problem)


def read_request(connection: socket.socket) -> bytes | None:
    """A request with its body by Content-Length; None at the connection's end."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return None
        received += piece
    head, body = received.split(b"\r\n\r\n", 1)
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            return None
        body += piece
    return head + b"\r\n\r\n" + body


def completion(text: str) -> bytes:
    """A whole answer over a connection that lives on."""
    body = json.dumps({
        "id": "chatcmpl-stub", "object": "chat.completion", "created": 1, "model": "stub",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


# -- Redis -------------------------------------------------------------------------------------------------------------


class Redis:
    """A real redis-server in a directory of its own."""

    def __init__(self, directory: pathlib.Path, port: int | None = None):
        self.port = port or free_port()
        self.directory = directory
        self.start()

    def start(self) -> None:
        with open(self.directory / f"redis-{self.port}.log", "ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                 "--dir", str(self.directory)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: can_connect(self.port), what="redis-server's port")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """It keeps its connections and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)
