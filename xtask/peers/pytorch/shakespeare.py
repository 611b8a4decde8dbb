"""nanoGPT's CPU setting on tiny-shakespeare, trained by PyTorch: what `cargo xtask demo gpt --chars` is compared with.

    python shakespeare.py ../../../fixtures/text/tiny-shakespeare.txt --seed 1

Prints the loss over the whole validation text, and as nanoGPT estimates it: the mean of 20 random batches, many
times, so that the spread of that estimate is seen.
"""

import argparse
import math
from pathlib import Path

import torch
from torch import nn

from model import Gpt

TIME, BATCH, LAYERS, HEADS, D_MODEL, STEPS, WARM_UP, PEAK = 64, 12, 4, 4, 128, 2000, 100, 1e-3


def build(vocab: int) -> Gpt:
    """GPT-2's initialisation, no biases."""
    model = Gpt(vocab, TIME, LAYERS, HEADS, D_MODEL)
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.LayerNorm)):
            module.bias = None
    with torch.no_grad():
        for name, param in model.named_parameters():
            if param.dim() > 1:
                param.normal_(0.0, 0.02 / math.sqrt(2 * LAYERS) if "c_proj" in name else 0.02)
    return model


def learning_rate(step: int) -> float:
    if step < WARM_UP:
        return PEAK * (step + 1) / (WARM_UP + 1)
    done = (step - WARM_UP) / (STEPS - WARM_UP)
    return PEAK / 10 + 0.5 * (1 + math.cos(math.pi * done)) * (PEAK - PEAK / 10)


def draw(tokens, generator):
    starts = torch.randint(len(tokens) - TIME, (BATCH,), generator=generator)
    inputs = torch.stack([tokens[i : i + TIME] for i in starts])
    return inputs, torch.stack([tokens[i + 1 : i + 1 + TIME] for i in starts])


@torch.no_grad()
def whole_text(model, tokens) -> float:
    """Every token but the first predicted once, in windows side by side."""
    total, count = 0.0, 0
    for start in range(0, len(tokens) - 1, TIME):
        window = tokens[start : start + TIME + 1]
        total += model.loss(window[None, :-1], window[None, 1:]).item() * (len(window) - 1)
        count += len(window) - 1
    return total / count


@torch.no_grad()
def estimates(model, tokens, generator, times: int):
    """nanoGPT's estimate, `times` times."""
    return torch.tensor(
        [sum(model.loss(*draw(tokens, generator)).item() for _ in range(20)) / 20 for _ in range(times)]
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("text", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)

    text = args.text.read_text()
    index = {char: i for i, char in enumerate(sorted(set(text)))}
    tokens = torch.tensor([index[char] for char in text])
    train, valid = tokens[: len(tokens) // 10 * 9], tokens[len(tokens) // 10 * 9 :]
    model = build(len(index))
    decayed = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        loss = model.loss(*draw(train, generator))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    spread = estimates(model, valid, generator, 25)
    print(
        f"seed {args.seed}: validation loss {whole_text(model, valid):.3f} over the whole text; nanoGPT's estimate "
        f"{spread.mean():.3f}, standard deviation {spread.std():.3f}, least {spread.min():.3f}"
    )


if __name__ == "__main__":
    main()
