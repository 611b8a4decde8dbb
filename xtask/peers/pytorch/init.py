"""Writes initial weights and a token file for a case, for runs by hand.

    python init.py --case gpt-0.8m --weights w.safetensors --tokens t.u32

Tokens come from the generator s <- 1664525 s + 1013904223 (mod 2^32), started at the seed: each is the
upper 16 bits of s times the vocabulary size, divided by 2^16.
"""

import argparse

import numpy as np
from cases import CASES
from model import Gpt, initialise
from safetensors.torch import save_file


def tokens(count: int, vocab: int, seed: int) -> np.ndarray:
    state, out = seed, np.empty(count, dtype="<u4")
    for i in range(count):
        state = (1664525 * state + 1013904223) % 2**32
        out[i] = (state >> 16) * vocab >> 16
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", required=True, choices=CASES)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--tokens", required=True)
    parser.add_argument("--batches", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    case = CASES[args.case]
    model = Gpt(case.vocab, case.time, case.layers, case.heads, case.d_model)
    initialise(model, args.seed)
    save_file(dict(model.state_dict()), args.weights)
    tokens(args.batches * case.batch * (case.time + 1), case.vocab, args.seed).tofile(args.tokens)


if __name__ == "__main__":
    main()
