"""The text that word vectors are compared on: English of many kinds, a sentence a line, lower case, letters only.

Usage: mix.py OUT [EVERY]
Takes every EVERY-th sentence (default 4) of the sets below, which `cargo xtask data fetch` has fetched into its cache.
"""

import gzip
import os
import pathlib
import re
import sys

CACHE = pathlib.Path(os.environ.get("XTASK_DATA_DIR", pathlib.Path.home() / ".cache/xtask-data"))
SETS = {
    "wikitext-2": r"train.*",
    "wikipedia-sentences": r"english-s\.txt",
    "state-of-the-union": r".*\.txt",
    "gutenberg-sample": r".*\.(txt|json)",
    "shakespeare": r".*\.(txt|xml)",
    "brown": r".*\.txt",
    "20-newsgroups": r".*\.tab",
    "factbook": r".*\.json",
    "reuters-21578": r".*\.json",
    "gcide": r".*\.(dz|dict)",
    "wordnet": r"data\.(noun|verb|adj|adv)",
}


def read(path):
    data = gzip.open(path).read() if path.suffix in (".gz", ".dz") else path.read_bytes()
    return data.decode("utf8", "ignore").replace("\\n", "\n").replace("\\t", " ")


def without_markup(name, text):
    if name == "brown":
        return re.sub(r"/\S+", "", text)
    if name == "gcide":
        text = re.sub(r"\n(?!\n)", " ", text)
    if name in ("gcide", "shakespeare"):
        return re.sub(r"<[^>]+>", " ", text)
    if name == "wordnet":
        return "\n".join(line.split("| ", 1)[1] for line in text.split("\n") if "| " in line)
    return text


def sentences():
    for name, pattern in SETS.items():
        paths = sorted(path for path in (CACHE / name).rglob("*") if re.fullmatch(pattern, path.name))
        assert paths, f"no {name} in {CACHE}: cargo xtask data fetch {name}"
        for path in paths:
            for line in re.split(r"\n+|(?<=[.!?;])\s", without_markup(name, read(path))):
                words = re.findall(r"[a-z]+", line.lower())
                if len(words) > 1:
                    yield words


every = int(sys.argv[2]) if len(sys.argv) > 2 else 4
total = 0
with open(sys.argv[1], "w") as out:
    for number, words in enumerate(sentences()):
        if number % every == 0:
            out.write(" ".join(words) + "\n")
            total += len(words)
print(f"{total} words")
