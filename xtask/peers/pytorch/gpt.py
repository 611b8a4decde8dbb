"""The training step of the GPT cases in PyTorch: see `../README.md`.

    python gpt.py --case gpt-0.8m --weights w.safetensors --tokens t.u32 [--dtype bf16]

Uses what PyTorch has for the job: fused attention, fused AdamW, gradients dropped instead of zeroed.
"""

import argparse
import json
import resource
import statistics
import time

import numpy as np
import torch
from cases import CASES, Case
from model import Gpt
from safetensors.torch import load_file


def batches(path: str, case: Case):
    """Yields `(inputs, targets)`, each `(batch, time)`; from the file's start again after its end."""
    ids = torch.from_numpy(np.fromfile(path, dtype="<u4").astype(np.int64))
    size = case.batch * (case.time + 1)
    if ids.numel() < size:
        raise SystemExit(f"{path}: a batch needs {size} tokens, found {ids.numel()}")
    while True:
        for start in range(0, ids.numel() - size + 1, size):
            rows = ids[start : start + size].view(case.batch, case.time + 1)
            yield rows[:, :-1].contiguous(), rows[:, 1:].contiguous()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", required=True, choices=CASES)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--tokens", required=True)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32", help="bf16: autocast")
    parser.add_argument("--compile", action="store_true", help="through torch.compile")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    case = CASES[args.case]
    model = Gpt(case.vocab, case.time, case.layers, case.heads, case.d_model)
    model.load_state_dict(load_file(args.weights))
    loss_of = torch.compile(model.loss) if args.compile else model.loss
    params = list(model.parameters())
    adamw = torch.optim.AdamW(
        params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01, fused=True
    )

    def step(inputs, targets) -> float:
        adamw.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.dtype == "bf16"):
            loss = loss_of(inputs, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        adamw.step()
        return loss.item()

    losses, milliseconds = [], []
    source = batches(args.tokens, case)
    for i in range(args.warmup + max(args.steps, 1)):
        inputs, targets = next(source)
        start = time.perf_counter()
        losses.append(step(inputs, targets))
        if i >= args.warmup:
            milliseconds.append((time.perf_counter() - start) * 1e3)

    median = statistics.median_high(milliseconds)
    report = {
        "peer": "pytorch-compile" if args.compile else "pytorch",
        "version": torch.__version__,
        "case": args.case,
        "dtype": args.dtype,
        "threads": args.threads,
        "ms_per_step": {"median": median, "min": min(milliseconds), "max": max(milliseconds)},
        "tokens_per_s": case.batch * case.time / median * 1e3,
        "losses": losses,
        # Linux counts in KiB.
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
