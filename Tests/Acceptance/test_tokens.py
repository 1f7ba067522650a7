"""Counting tokens: the command line against the tokenizers that the vocabularies' makers and users run.

Gathers more than 5 MB of text from what the machine has, and compares counts document by document. Needs a package
index; skipped where there is none.
"""

import glob
import gzip
import json
import pathlib
import random
import subprocess
import sys

import pytest

import rig
from reference_tokenizers import PLACE, VOCABULARIES, sluice

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHUNKS = [1, 4, 17, 60, 1021, 65536]
TEXT_BYTES = 5_000_000
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


def gathered():
    """Texts that the machine has: code, pages, manuals in many languages."""
    picks = random.Random(11)
    patterns = [
        ("/usr/lib/python3*/*.py", 80), ("/usr/lib/python3*/*/*.py", 60), ("/usr/include/*.h", 40),
        ("/usr/include/*/*.h", 40), ("/usr/share/doc/*/copyright", 15), ("/usr/share/doc/*/*.gz", 40),
        ("/usr/share/man/man1/*.gz", 30), (f"{ROOT}/Sources/*/*.swift", 60), (f"{ROOT}/docs/*", 10),
        (f"{sys.prefix}/lib/python3*/site-packages/*/*.py", 80), (f"{sys.prefix}/lib/python3*/site-packages/*/*/*.py", 80),
        (f"{sys.base_prefix}/lib/python3*/*.py", 80), (f"{sys.base_prefix}/lib/python3*/*/*.py", 80)]
    patterns += [(f"/usr/share/man/{language}/man*/*", 25) for language in ["ja", "ru", "de", "zh_CN", "zh_TW", "fr", "ko", "pl"]]
    for pattern, most in patterns:
        files = sorted(glob.glob(pattern))
        picks.shuffle(files)
        for file in files[:most]:
            try:
                with (gzip.open if file.endswith(".gz") else open)(file, "rt", encoding="utf-8", newline="") as stream:
                    yield stream.read(40_000)
            except (OSError, UnicodeError, EOFError):
                continue


def synthetic():
    """What files seldom hold: every script beside every other, emoji, LaTeX, JSON, white space in all its forms."""
    dice = random.Random(12)
    pools = [
        range(0x20, 0x7F), range(0x4E00, 0x9FFF), range(0x3040, 0x3100), range(0x400, 0x500), range(0xC0, 0x250),
        range(0x300, 0x370), [0x20, 0x20, 0x0A, 0x0D, 0x09, 0xA0, 0x3000, 0x2028, 0x85], [*range(0x30, 0x3A), 0xB2, 0xBD, 0x2160],
        [ord(c) for c in "'’sSſtlLvermdE"], [*range(0x1F300, 0x1F650), 0x200D, 0xFE0F, 0x1F1E9, 0x1F1EA, 0x1F3FD],
        range(0xE00, 0xE60), range(0x600, 0x700), range(0xAC00, 0xD7A3), range(0x1C4, 0x1CD), range(0x2B0, 0x2FF),
        [0, 1, 0x7F, 0x200B, 0xFEFF, 0xE000, 0x378], [ord(c) for c in "!/_=-`、。，“$^+"],
        [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]]
    for size in [1, 2, 3, 5, 9, 17, 40] * 250 + [400] * 500:
        chosen = dice.sample(pools, dice.randint(1, 5))
        text = ""
        while len(text) < size:
            pool = dice.choice(chosen)
            text += "".join(chr(dice.choice(pool)) for _ in range(dice.choice([1, 1, 1, 2, 3, 5])))
        yield text
    words = ("The quick model didn't think it'd work, but we've SEEN it's DON'T-care HTTPServer camelCase I'LL you'Re 1234567 3.14 "
             "Größe Straße привет мир Токены 你好世界 这是一个测试 模型输出了《红楼梦》的第１章 カタカナ ひらがな 漢字 👩‍👩‍👧‍👦 🇩🇪 🇨🇳 👍🏽 ❤️ 1️⃣ 🚀 "
             r"$\frac{a_{i}}{b^{2}}$ \begin{align*} \sum_{k=0}^{\infty} **bold** `code` | a | b |").split(" ")
    gaps = [" "] * 8 + ["", "", "\n", "  ", "\n\n", " \n ", "\r\n", "\t", "\n    "]
    for _ in range(3000):
        yield "".join(dice.choice(words) + dice.choice(gaps) for _ in range(dice.randint(1, 120)))
    for _ in range(200):
        yield json.dumps({dice.choice(words): [dice.random(), dice.choice(words), None, {"a": dice.randint(0, 10**9)}]
                          for _ in range(20)}, indent=dice.choice([None, 2]), ensure_ascii=dice.random() < 0.5)
    for letters in ["a", "ab", "etaoin", "你好世界这是", " ", "=-", "\n ", "ABCxyz"]:
        yield "".join(dice.choice(letters) for _ in range(6000))


