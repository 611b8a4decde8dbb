"""The GPT cases: the same table as `../case/src/lib.rs`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A GPT-2-shaped model and the batch it is trained on."""

    vocab: int
    time: int
    layers: int
    heads: int
    d_model: int
    batch: int


CASES = {
    "gpt-0.8m": Case(vocab=65, time=64, layers=4, heads=4, d_model=128, batch=12),
    "gpt-10.8m": Case(vocab=65, time=256, layers=6, heads=6, d_model=384, batch=8),
    "gpt-23m": Case(vocab=8192, time=256, layers=6, heads=8, d_model=512, batch=4),
}
