"""One limit over four gateways on a real Redis, behind a TCP balancer: tokens counted at the clients, with and without faults.

The load is the benchmarks' `fleet` command, which has the clients, the balancer and the faults; see Benchmarks/README.md. At full
length (SLUICE_FULL=1) it runs as documented: 100,000 tokens a minute, every fault in a run of its own.
"""

import json
import os
import pathlib
import subprocess

import pytest

import rig

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(3600)]
#: In windows of 10 s, with answers that are as much shorter: a limit is no finer than its largest answers.
SHORT = ["--per", "10", "--limit", "40000", "--answer", "100", "--settle", "5"]


@pytest.fixture(scope="module")
def benchmarks():
    """The benchmarks' binary: built beside the gateway's, of which it shares nearly all."""
    if given := os.environ.get("SLUICE_BENCHMARKS"):
        return given
    build = os.environ.get("SLUICE_BUILD", str(rig.ROOT / ".build"))
    command = [
        "swift", "build", "-c", "release", "--product", "Benchmarks", "--static-swift-stdlib",
        "--explicit-target-dependency-import-check", "error", "--scratch-path", build]
    done = subprocess.run(command, cwd=rig.ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    shown = subprocess.run([*command, "--show-bin-path"], cwd=rig.ROOT, capture_output=True, text=True, check=True)
    return str(pathlib.Path(shown.stdout.strip().splitlines()[-1]) / "Benchmarks")


@pytest.fixture
def fleet(benchmarks, tmp_path):
    def run(*arguments):
        """The runs by name; the command itself judges them, and its words are the failure's."""
        file = tmp_path / "fleet.json"
        done = subprocess.run(
            [benchmarks, "fleet", "--gateway", rig.BINARY, "--json", str(file), *arguments], capture_output=True, text=True,
            stdin=subprocess.DEVNULL)
        assert file.exists(), done.stdout + done.stderr
        report = json.loads(file.read_text())
        print(done.stdout)
        assert done.returncode == 0 and not report["failures"], done.stdout
        return {result["name"]: result for result in report["results"]}

    return run


def assert_whole(result, worst):
    """The bounds once more, as they are stated, not as the command has them."""
    counts = result["counts"]
    assert 80 <= result["worstPercent"] <= worst
    assert counts["hung"] == counts["broken"] == counts["errors"] == counts["miscounted"] == 0
    assert counts["done"] >= 20


def test_four_gateways_hold_one_limit(fleet):
    if rig.FULL:
        results = fleet("--faults", "none")
    else:
        results = fleet(*SHORT, "--seconds", "15", "--faults", "none", "--skip", "below", "--skip", "fixed")
    assert_whole(results["steady"], worst=101)
    assert results["steady"]["meanPercent"] >= 80
    if rig.FULL:
        assert results["below"]["callsPerSecond"] <= 2 * 4
        # What the limit is held against: counting after the fact, on the same gateways and the same Redis.
        assert results["fixed"]["worstPercent"] > 150


def test_they_hold_it_while_redis_is_stopped_killed_and_emptied(fleet):
    without = ["--skip", "steady", "--skip", "below", "--skip", "fixed"]
    results = fleet(*without) if rig.FULL else fleet(*SHORT, *without, "--seconds", "30", "--faults", "turn")
    for result in results.values():
        assert_whole(result, worst=105)
        assert result["lastQuarterPercent"] >= 80 and result["isAskedAgain"]


def test_one_gateway_holds_it_by_itself(fleet):
    arguments = [] if rig.FULL else [*SHORT, "--seconds", "12", "--skip", "below"]
    results = fleet("--embedded", *arguments)
    assert_whole(results["steady"], worst=101)
    assert results["steady"]["meanPercent"] >= 80
