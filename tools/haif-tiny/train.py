#!/usr/bin/python3
"""train.py [seconds]

Trains a llama-architecture model (RMSNorm, rotary positions, SwiGLU, tied embedding) on one CPU
thread. Muon for the matrices, AdamW for the rest. The learning rate falls with the clock, so a run
is not reproducible bit by bit. Install OpenBLAS: without it a matrix product is 20x slower.
"""
import json
import math
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 1380
DIM, LAYERS, FFN, HEAD_DIM = 128, 4, 384, 32
HEADS = DIM // HEAD_DIM
EPSILON = 1e-5
ROPE_BASE = 10000

SHORT_ROWS, LONG_ROWS = 14, 4  # per step: about 2,600 tokens either way
LONG_EVERY, LATE_LONG_EVERY, LATE = 8, 4, 0.65  # long rows come more often towards the end
ATTENTION_CHUNK = 128
VALIDATION_ROWS = 112
WARMUP_STEPS = 30
FINAL_RATE = 0.02  # of the peak
ADAM_RATE = 4e-3
MUON_RATE, MUON_MOMENTUM, MUON_DECAY = 0.02, 0.95, 0.05
QUESTION_SHARE, QUESTION_WEIGHT = 0.25, 0.2  # the answer counts whole, and 1

BUILD = Path(__file__).parent / "build"
rows_info = json.loads((BUILD / "rows.json").read_text())
VOCABULARY, LONGEST = rows_info["vocabularySize"], rows_info["longRow"]

torch.set_num_threads(1)
torch.manual_seed(0)
rng = np.random.RandomState(0)

angles = torch.arange(LONGEST).float()[:, None] / (
    ROPE_BASE ** (torch.arange(0, HEAD_DIM, 2).float() / HEAD_DIM)
)
COS, SIN = angles.cos()[None, :, None, :], angles.sin()[None, :, None, :]
CAUSAL = torch.triu(torch.full((LONGEST, LONGEST), float("-inf")), 1)


class Rows:
    """Rows of one length: the first are kept for validation, the rest come in random order."""

    def __init__(self, name, length):
        self.ids = np.fromfile(BUILD / f"{name}-ids.bin", dtype=np.uint16).reshape(-1, length)
        self.weights = np.fromfile(BUILD / f"{name}-weights.bin", dtype=np.uint8).reshape(-1, length)
        self.order = np.array([], dtype=int)

    def draw(self, count):
        if len(self.order) < count:
            self.order = rng.permutation(len(self.ids) - VALIDATION_ROWS) + VALIDATION_ROWS
        rows, self.order = self.order[:count], self.order[count:]
        return self.batch(rows)

    def batch(self, rows):
        ids, weights = self.ids[rows].astype(np.int64), self.weights[rows].astype(np.int64)
        return torch.from_numpy(ids), torch.from_numpy(weights)


def rotate(x):
    """Rotary positions over neighbouring pairs (2i, 2i+1): what llama.cpp does for 'llama', so the
    exported matrices need no reordering. x is [batch, time, head, HEAD_DIM]."""
    length = x.shape[1]
    cos, sin = COS[:, :length], SIN[:, :length]
    a, b = x.view(*x.shape[:-1], HEAD_DIM // 2, 2).unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


class RmsNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(DIM))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * self.weight


def linear(inputs, outputs, gain=1.0):
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, std=gain / math.sqrt(inputs))
    return layer


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        residual_gain = 1 / math.sqrt(2 * LAYERS)
        self.attn_norm = RmsNorm()
        self.ffn_norm = RmsNorm()
        self.qkv = linear(DIM, 3 * DIM)
        self.attn_output = linear(DIM, DIM, residual_gain)
        self.gate_up = linear(DIM, 2 * FFN)
        self.down = linear(FFN, DIM, residual_gain)

    def forward(self, x):
        x = x + self.attn_output(self.attention(self.attn_norm(x)))
        gate, up = self.gate_up(self.ffn_norm(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)

    def attention(self, x):
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, HEADS, HEAD_DIM).unbind(2)
        q, k, v = (
            t.transpose(1, 2).reshape(batch * HEADS, length, HEAD_DIM)
            for t in (rotate(q), rotate(k), v)
        )
        # Chunk by chunk, so that most of what the causal mask would hide is never computed.
        parts = []
        for start in range(0, length, ATTENTION_CHUNK):
            end = min(start + ATTENTION_CHUNK, length)
            keys, mask = k[:, :end].transpose(1, 2), CAUSAL[None, start:end, :end]
            scores = torch.baddbmm(mask, q[:, start:end], keys, alpha=1 / math.sqrt(HEAD_DIM))
            parts.append(torch.bmm(torch.softmax(scores, -1), v[:, :end]))
        out = torch.cat(parts, 1)
        return out.view(batch, HEADS, length, HEAD_DIM).transpose(1, 2).reshape(batch, length, DIM)

    def matrices(self):
        """Each with the number of matrices fused in it: Muon has to treat them one by one."""
        return [(self.qkv, 3), (self.attn_output, 1), (self.gate_up, 2), (self.down, 1)]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, DIM)
        nn.init.normal_(self.embedding.weight, std=0.05)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = RmsNorm()

    def forward(self, tokens):
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


