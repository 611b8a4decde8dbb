"""An LSTM with attention trained in PyTorch as `cargo xtask demo translate --peers` trained its own: from the same
weights, on the same batches, at the same rates. Dropout draws other numbers.

    python translate.py --weights start.safetensors --plan plan.json --out trained.safetensors
"""

import argparse
import json
import sys
import time

import torch
import torch.nn.functional as F
from recurrent import Bahdanau
from safetensors.torch import load_file, save_file
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

PAD, START, END = 0, 1, 2


def padded(rows):
    tensors = [torch.tensor(row) for row in rows]
    return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=PAD)


def loss(model, sources, targets, plan):
    """Mean cross-entropy of a batch with teacher forcing."""
    encoder, decoder, score = model.encoder, model.decoder, model.decoder.attention.score
    source = padded([row + [END] for row in sources])
    target = padded([[START] + row for row in targets])
    following = padded([row + [END] for row in targets])
    lengths = torch.tensor([len(row) + 1 for row in sources])

    def drop(x):
        return F.dropout(x, plan["dropout"], model.training)

    packed = pack_padded_sequence(
        drop(encoder.embedding(source)), lengths, batch_first=True, enforce_sorted=False
    )
    memory, last = encoder.rnn(packed)
    memory, _ = pad_packed_sequence(memory, batch_first=True)
    keys, padding = score.key(memory), source == PAD
    h, c = (
        torch.tanh(dense(torch.cat([part[0], part[1]], 1))) for dense, part in zip(model.bridge.dense, last)
    )
    embedded, context, features = drop(decoder.embedding(target)), torch.zeros_like(h), []
    for t in range(target.shape[1]):
        h, c = decoder.rnn(torch.cat([embedded[:, t], context], 1), (h, c))
        scores = score.v(torch.tanh(score.query(h)[:, None] + keys)).squeeze(2)
        weights = scores.masked_fill(padding, -torch.inf).softmax(1)
        context = torch.bmm(weights[:, None], memory)[:, 0]
        features.append(torch.cat([h, context], 1))
    logits = decoder.output(drop(torch.stack(features, 1)))
    return F.cross_entropy(
        logits.flatten(0, 1),
        following.flatten(),
        ignore_index=PAD,
        label_smoothing=plan["label_smoothing"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", required=True)
    parser.add_argument("--plan", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    with open(args.plan) as file:
        plan = json.load(file)
    torch.manual_seed(plan["seed"])
    model = Bahdanau(plan["embed"], plan["hidden"], plan["src_vocab"], plan["tgt_vocab"])
    weights = load_file(args.weights)
    # The decoder is a cell here: its parameters lack the layer's number.
    cell = {name: name.removesuffix("_l0") for name in weights if name.startswith("decoder.rnn.")}
    model.load_state_dict({cell.get(name, name): value for name, value in weights.items()})

    params = list(model.parameters())
    average = [param.detach().clone() for param in params]
    adam = torch.optim.Adam(params, betas=(0.9, 0.98), eps=1e-8, fused=True)
    sources, targets = plan["sources"], plan["targets"]
    first = plan["batches"][0]
    model.eval()
    with torch.no_grad():
        first_loss = loss(model, [sources[i] for i in first], [targets[i] for i in first], plan).item()
    model.train()
    start, processor = time.perf_counter(), time.process_time()
    for step, (rate, rows) in enumerate(zip(plan["rates"], plan["batches"]), 1):
        for group in adam.param_groups:
            group["lr"] = rate
        adam.zero_grad(set_to_none=True)
        value = loss(model, [sources[i] for i in rows], [targets[i] for i in rows], plan)
        value.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        adam.step()
        decay = min(plan["average"], (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(average, params, 1 - decay)
        if step % 100 == 0:
            spent = time.perf_counter() - start
            said = f"step {step}/{len(plan['rates'])}, loss {value.item():.3f}, {spent:.0f} s"
            print(f"PyTorch: {said}", file=sys.stderr)
    report = {
        "first_loss": first_loss,
        "processor_seconds": time.process_time() - processor,
    }
    names = {short: name for name, short in cell.items()}
    trained = dict(zip([name for name, _ in model.named_parameters()], average))
    save_file({names.get(name, name): value for name, value in trained.items()}, args.out)
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
