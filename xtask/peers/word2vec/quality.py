"""Are vectors trained here as good as gensim's?

Usage: quality.py TEXT XTASK [--seeds 5] [--threads 2] [--shared 6] [--zh]
Trains skip-gram and CBOW, with negative sampling and hierarchical softmax, in gensim and here in both modes, once for each
seed, same settings: five epochs, 100 dimensions, window 5, 5 negatives, sample 1e-4. `embed eval` scores all, with --zh by
the Chinese sets; it has the rules of gensim's evaluators.
Prints a line of JSON for each model as it is done, and at last a table of means and standard errors.
"""

import argparse
import json
import statistics
import subprocess
import tempfile

from gensim.models import Word2Vec

parser = argparse.ArgumentParser()
parser.add_argument("text")
parser.add_argument("xtask")
parser.add_argument("--seeds", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--shared", type=int, default=6)
parser.add_argument("--zh", action="store_true")
options = parser.parse_args()


def scores(path):
    command = [options.xtask, "embed", "eval", path, "--json", "--threads", str(options.threads)]
    command += ["--zh"] if options.zh else []
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [100 * found["accuracy"], *(100 * pair["spearman"] for _, pair in found["pairs"])]


def theirs(skip_gram, hierarchical, seed):
    # One worker: with a corpus file each of several counts its own words against those of all, so that the learning rate
    # falls less far. And it is told the number of words, or it lets the rate fall by sentences, so that where long ones
    # come first the rate is higher on the whole. Both are other settings, to which CBOW is sensitive.
    model = Word2Vec(
        vector_size=100, window=5, min_count=5, sg=skip_gram, hs=hierarchical, negative=0 if hierarchical else 5,
        sample=1e-4, workers=1, epochs=5, seed=seed,
    )
    model.build_vocab(corpus_file=options.text)
    model.train(corpus_file=options.text, total_words=model.corpus_total_words, epochs=model.epochs)
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        model.wv.save_word2vec_format(file.name, binary=True)
        return scores(file.name)


def ours(skip_gram, hierarchical, seed, reproducible):
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        command = [options.xtask, "embed", "train", options.text, "--out", file.name, "--sample", "1e-4"]
        command += ["--arch", "skip-gram" if skip_gram else "cbow", "--loss", "hierarchical" if hierarchical else "negative"]
        command += ["--seed", str(seed), "--threads", str(options.threads), "--shared", str(options.shared)]
        command += ["--reproducible"] if reproducible else []
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return scores(file.name)


programs = {
    "gensim": theirs,
    "ours, fast": lambda *setting: ours(*setting, False),
    "ours, reproducible": lambda *setting: ours(*setting, True),
}
settings = [(skip_gram, hierarchical) for hierarchical in (0, 1) for skip_gram in (1, 0)]
found = {}
for seed in range(1, options.seeds + 1):
    for setting in settings:
        for program, train in programs.items():
            result = train(*setting, seed)
            found.setdefault((setting, program), []).append(result)
            name = ("skip-gram" if setting[0] else "CBOW") + (", hierarchical" if setting[1] else ", negative")
            print(json.dumps({"setting": name, "program": program, "seed": seed, "scores": result}), flush=True)

sets = ["analogies, %"] + (["similarity"] if options.zh else ["WordSim-353", "SimLex-999"])
print(f"| setting | program | {' | '.join(sets)} |\n|---|---|{'---|' * len(sets)}")
for (setting, program), rows in found.items():
    name = ("skip-gram" if setting[0] else "CBOW") + (", hierarchical" if setting[1] else ", negative")
    columns = [
        f"{statistics.mean(column):.2f} ± {statistics.stdev(column) / len(column) ** 0.5 if len(column) > 1 else 0:.2f}"
        for column in zip(*rows)
    ]
    print(f"| {name} | {program} | {' | '.join(columns)} |")
