"""GFLOP/s of PyTorch's matrix product, one JSON line per shape, type and number of threads.

    python gemm.py [--threads 1 2] [--dtype f32 bf16] [--seconds 0.5]

Shapes are m, k, n of `(m, k) @ (k, n)`; the best of the repetitions counts.
"""

import argparse
import json
import time

import torch

SHAPES = [
    (64, 64, 64),
    (256, 256, 256),
    (512, 512, 512),
    (1024, 1024, 1024),
    (2048, 384, 1152),
    (2048, 1152, 384),
    (2048, 384, 1536),
    (2048, 1536, 384),
    (256, 64, 256),
    (256, 256, 64),
    (1, 384, 1536),
    (1, 2048, 2048),
    (1, 8192, 8192),
    (64, 512, 2048),
    (512, 384, 50257),
]
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def best_seconds(work, seconds: float) -> float:
    """The shortest of at least five repetitions that take `seconds` together, after two to warm up."""
    work()
    work()
    best, count, began = float("inf"), 0, time.perf_counter()
    while count < 5 or time.perf_counter() - began < seconds:
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
        count += 1
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--dtype", choices=DTYPES, nargs="+", default=["f32"])
    parser.add_argument("--seconds", type=float, default=0.5)
    args = parser.parse_args()

    for threads in args.threads:
        torch.set_num_threads(threads)
        for dtype in args.dtype:
            for m, k, n in SHAPES:
                a = torch.randn(m, k).to(DTYPES[dtype])
                b = torch.randn(k, n).to(DTYPES[dtype])
                out = torch.empty(m, n, dtype=DTYPES[dtype])
                seconds = best_seconds(lambda: torch.mm(a, b, out=out), args.seconds)
                report = {
                    "peer": "pytorch",
                    "version": torch.__version__,
                    "case": f"gemm-{m}x{k}x{n}",
                    "dtype": dtype,
                    "threads": threads,
                    "gflops": 2 * m * k * n / seconds / 1e9,
                }
                print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