def loss_on(model, batch):
    """Mean weighted cross entropy, and the single losses with their weight class."""
    x, weights = batch
    kind = weights[:, 1:].reshape(-1)
    # Logits are a fifth of the work: padding gets none, and only some of the question does.
    asked = (kind == 1) & (torch.rand(kind.shape) < QUESTION_SHARE)
    counted = ((kind == 2) | asked).nonzero().squeeze(1)
    hidden = model(x)[:, :-1].reshape(-1, DIM)[counted]
    target, kind = x[:, 1:].reshape(-1)[counted], kind[counted]
    logits = F.linear(hidden, model.embedding.weight).float()
    losses = F.cross_entropy(logits, target, reduction="none")
    weight = torch.where(kind == 2, 1.0, QUESTION_WEIGHT)
    return (losses * weight).sum() / weight.sum(), losses, kind


class Muon:
    """Momentum, then the nearest orthogonal matrix as the update (Newton-Schulz, 5 steps)."""

    def __init__(self, matrices):
        self.matrices = [(m.weight, fused, torch.zeros_like(m.weight)) for m, fused in matrices]

    @torch.no_grad()
    def step(self, scale):
        rate = MUON_RATE * scale
        for weight, fused, momentum in self.matrices:
            momentum.mul_(MUON_MOMENTUM).add_(weight.grad)
            update = weight.grad + MUON_MOMENTUM * momentum
            for part, part_update in zip(weight.chunk(fused, 0), update.chunk(fused, 0)):
                tall = max(1, part.shape[0] / part.shape[1]) ** 0.5
                part.mul_(1 - rate * MUON_DECAY).add_(orthogonal(part_update), alpha=-rate * tall)


def orthogonal(g):
    wide = g.shape[0] <= g.shape[1]
    x = g if wide else g.t()
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.t()
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x if wide else x.t()


def train(model, short, long):
    matrices = [m for block in model.blocks for m in block.matrices()]
    owned = {id(m.weight) for m, _ in matrices}
    muon = Muon(matrices)
    adam = torch.optim.AdamW(
        [p for p in model.parameters() if id(p) not in owned], betas=(0.9, 0.97), weight_decay=0.0
    )
    start, step, tokens, recent = time.time(), 0, 0, []
    while (progress := (time.time() - start) / SECONDS) < 1:
        long_every = LONG_EVERY if progress < LATE else LATE_LONG_EVERY
        batch = long.draw(LONG_ROWS) if step % long_every == 0 else short.draw(SHORT_ROWS)
        scale = min(1, (step + 1) / WARMUP_STEPS) * (1 - (1 - FINAL_RATE) * progress)
        with torch.autocast("cpu", dtype=torch.bfloat16):  # 1.5 times as fast where the CPU has it
            loss, _, _ = loss_on(model, batch)
        model.zero_grad(set_to_none=True)
        loss.backward()
        for group in adam.param_groups:
            group["lr"] = ADAM_RATE * scale
        adam.step()
        muon.step(scale)
        step += 1
        tokens += batch[0].numel()
        recent = [*recent[-99:], loss.item()]
        if step % 100 == 0:
            speed = tokens / (time.time() - start)
            print(f"step {step} loss {np.mean(recent):.4f} tokens/s {speed:.0f}", flush=True)
    return step, tokens


@torch.no_grad()
def validate(model, rows):
    """Cross entropy on the answers of rows that were never trained on."""
    means = []
    for first in range(0, VALIDATION_ROWS, 16):
        _, losses, kind = loss_on(model, rows.batch(np.arange(first, first + 16)))
        means.append(losses[kind == 2].mean().item())
    return np.mean(means)


def save(model):
    """model.bin: little-endian float32, one tensor after the other; model.json: shape and offsets."""
    tensors = {"token_embd": model.embedding.weight, "output_norm": model.norm.weight}
    for i, block in enumerate(model.blocks):
        q, k, v = block.qkv.weight.chunk(3, 0)
        gate, up = block.gate_up.weight.chunk(2, 0)
        parts = {
            "attn_norm": block.attn_norm.weight,
            "attn_q": q,
            "attn_k": k,
            "attn_v": v,
            "attn_output": block.attn_output.weight,
            "ffn_norm": block.ffn_norm.weight,
            "ffn_gate": gate,
            "ffn_up": up,
            "ffn_down": block.down.weight,
        }
        tensors.update({f"blk.{i}.{name}": tensor for name, tensor in parts.items()})
    offsets, offset = {}, 0
    with open(BUILD / "model.bin", "wb") as file:
        for name, tensor in tensors.items():
            values = tensor.detach().contiguous().numpy().astype("<f4")
            offsets[f"{name}.weight"] = offset
            offset += values.size
            file.write(values.tobytes())
    shape = dict(
        vocabularySize=VOCABULARY,
        contextLength=rows_info["contextLength"],
        dim=DIM,
        layers=LAYERS,
        heads=HEADS,
        kvHeads=HEADS,
        ffnDim=FFN,
        tied=True,
        ropeBase=ROPE_BASE,
    )
    (BUILD / "model.json").write_text(json.dumps({"shape": shape, "offsets": offsets}))


short_rows, long_rows = Rows("short", rows_info["shortRow"]), Rows("long", LONGEST)
model = Model()
print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
steps, tokens = train(model, short_rows, long_rows)
save(model)
print(f"{steps} steps, {tokens} tokens")
print(f"answer cross entropy: {validate(model, short_rows):.4f} in short rows, {validate(model, long_rows):.4f} in long rows")
