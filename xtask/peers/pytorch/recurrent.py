"""The recurrent cases in PyTorch: see `../README.md`.

    python recurrent.py --case lstm-lm --weights w.safetensors --tokens t.u32

The modules have the parameter names of the workspace's own, so that its weights load.
"""

import argparse
import json
import resource
import statistics
import time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

VOCAB, D_MODEL, LM_BATCH, LM_TIME = 10000, 512, 32, 64
SRC_VOCAB, TGT_VOCAB, BATCH, SRC_TIME, TGT_TIME = 30, 45, 128, 10, 9


class LanguageModel(nn.Module):
    parts = [(LM_BATCH, LM_TIME), (LM_BATCH, LM_TIME)]

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, D_MODEL)
        self.rnn = nn.LSTM(D_MODEL, D_MODEL, 2, batch_first=True)
        self.head = nn.Linear(D_MODEL, VOCAB)

    def loss(self, ids, target):
        logits = self.head(self.rnn(self.embedding(ids))[0])
        return F.cross_entropy(logits.flatten(0, 1), target.flatten())


class Seq2Seq(nn.Module):
    """Bahdanau's model: the context of a step goes into the next; the decoder begins from the mean of the outputs."""

    parts = [(BATCH, SRC_TIME), (BATCH, TGT_TIME), (BATCH, TGT_TIME)]

    def __init__(self, hidden=256, embed=128):
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.embedding = nn.Embedding(SRC_VOCAB, embed)
        self.encoder.rnn = nn.LSTM(embed, hidden, 1, batch_first=True, bidirectional=True)
        self.decoder = nn.Module()
        self.decoder.embedding = nn.Embedding(TGT_VOCAB, embed)
        self.decoder.rnn = nn.LSTMCell(embed + 2 * hidden, 2 * hidden)
        score = nn.Module()
        score.query = nn.Linear(2 * hidden, hidden, bias=False)
        score.key = nn.Linear(2 * hidden, hidden)
        score.v = nn.Linear(hidden, 1, bias=False)
        self.decoder.attention = nn.Module()
        self.decoder.attention.score = score
        self.decoder.output = nn.Linear(4 * hidden, TGT_VOCAB)

    def loss(self, source, target, following):
        decoder, score = self.decoder, self.decoder.attention.score
        memory, _ = self.encoder.rnn(self.encoder.embedding(source))
        keys = score.key(memory)
        h = memory.mean(1)
        c, context = torch.zeros_like(h), torch.zeros_like(h)
        embedded, outputs = decoder.embedding(target), []
        for t in range(target.shape[1]):
            h, c = decoder.rnn(torch.cat([embedded[:, t], context], 1), (h, c))
            scores = score.v(torch.tanh(score.query(h)[:, None] + keys)).squeeze(2)
            context = torch.bmm(F.softmax(scores, 1)[:, None], memory)[:, 0]
            outputs.append(torch.cat([h, context], 1))
        logits = decoder.output(torch.stack(outputs, 1))
        return F.cross_entropy(logits.flatten(0, 1), following.flatten())


class Transformer(nn.Module):
    parts = Seq2Seq.parts

    def __init__(self, d_model=256):
        super().__init__()
        self.src_embed = nn.Embedding(SRC_VOCAB, d_model)
        self.tgt_embed = nn.Embedding(TGT_VOCAB, d_model)
        model = nn.Transformer(d_model, 4, 3, 3, 1024, 0.1, batch_first=True, norm_first=True)
        self.encoder, self.decoder = model.encoder, model.decoder
        self.generator = nn.Linear(d_model, TGT_VOCAB)
        self.dropout = nn.Dropout(0.1)
        self.scale = d_model**0.5
        self.causal = nn.Transformer.generate_square_subsequent_mask(TGT_TIME)
        at = torch.arange(SRC_TIME)[:, None] / 10000 ** (torch.arange(0, d_model, 2) / d_model)
        self.positions = torch.stack([at.sin(), at.cos()], 2).flatten(1)

    def embed(self, table, ids):
        return self.dropout(table(ids) * self.scale + self.positions[: ids.shape[1]])

    def loss(self, source, target, following):
        memory = self.encoder(self.embed(self.src_embed, source))
        x = self.embed(self.tgt_embed, target)
        y = self.decoder(x, memory, tgt_mask=self.causal, tgt_is_causal=True)
        return F.cross_entropy(self.generator(y).flatten(0, 1), following.flatten())


