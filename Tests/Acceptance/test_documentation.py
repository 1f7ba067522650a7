"""What the documentation shows is run: an example that nobody runs will be wrong one day.

Marks, as comments in front of a block: `transcript: demo` (its commands give its output), `run: demo` (it ends with
status 0), `validate` (a configuration that `sluice validate` accepts).
"""

import os
import pathlib
import re
import subprocess
import sys

import pytest

import rig

PAGES = [rig.ROOT / "README.md", *sorted((rig.ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"<!-- (?P<mark>[a-z]+)(?:: (?P<where>\w+))? -->\n```(?P<language>\w+)\n(?P<text>.*?)^```$", re.S | re.M)


def blocks(mark):
    found = [
        pytest.param(match["language"], match["text"], id=f"{page.name}:{page.read_text()[:match.start()].count(chr(10)) + 1}")
        for page in PAGES for match in BLOCK.finditer(page.read_text()) if match["mark"] == mark]
    assert found, mark
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    port = rig.free_port()
    process = rig.Process(tmp_path_factory.mktemp("demo"), "demo", "demo", "--port", str(port), "--gap", "1")
    rig.wait_until(lambda: rig.can_connect(port), what="the demo's port")
    yield port
    process.stop()


def run(command, directory):
    environment = {**os.environ, "PATH": f"{pathlib.Path(rig.BINARY).parent}:{os.environ['PATH']}"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=directory, env=environment)


@pytest.mark.parametrize("language, text", blocks("transcript"))
def test_transcripts_are_real(demo, tmp_path, language, text):
    for step in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, expected = step.partition("\n")
        result = run(["bash", "-euo", "pipefail", "-c", command.replace("localhost:8080", f"127.0.0.1:{demo}")], tmp_path)
        # `head` may end a pipe early.
        assert result.returncode in (0, 141) and result.stdout.rstrip("\n") == expected.rstrip("\n"), command


@pytest.mark.parametrize("language, text", blocks("run"))
def test_examples_run(demo, tmp_path, language, text):
    command = {"python": [sys.executable, "-c"], "sh": ["bash", "-euo", "pipefail", "-c"]}[language]
    result = run([*command, text.replace("localhost:8080", f"127.0.0.1:{demo}")], tmp_path)
    assert result.returncode == 0 and result.stdout, result.stderr


@pytest.mark.parametrize("language, text", blocks("validate"))
def test_configurations_are_valid(tmp_path, language, text):
    assert language == "yaml"
    file = tmp_path / "sluice.yaml"
    file.write_text(text)
    variables = {name: "sk-some-key" for name in re.findall(r"\$\{(\w+)\}", text)}
    result = subprocess.run(
        [rig.BINARY, "validate", "--config", str(file)], capture_output=True, text=True, env={**os.environ, **variables})
    assert result.returncode == 0, result.stderr


def test_every_yaml_block_of_the_readme_is_validated():
    text = (rig.ROOT / "README.md").read_text()
    assert text.count("```yaml") == len(re.findall(r"<!-- validate -->\n```yaml", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_binary_links_what_the_readme_names():
    text = (rig.ROOT / "README.md").read_text()
    linked = subprocess.run(["ldd", rig.BINARY], capture_output=True, text=True, check=True).stdout
    for name in re.findall(r"^\s*(lib[\w+]+)[-.\w]*\.so", linked, re.M):
        assert name in text, name


def test_the_reference_is_the_one_in_the_binary():
    for kind, page in (("markdown", "configuration.md"), ("schema", "configuration.schema.json")):
        printed = subprocess.run([rig.BINARY, "reference", kind], capture_output=True, text=True, check=True).stdout
        assert printed == (rig.ROOT / "docs" / page).read_text()


@pytest.mark.parametrize("script", ["build", "fuzz", "install-dependencies", "run", "sanitize", "test"])
def test_scripts_explain_themselves(script):
    result = subprocess.run(
        [rig.ROOT / "scripts" / script, "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert result.returncode == 0 and result.stdout.startswith("Usage: "), result.stderr
