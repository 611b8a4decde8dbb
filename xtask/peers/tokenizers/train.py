"""How long Hugging Face's `tokenizers` 0.23.3 takes to train on a file, and how much memory.

    RAYON_NUM_THREADS=2 python train.py TEXT [KIND [VOCAB_SIZE [TOKENIZER.json]]]

Kinds and words are those of `cargo run --release -p tokenize --example train`, its counterpart.
"""

import resource
import sys
import time

from tokenizers import Tokenizer, models, pre_tokenizers, trainers


def parts(kind, size):
    if kind == "byte-level-bpe":
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
        return models.BPE(), pre_tokenizers.ByteLevel(add_prefix_space=False), trainer
    words = pre_tokenizers.WhitespaceSplit()
    if kind == "bpe":
        return models.BPE(), words, trainers.BpeTrainer(vocab_size=size, show_progress=False)
    if kind == "word-piece":
        special = ["[UNK]"]
        trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False)
        return models.WordPiece(unk_token="[UNK]"), words, trainer
    if kind == "unigram":
        trainer = trainers.UnigramTrainer(vocab_size=size, unk_token="<unk>", show_progress=False)
        return models.Unigram(), words, trainer
    sys.exit(__doc__)


def main():
    path, kind, size, save = (sys.argv[1:] + ["byte-level-bpe", "32000", ""][len(sys.argv) - 2 :])[:4]
    model, words, trainer = parts(kind, int(size))
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = words
    start = time.perf_counter()
    tokenizer.train([path], trainer)
    print(f"train {time.perf_counter() - start:8.3f} s")
    print(f"peak  {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} kB")
    if save:
        tokenizer.save(save)


if __name__ == "__main__":
    main()