class Inference(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(512, 512, 2, batch_first=True)
        self.x = nn.Parameter(torch.empty(1, 64, 512))


class Bahdanau(nn.Module):
    """The model of `Seq2Seq` with a dense bridge, from which the best of five beams is wanted for every source."""

    WIDTH, STEPS, START, END, LETTERS, TOGETHER = 5, 16, 1, 2, 24, 128

    def __init__(self, embed, hidden, src_vocab=33, tgt_vocab=73):
        super().__init__()
        self.vocab = tgt_vocab
        self.encoder = nn.Module()
        self.encoder.embedding = nn.Embedding(src_vocab, embed)
        self.encoder.rnn = nn.LSTM(embed, hidden // 2, 1, batch_first=True, bidirectional=True)
        self.bridge = nn.Module()
        self.bridge.dense = nn.ModuleList([nn.Linear(hidden, hidden) for _ in range(2)])
        self.decoder = nn.Module()
        self.decoder.embedding = nn.Embedding(tgt_vocab, embed)
        self.decoder.rnn = nn.LSTMCell(embed + hidden, hidden)
        score = nn.Module()
        score.query = nn.Linear(hidden, hidden // 2, bias=False)
        score.key = nn.Linear(hidden, hidden // 2)
        score.v = nn.Linear(hidden // 2, 1, bias=False)
        self.decoder.attention = nn.Module()
        self.decoder.attention.score = score
        self.decoder.output = nn.Linear(2 * hidden, tgt_vocab)

    def search(self, source, lengths):
        """Tokens and score of the best beam of each source, `(batch, steps)`, `(batch)`: sources are encoded once, all
        beams of all sources are rows of one batch, and what belongs to a source alone is never copied for its beams."""
        decoder, score, width = self.decoder, self.decoder.attention.score, self.WIDTH
        batch, time = source.shape
        packed = pack_padded_sequence(
            self.encoder.embedding(source), lengths, batch_first=True, enforce_sorted=False
        )
        memory, last = self.encoder.rnn(packed)
        memory, _ = pad_packed_sequence(memory, batch_first=True)
        keys = score.key(memory)[:, None]  # (batch, 1, time, units)
        hidden = (torch.arange(time) >= lengths[:, None])[:, None]  # (batch, 1, time)
        h, c = (
            torch.tanh(dense(torch.cat([part[0], part[1]], 1))).repeat_interleave(width, 0)
            for dense, part in zip(self.bridge.dense, last)
        )
        context = torch.zeros_like(h)
        tokens = torch.full((batch * width,), self.START)
        # All beams are the same at first: only one counts.
        scores = torch.full((batch, width), -torch.inf)
        scores[:, 0] = 0.0
        first = torch.arange(batch)[:, None] * width  # the row of a source's first beam
        history = []
        for _ in range(self.STEPS):
            h, c = decoder.rnn(torch.cat([decoder.embedding(tokens), context], 1), (h, c))
            query = score.query(h).view(batch, width, 1, -1)
            weights = score.v(torch.tanh(query + keys)).squeeze(3)  # (batch, width, time)
            weights = weights.masked_fill(hidden, -torch.inf).softmax(2)
            context = torch.bmm(weights, memory).view(batch * width, -1)
            logits = decoder.output(torch.cat([h, context], 1))
            total = scores[:, :, None] + logits.log_softmax(1).view(batch, width, -1)
            scores, best = total.flatten(1).topk(width)
            parents = (first + best // self.vocab).flatten()
            tokens = (best % self.vocab).flatten()
            h, c, context = h[parents], c[parents], context[parents]
            history.append((parents, tokens))
        row, found = first[:, 0], []
        for parents, tokens in reversed(history):
            found.append(tokens[row])
            row = parents[row]
        return torch.stack(found[::-1], 1), scores[:, 0]


CASES = {
    "g2p-beam": lambda: Bahdanau(64, 128),
    "g2p-beam-512": lambda: Bahdanau(128, 512),
    "lstm-lm": LanguageModel,
    "seq2seq": Seq2Seq,
    "transformer-seq2seq": Transformer,
    "lstm-infer": Inference,
}


def batches(path: str, parts):
    """Yields the arrays of a batch; from the file's start again after its end."""
    ids = torch.from_numpy(np.fromfile(path, dtype="<u4").astype(np.int64))
    sizes = [rows * time for rows, time in parts]
    while True:
        for start in range(0, ids.numel() - sum(sizes) + 1, sum(sizes)):
            pieces = ids[start : start + sum(sizes)].split(sizes)
            yield [piece.view(shape) for piece, shape in zip(pieces, parts)]


def train(model, args):
    source = batches(args.tokens, model.parts)
    params = list(model.parameters())
    adam = torch.optim.Adam(params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, fused=True)
    first = next(source)
    model.eval()
    with torch.no_grad():
        losses = [model.loss(*first).item()]
    model.train()
    source, times = batches(args.tokens, model.parts), []
    for i in range(args.warmup + max(args.steps, 1)):
        batch = next(source)
        start = time.perf_counter()
        adam.zero_grad(set_to_none=True)
        loss = model.loss(*batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        adam.step()
        losses.append(loss.item())
        if i >= args.warmup:
            times.append((time.perf_counter() - start) * 1e3)
    rows, steps = model.parts[-1]
    return times, rows * steps, losses[:1] if args.case == "transformer-seq2seq" else losses


def infer(model, args):
    x, times = model.x.detach(), []
    model.eval()
    with torch.no_grad():
        for i in range(10 * (args.warmup + max(args.steps, 1))):
            start = time.perf_counter()
            y, _ = model.rnn(x)
            if i >= 10 * args.warmup:
                times.append((time.perf_counter() - start) * 1e3)
    return times, x.shape[1], [y.square().mean().item()]


def search(model, args):
    ids = torch.from_numpy(np.fromfile(args.tokens, dtype="<u4").astype(np.int64)).view(-1, model.LETTERS)
    sources = []
    for words in ids.split(model.TOGETHER):
        lengths = (words > 0).sum(1)
        sources.append((words[:, : int(lengths.max())], lengths))
    times = []
    model.eval()
    with torch.inference_mode():
        for i in range(args.warmup + max(args.steps, 1)):
            start = time.perf_counter()
            found = [model.search(*source) for source in sources]
            if i >= args.warmup:
                times.append((time.perf_counter() - start) * 1e3)
    tokens = torch.cat([tokens for tokens, _ in found]).flatten().tolist()
    return times, len(ids), torch.cat([scores for _, scores in found]).tolist(), tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", required=True, choices=CASES)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--tokens", required=True)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    model = CASES[args.case]()
    weights = load_file(args.weights)
    if args.case == "seq2seq" or args.case.startswith("g2p-beam"):
        # The decoder is a cell here: its parameters lack the layer's number.
        cell = {name: name.removesuffix("_l0") for name in weights if name.startswith("decoder.rnn.")}
        weights = {cell.get(name, name): value for name, value in weights.items()}
    model.load_state_dict(weights)
    work = {"lstm-infer": infer, "g2p-beam": search, "g2p-beam-512": search}.get(args.case, train)
    times, tokens, losses, *outputs = work(model, args)
    median = statistics.median_high(times)
    report = {
        "peer": "pytorch",
        "version": torch.__version__,
        "case": args.case,
        "dtype": "f32",
        "threads": args.threads,
        "ms_per_step": {"median": median, "min": min(times), "max": max(times)},
        "tokens_per_s": tokens / median * 1e3,
        "losses": losses,
        "outputs": outputs[0] if outputs else [],
        # Linux counts in KiB.
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