@pytest.fixture(scope="module")
def documents():
    texts = [text for text in [*gathered(), *synthetic()] if text]
    extra = 0
    while sum(len(text.encode()) for text in texts) < TEXT_BYTES:
        extra += 1
        texts += [" ".join(texts[(extra * 7 + n * 13) % len(texts)] for n in range(20))]
    folder = PLACE / "documents"
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, text in enumerate(texts):
        files.append(folder / f"{number}.txt")
        files[-1].write_bytes(text.encode())
    return texts, [str(file) for file in files]


@pytest.mark.parametrize("name", VOCABULARIES)
def test_counts_equal_the_reference_in_every_chunking(references, documents, name):
    texts, files = documents
    expected = [references[name](text) for text in texts]
    for chunk in CHUNKS:
        counts = []
        for start in range(0, len(files), 2000):
            done = sluice("count", "--vocabulary", name, "--chunk", str(chunk), *files[start:start + 2000])
            assert done.returncode == 0, done.stderr
            counts += [int(line.split("\t")[0]) for line in done.stdout.splitlines()]
        wrong = [(file, count, right) for file, count, right in zip(files, counts, expected) if count != right]
        assert len(counts) == len(expected) and not wrong, (chunk, len(wrong), wrong[:5])


def test_installed_vocabularies_verify_and_damage_is_found(references):
    assert sluice("vocabulary", "verify").returncode == 0
    file = PLACE / "data" / "vocabularies" / "qwen.slv"
    good = file.read_bytes()
    try:
        for bad in [good[:-1], good[:100], b"", good[:5000] + b"\xff" + good[5001:], good[:128] + b"\xff" * 64 + good[192:]]:
            file.write_bytes(bad)
            done = sluice("vocabulary", "verify")
            assert done.returncode == 1 and "qwen\tbad" in done.stdout
            done = sluice("count", "--vocabulary", "qwen", str(file))
            assert done.returncode == 1 and "Install it again" in done.stderr + done.stdout
    finally:
        file.write_bytes(good)


def test_llama_is_installed_only_when_its_licence_is_accepted():
    done = sluice("vocabulary", "install", "llama3")
    assert done.returncode != 0 and "--accept-licence llama3" in done.stderr


def test_counts_standard_input_and_estimates_without_any_vocabulary(tmp_path):
    done = subprocess.run(
        [rig.BINARY, "count", "--estimate", "--data", str(tmp_path)], input="The quick brown fox.", capture_output=True, text=True)
    count, name = done.stdout.strip().split("\t")
    assert name == "-" and 3 <= int(count) <= 8
    done = subprocess.run(
        [rig.BINARY, "count", "--vocabulary", "qwen", "--data", str(tmp_path)], input="x", capture_output=True, text=True)
    assert done.returncode == 1 and "sluice vocabulary install qwen" in done.stderr
