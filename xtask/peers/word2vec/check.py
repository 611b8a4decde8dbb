"""Do gensim, fastText and NumPy read what was written here, and find the same neighbours?

Usage: check.py FOLDER XTASK
The folder is that of `cargo xtask demo word2vec` or `demo fasttext`, XTASK the program. Every file of vectors in it is
loaded by its library, and the ten nearest words of twenty words are compared; those of word2vec also as text, without the
first line as GloVe writes it, and as a matrix of NumPy's with its words, into which XTASK converts them.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy

folder, xtask = pathlib.Path(sys.argv[1]), sys.argv[2]


def ours(path, word):
    command = [xtask, "embed", "query", str(path), "--nearest", word, "--json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [(near["word"], near["score"]) for near in found]


def same(path, name, neighbours, words):
    for word in words:
        for (a, x), (b, y) in zip(ours(path, word), neighbours(word)):
            # Words whose cosines are equal to six digits may change places.
            assert abs(x - y) < 1e-5 and (a == b or abs(x - y) < 1e-6), f"{path} {word}: {a} {x}, {name} {b} {y}"
    print(f"{path.name}: {name} finds the same neighbours of {len(words)} words")


for path in sorted(folder.glob("*.bin")):
    if path.read_bytes()[:4] == (793712314).to_bytes(4, "little"):
        import fasttext
        from gensim.models.fasttext import load_facebook_vectors

        model = fasttext.load_model(str(path))
        if model.get_labels() and model.get_labels()[0].startswith("__label__"):
            print(f"{path.name}: fastText reads {len(model.get_labels())} labels")
            continue
        words = model.get_words()[5:25]
        same(path, "fastText", lambda word: [(w, s) for s, w in model.get_nearest_neighbors(word, 10)], words)
        vectors = load_facebook_vectors(str(path))
        same(path, "gensim", lambda word: vectors.most_similar(word, topn=10), words)
    else:
        from gensim.models import KeyedVectors

        vectors = KeyedVectors.load_word2vec_format(path, binary=True)
        words = vectors.index_to_key[5:25]
        same(path, "gensim", lambda word: vectors.most_similar(word, topn=10), words)
        with tempfile.TemporaryDirectory() as there:
            for ending in ["txt", "glove", "npy"]:
                other = pathlib.Path(there) / f"{path.stem}.{ending}"
                subprocess.run([xtask, "embed", "convert", path, other], check=True, capture_output=True)
                if ending == "npy":
                    names = other.with_suffix(".vocab").read_text().splitlines()
                    read = KeyedVectors(vectors.vector_size)
                    read.add_vectors(names, numpy.load(other))
                else:
                    read = KeyedVectors.load_word2vec_format(other, binary=False, no_header=ending == "glove")
                assert read.index_to_key == vectors.index_to_key and (read.vectors == vectors.vectors).all(), other.name
                same(other, "gensim", lambda word: read.most_similar(word, topn=10), words)
