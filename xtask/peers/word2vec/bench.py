"""One epoch of word2vec in gensim or fastText: a JSON object with words per second, on standard output.

Words are those of the text, frequent and rare ones too; what counts is the time of training alone, without reading the
vocabulary.
"""

import argparse
import json
import resource
import time

parser = argparse.ArgumentParser()
parser.add_argument("peer", choices=["gensim", "fasttext"])
parser.add_argument("text")
parser.add_argument("--case", required=True)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
method, dim = options.case.split("-")
dim = int(dim)

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

peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
print(json.dumps({
    "case": options.case, "peer": options.peer, "threads": options.threads, "words_per_s": words / seconds,
    "peak_rss_mb": peak,
}))
