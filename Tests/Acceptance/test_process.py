"""The process itself: signals at any moment, files that are no files, logs that nobody reads, and rotation."""

import copy
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time

import pytest
import yaml

import rig


def sluice(*arguments, directory, seconds=12, **more):
    return subprocess.run(
        [rig.BINARY, *arguments], capture_output=True, text=True, cwd=directory, timeout=seconds,
        env={"PATH": os.environ["PATH"]}, **more)


def ends(process, seconds=3.0):
    """The status, when the process ends within so many seconds."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"did not end within {seconds} s") from None


def write_into(pipe, text):
    thread = threading.Thread(target=lambda: open(pipe, "w").write(text), daemon=True)
    thread.start()
    return thread


# -- Files that are no files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind, words", [
    ("pipe", "nobody wrote"), ("open pipe", "did not close"), ("directory", "directory"), ("/dev/zero", "device"),
    ("/dev/null", "device"), ("missing", "No such file")])
def test_a_configuration_that_is_no_file_is_refused_in_time(tmp_path, kind, words):
    path = tmp_path / "sluice.yaml"
    holder = None
    if "pipe" in kind:
        os.mkfifo(path)
        if kind == "open pipe":
            holder = os.open(path, os.O_RDWR)
            os.write(holder, b"upstreams: {")
    elif kind == "directory":
        path.mkdir()
    elif kind.startswith("/dev"):
        path = kind
    started = time.monotonic()
    result = sluice("validate", "--config", str(path), directory=tmp_path)
    assert result.returncode == 2 and words in result.stderr, result.stderr
    assert time.monotonic() - started < 8
    if holder is not None:
        os.close(holder)


def test_a_configuration_may_come_through_a_pipe(tmp_path):
    path = tmp_path / "sluice.yaml"
    os.mkfifo(path)
    text = yaml.safe_dump(rig.configuration(1, 2, 3))
    writer = write_into(path, text)
    assert sluice("validate", "--config", str(path), directory=tmp_path).returncode == 0
    writer.join()
    # As `validate --config <(generate)` does it.
    result = sluice("validate", "--config", "/dev/stdin", directory=tmp_path, input=text)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("key", ["caFile", "certificateFile", "keyFile"])
def test_a_tls_file_that_is_a_pipe_is_refused_and_named(tmp_path, key):
    os.mkfifo(tmp_path / "pem")
    (tmp_path / "other").write_text("")
    settings = rig.configuration(1, 2, 3)
    files = {name: str(tmp_path / "other") for name in ("caFile", "certificateFile", "keyFile")}
    settings["upstreams"]["sim"]["tls"] = files | {key: str(tmp_path / "pem")}
    (tmp_path / "sluice.yaml").write_text(yaml.safe_dump(settings))
    result = sluice("validate", "--config", str(tmp_path / "sluice.yaml"), directory=tmp_path)
    assert result.returncode == 2 and f"upstreams.sim.tls.{key}" in result.stderr and "a pipe" in result.stderr


def test_a_file_that_became_a_pipe_hangs_no_reload_and_no_end(start_gateway, simulator):
    gateway = start_gateway(simulator.port)
    gateway.file.unlink()
    os.mkfifo(gateway.file)
    for _ in range(3):
        gateway.process.send_signal(signal.SIGHUP)
    # Every thread of a pool would be taken by now, were they what reads.
    assert rig.exchange(gateway.port, rig.chat("events=3")).status == 200
    rig.wait_until(lambda: "nobody wrote" in gateway.errors.read_text(), 15, what="the refusal")
    gateway.process.send_signal(signal.SIGHUP)
    time.sleep(0.1)
    gateway.terminate()
    assert ends(gateway.process) == 0, "while the next reload still reads"


def test_a_vocabulary_that_is_a_pipe_is_told_and_left_out(tmp_path, simulator):
    (tmp_path / "vocabularies").mkdir()
    os.mkfifo(tmp_path / "vocabularies" / "qwen.slv")
    settings = {"models__deepseek-r1": {"serve": "sim", "vocabulary": "qwen"}}
    gateway = rig.Gateway(tmp_path, simulator.port, environment={"SLUICE_DATA": str(tmp_path)}, **settings)
    try:
        assert '"qwen"' in gateway.errors.read_text()
        assert rig.exchange(gateway.port, rig.chat("events=3", model="deepseek-r1")).status == 200
    finally:
        assert gateway.stop() == 0


# -- Signals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_start_that_waits_for_its_file(tmp_path, number):
    os.mkfifo(tmp_path / "sluice.yaml")
    process = rig.Process(tmp_path, "starting", "serve", "--config", str(tmp_path / "sluice.yaml"))
    time.sleep(0.5)
    process.process.send_signal(number)
    assert ends(process.process, 1) == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_cuts_at_once_and_settles(start_gateway, simulator, second):
    gateway = start_gateway(simulator.port, server__drain="60s")
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        connection.sendall(rig.chat("events=10000 gap=20ms"))
        assert connection.recv(10).startswith(b"HTTP/1.1")
        gateway.terminate()
        # The same request, sent twice as timeout(1) does it, is one.
        gateway.terminate()
        rig.wait_until(lambda: "draining" in gateway.errors.read_text(), what="the drain")
        time.sleep(0.1)
        assert gateway.process.poll() is None
        gateway.process.send_signal(second)
        rest = b""
        while piece := connection.recv(65536):
            rest += piece
        assert ends(gateway.process, 1.5) == 0
    assert b'"code":"shutting_down"' in rest
    assert '"cut":"1"' in gateway.errors.read_text() and gateway.access_log()[-1]["outcome"] == "shut_down"


def test_a_signal_that_nobody_uses_ends_nothing(start_gateway, simulator):
    gateway = start_gateway(simulator.port)
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        connection.sendall(rig.chat("events=40 gap=20ms"))
        assert connection.recv(10).startswith(b"HTTP/1.1")
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGWINCH, signal.SIGHUP, signal.SIGXFSZ):
            gateway.process.send_signal(number)
        rest = b""
        while piece := connection.recv(65536):
            rest += piece
    assert b"data: [DONE]\n\n" in rest
    rig.wait_until(lambda: '"event":"status"' in gateway.errors.read_text(), what="SIGUSR2's line")
    line = next(json.loads(line) for line in gateway.errors.read_text().splitlines() if '"event":"status"' in line)
    assert line["ready"] == "true" and "connections" in line
    assert gateway.stop() == 0


# -- Logs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP])
def test_rotation_loses_no_line(start_gateway, simulator, tmp_path, number):
    log = tmp_path / "access.log"
    gateway = start_gateway(simulator.port, log__accessFile=str(log))
    with rig.Normal(gateway) as client:
        for turn in range(3):
            time.sleep(0.3)
            log.rename(tmp_path / f"access.log.{turn}")
            gateway.process.send_signal(number)
            rig.wait_until(log.exists, what="the new file")
    assert gateway.stop() == 0
    files = [tmp_path / f"access.log.{turn}" for turn in range(3)] + [log]
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert len(lines) == len(client.seconds) > 20 and len({line["id"] for line in lines}) == len(client.seconds)
    assert all(file.stat().st_size for file in files), "each had its share"


def test_a_log_file_that_cannot_be_opened_again_leaves_the_old_one(start_gateway, simulator, tmp_path):
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / "access.log"
    gateway = start_gateway(simulator.port, log__accessFile=str(log))
    (tmp_path / "logs").rename(tmp_path / "moved")
    gateway.process.send_signal(signal.SIGUSR1)
    rig.wait_until(lambda: "not reopened" in gateway.errors.read_text(), what="the complaint")
    rig.exchange(gateway.port, rig.chat("events=3"))
    assert gateway.stop() == 0
    assert len((tmp_path / "moved" / "access.log").read_text().splitlines()) == 1


def test_a_log_pipe_without_reader_delays_nothing(start_gateway, simulator, tmp_path):
    pipe = tmp_path / "access.log"
    os.mkfifo(pipe)
    gateway = start_gateway(simulator.port, log__accessFile=str(pipe))
    for _ in range(300):
        assert rig.exchange(gateway.port, rig.chat("events=1")).status == 200
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    rig.wait_until(lambda: select.select([reader], [], [], 0)[0], what="lines")
    assert os.read(reader, 65536).startswith(b'{"time"'), "a reader that comes late finds what the pipe could hold"
    os.close(reader)
    gateway.terminate()
    assert ends(gateway.process, 6) == 0


def test_standard_streams_that_nobody_reads_delay_nothing(tmp_path, simulator):
    gateway = rig.Gateway(tmp_path, simulator.port)
    gateway.stop()
    # The same again, with pipes that are full.
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    for end in (out_end, err_end):
        os.set_blocking(end, False)
        try:
            while True:
                os.write(end, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(end, True)
    process = subprocess.Popen(
        [rig.BINARY, "serve", "--config", str(gateway.file)], stdin=subprocess.DEVNULL, stdout=out_end, stderr=err_end,
        cwd=tmp_path, env={"PATH": os.environ["PATH"]})
    try:
        rig.wait_until(lambda: rig.can_connect(gateway.port), what="the port")
        for _ in range(50):
            assert rig.exchange(gateway.port, rig.chat("events=1")).status == 200
            process.send_signal(signal.SIGUSR2)
        process.send_signal(signal.SIGTERM)
        assert ends(process, 8) == 0
    finally:
        process.kill()
        for end in (out, out_end, err, err_end):
            os.close(end)


# -- The configuration's file is watched -------------------------------------------------------------------------------


def reloads(gateway):
    text = gateway.errors.read_text()
    return text.count("configuration reloaded") + text.count("configuration refused")


def test_a_file_that_is_being_written_is_left_alone_until_it_is_closed(start_gateway, simulator):
    gateway = start_gateway(simulator.port, limits={"few": {"requests": 1000, "per": "minute"}})
    settings = copy.deepcopy(gateway.settings)
    settings["models"]["brand-new"] = {"serve": "sim"}
    limits = yaml.safe_dump({"limits": settings.pop("limits")})
    with open(gateway.file, "w") as file:
        file.write(yaml.safe_dump(settings, sort_keys=False))
        file.flush()
        for number in range(5):
            (gateway.file.parent / f"neighbour-{number}").write_text("closed")
            time.sleep(0.1)
        assert reloads(gateway) == 0, "valid, but without its limits"
        file.write(limits)
    rig.wait_until(lambda: reloads(gateway) == 1, what="the reload")
    assert "few" in gateway.status()["limits"]


def test_a_file_behind_links_is_watched_where_it_is(tmp_path, simulator):
    """As Kubernetes mounts it: sluice.yaml -> ..data/sluice.yaml, ..data -> ..1, replaced by renaming another link over it."""
    mount = tmp_path / "mount"
    mount.mkdir()
    settings = rig.configuration(simulator.port, rig.free_port(), rig.free_port())

    def version(number):
        folder = mount / f"..{number}"
        folder.mkdir()
        settings["models"][f"model-{number}"] = {"serve": "sim"}
        (folder / "sluice.yaml").write_text(yaml.safe_dump(settings))
        (mount / "..data_tmp").symlink_to(f"..{number}")
        (mount / "..data_tmp").rename(mount / "..data")

    version(1)
    (mount / "sluice.yaml").symlink_to("..data/sluice.yaml")
    (tmp_path / "sluice.yaml").symlink_to(mount / "sluice.yaml")
    process = rig.Process(tmp_path, "mounted", "serve", "--config", "sluice.yaml")
    port = int(settings["server"]["listen"].split(":")[1])
    try:
        rig.wait_until(lambda: rig.can_connect(port), what="the port")
        rig.wait_until(lambda: '"listening"' in process.errors.read_text(), what="its line")
        for number in (2, 3, 4):
            version(number)
            ask = rig.request("GET", f"/v1/models/model-{number}")
            rig.wait_until(lambda: rig.exchange(port, ask).status == 200, what=f"version {number}")
        # And by a writer that changes the file itself.
        settings["models"]["in-place"] = {"serve": "sim"}
        (mount / "..4" / "sluice.yaml").write_text(yaml.safe_dump(settings))
        ask = rig.request("GET", "/v1/models/in-place")
        rig.wait_until(lambda: rig.exchange(port, ask).status == 200, what="the change in place")
    finally:
        process.terminate()
        assert ends(process.process, 5) == 0
