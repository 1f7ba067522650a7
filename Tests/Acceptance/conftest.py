"""Fixtures: one simulator and one gateway for most tests, and a way to start others."""

import pathlib

import openai
import pytest

import reference_tokenizers
import rig

rig.raise_descriptor_limit()


@pytest.fixture(scope="session")
def directory(tmp_path_factory) -> pathlib.Path:
    assert pathlib.Path(rig.BINARY).exists(), f"{rig.BINARY} is missing: run scripts/build first"
    return tmp_path_factory.mktemp("world")


@pytest.fixture(scope="session")
def simulator(directory):
    simulator = rig.Simulator(directory)
    yield simulator
    simulator.stop()


@pytest.fixture(scope="session")
def gateway(directory, simulator):
    gateway = rig.Gateway(directory, simulator.port)
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def references():
    """Counting functions by the vocabulary's name; the vocabularies are installed in `reference_tokenizers.PLACE`."""
    return reference_tokenizers.load()


@pytest.fixture(autouse=True)
def nobody_died(request):
    """Names the test in which the shared gateway ended, and how: without it all that follow fail, and nobody knows why."""
    yield
    if "gateway" in request.fixturenames:
        gateway = request.getfixturevalue("gateway")
        if isinstance(gateway, rig.Gateway) and (status := gateway.process.poll()) is not None:
            pytest.exit(f"the gateway ended with status {status} in {request.node.nodeid}:\n{gateway.logs()[-2000:]}", 1)


@pytest.fixture
def start_gateway(tmp_path):
    """Starts further gateways, which end with the test."""
    started = []

    def start(upstream_port: int, **changes) -> rig.Gateway:
        started.append(rig.Gateway(tmp_path, upstream_port, **changes))
        return started[-1]

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def start_simulator(tmp_path):
    """Starts further simulators, which end with the test."""
    started = []

    def start(**arguments) -> rig.Simulator:
        started.append(rig.Simulator(tmp_path, **arguments))
        return started[-1]

    yield start
    for simulator in started:
        simulator.stop()


@pytest.fixture
def fresh(simulator):
    """The simulator with nothing seen yet."""
    simulator.reset()
    return simulator


@pytest.fixture(scope="session")
def client(gateway):
    """The official SDK as alice."""
    with openai.OpenAI(base_url=gateway.url, api_key=rig.ALICE, max_retries=0, timeout=60) as client:
        yield client


@pytest.fixture
def async_client(gateway):
    return openai.AsyncOpenAI(base_url=gateway.url, api_key=rig.ALICE, max_retries=0, timeout=60)
