"""The same work in plain PyTorch: what one writes without Hybrid. Driven by tests/Benchmarks over stdin and stdout.

Each line in is a JSON object with "op" and its arguments; each line out is {"seconds": ..., ...} or {"error": ...}.
Only the work itself is timed.
"""
import copy
import json
import math
import sys
import time

import numpy
import torch
import torch.nn.functional as F

IGNORED = -100


class RmsNorm(torch.nn.Module):
    def __init__(self, size, epsilon):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(size))
        self.epsilon = epsilon

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + self.epsilon).to(x.dtype))


def turn(x, cos, sin):
    left, right = x.chunk(2, -1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), -1)


class Attention(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.kv_heads, self.size = c["heads"], c["kv_heads"], c["head_dim"]
        linear = lambda i, o: torch.nn.Linear(i, o, bias=False)
        self.q_proj = linear(c["hidden"], self.heads * self.size)
        self.k_proj = linear(c["hidden"], self.kv_heads * self.size)
        self.v_proj = linear(c["hidden"], self.kv_heads * self.size)
        self.o_proj = linear(self.heads * self.size, c["hidden"])

    def forward(self, x, cos, sin, mask):
        B, S, _ = x.shape
        q = turn(self.q_proj(x).view(B, S, self.heads, self.size).transpose(1, 2), cos, sin)     # [B,H,S,E]
        k = turn(self.k_proj(x).view(B, S, self.kv_heads, self.size).transpose(1, 2), cos, sin)  # [B,K,S,E]
        v = self.v_proj(x).view(B, S, self.kv_heads, self.size).transpose(1, 2)
        group = self.heads // self.kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        if x.is_cuda:  # padding is on the right, where causal attention never looks
            fused = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.o_proj(fused.transpose(1, 2).reshape(B, S, -1))
        weights = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(self.size) + mask, -1)
        return self.o_proj((weights @ v).transpose(1, 2).reshape(B, S, -1))


class Mlp(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gate_proj = torch.nn.Linear(c["hidden"], c["ffn"], bias=False)
        self.up_proj = torch.nn.Linear(c["hidden"], c["ffn"], bias=False)
        self.down_proj = torch.nn.Linear(c["ffn"], c["hidden"], bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm = RmsNorm(c["hidden"], c["epsilon"])
        self.self_attn = Attention(c)
        self.post_attention_layernorm = RmsNorm(c["hidden"], c["epsilon"])
        self.mlp = Mlp(c)

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Model(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_tokens = torch.nn.Embedding(c["vocabulary"], c["hidden"])
        self.layers = torch.nn.ModuleList(Layer(c) for _ in range(c["layers"]))
        self.norm = RmsNorm(c["hidden"], c["epsilon"])
        self.lm_head = torch.nn.Linear(c["hidden"], c["vocabulary"], bias=False)
        self.inverse_frequency = 1.0 / c["theta"] ** (torch.arange(0, c["head_dim"], 2).double() / c["head_dim"])

    def forward(self, ids, mask):
        x = self.embed_tokens(ids)
        angles = torch.outer(torch.arange(ids.shape[1]).double(), self.inverse_frequency)
        cos, sin = angles.cos().to(x), angles.sin().to(x)
        for layer in self.layers:
            x = layer(x, cos, sin, mask.to(x.dtype))
        return self.lm_head(self.norm(x))


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(data, numpy.float32, (end - begin) // 4, begin).reshape(entry["shape"])
        tensors[name.removeprefix("model.")] = torch.from_numpy(values.copy())
    return tensors


class Batch:
    """Sequences padded on the right to the longest; mask hides the future and the padding."""

    def __init__(self, sequences, first_scored, device):
        longest = max(len(s) for s in sequences)
        self.ids = torch.tensor([s + [0] * (longest - len(s)) for s in sequences])
        labels = [[IGNORED] * first + s[first:] + [IGNORED] * (longest - len(s)) for s, first in zip(sequences, first_scored)]
        self.labels = torch.tensor(labels)
        future = torch.full((longest, longest), -math.inf).triu(1)
        lengths = torch.tensor([len(s) for s in sequences])
        padding = torch.arange(longest)[None, :] >= lengths[:, None]
        # A padded row still sees its own column: a softmax over nothing is not a number.
        hidden = padding[:, None, :] & ~torch.eye(longest, dtype=torch.bool)
        self.mask = future + torch.zeros(hidden.shape).masked_fill(hidden, -math.inf)
        self.mask = self.mask[:, None].to(device)  # [B,1,S,S]
        self.ids, self.labels = self.ids.to(device), self.labels.to(device)


def mean_nll(model, ids, labels, mask):
    logits = model(ids, mask)
    return F.cross_entropy(logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)


class Lion:
    def __init__(self, parameters):
        self.parameters = list(parameters)
        self.momenta = [torch.zeros_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self, rate, beta1=0.9, beta2=0.99):
        grads = [p.grad for p in self.parameters]
        moves = torch._foreach_mul(self.momenta, beta1)
        torch._foreach_add_(moves, grads, alpha=1 - beta1)
        torch._foreach_add_(self.parameters, [torch.sign(move) for move in moves], alpha=-rate)
        torch._foreach_mul_(self.momenta, beta2)
        torch._foreach_add_(self.momenta, grads, alpha=1 - beta2)


class Peer:
    def __init__(self, device):
        self.device = device

    def synchronize(self):
        if self.device != "cpu":
            torch.cuda.synchronize()

    def load(self, folder, dtype="float32"):
        with open(folder + "/work.json") as file:
            work = json.load(file)
        self.config = work["config"]
        self.model = Model(self.config)
        self.model.load_state_dict(read_safetensors(folder + "/model.safetensors"))
        self.model = self.model.to(device=self.device, dtype=getattr(torch, dtype))
        self.examples = work["examples"]  # [{"ids": [...], "first_scored": n}]
        self.batch_size = work["batch"]
        self.optimizer = Lion(self.model.parameters())
        return {}

    def batch(self, first, count):
        part = self.examples[first : first + count]
        return Batch([e["ids"] for e in part], [e["first_scored"] for e in part], self.device)

    def layer_of(self, name):
        return int(name.split(".")[1]) if name.startswith("layers.") else None

    def density_loop(self, examples):
        """One backward per example and abs().sum(): what everybody writes."""
        sums = [0.0] * self.config["layers"]
        batches = [self.batch(i, 1) for i in range(examples)]
        self.synchronize()
        started = time.perf_counter()
        for b in batches:
            self.model.zero_grad(set_to_none=True)
            mean_nll(self.model, b.ids, b.labels, b.mask).backward()
            for name, parameter in self.model.named_parameters():
                layer = self.layer_of(name)
                if layer is not None:
                    sums[layer] += parameter.grad.abs().sum().item()
        self.synchronize()
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "values": [s / examples for s in sums]}

    def density_functorch(self, examples, chunk):
        """vmap over grad of a functional copy of the model, chunk examples at a time."""
        try:
            from torch.func import functional_call, grad, vmap

            run = lambda weights, *inputs: functional_call(self.model, weights, inputs)
        except ImportError:  # before PyTorch 2
            from functorch import grad, make_functional, vmap

            functional, _ = make_functional(self.model, disable_autograd_tracking=True)
            run = lambda weights, *inputs: functional(tuple(weights.values()), *inputs)
        parameters = {name: parameter.detach() for name, parameter in self.model.named_parameters()}

        def loss(weights, ids, labels, mask):
            logits = run(weights, ids[None], mask[None])[0, :-1].float()
            scored = labels[1:] != IGNORED
            nll = F.cross_entropy(logits, labels[1:].clamp(min=0), reduction="none")
            return (nll * scored).sum() / scored.sum()

        gradients = vmap(grad(loss), in_dims=(None, 0, 0, 0))
        sums = [0.0] * self.config["layers"]
        batches = [self.batch(i, min(chunk, examples - i)) for i in range(0, examples, chunk)]
        self.synchronize()
        started = time.perf_counter()
        for b in batches:
            for name, gradient in gradients(parameters, b.ids, b.labels, b.mask).items():
                layer = self.layer_of(name)
                if layer is not None:
                    sums[layer] += gradient.abs().sum().item()
        self.synchronize()
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "values": [s / examples for s in sums]}

    def gd_step(self, rate, alpha):
        """Forget and retain each through the model, one backward, Lion."""
        forget, retain = self.batch(0, self.batch_size), self.batch(self.batch_size, self.batch_size)
        self.synchronize()
        started = time.perf_counter()
        self.model.zero_grad(set_to_none=True)
        loss = alpha * mean_nll(self.model, retain.ids, retain.labels, retain.mask)
        loss = loss - mean_nll(self.model, forget.ids, forget.labels, forget.mask)
        loss.backward()
        self.optimizer.step(rate)
        value = loss.item()
        return {"seconds": time.perf_counter() - started, "values": [value]}

    def frozen_epochs(self, layer, epochs, rate, alpha):
        """Training of one layer with all others frozen, which autograd stops at; everything is computed in every epoch."""
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(self.layer_of(name) == layer)
            parameter.grad = None
        optimizer = Lion(p for p in self.model.parameters() if p.requires_grad)
        half, size = len(self.examples) // 2, self.batch_size
        pairs = [(self.batch(i, size), self.batch(half + i, size)) for i in range(0, half, size)]
        self.synchronize()
        started = time.perf_counter()
        for _ in range(epochs):
            for forget, retain in pairs:
                self.model.zero_grad(set_to_none=True)
                loss = alpha * mean_nll(self.model, retain.ids, retain.labels, retain.mask)
                (loss - mean_nll(self.model, forget.ids, forget.labels, forget.mask)).backward()
                optimizer.step(rate)
        self.synchronize()
        seconds = time.perf_counter() - started
        self.model.requires_grad_(True)
        return {"seconds": seconds}

    def graft(self, layer, repeats):
        """A block of one layer from one model to another by clone and copy_, as the released code does, and back."""
        if not hasattr(self, "other"):
            self.other = copy.deepcopy(self.model)
        here, there = list(self.model.layers[layer].parameters()), list(self.other.layers[layer].parameters())
        self.synchronize()
        started = time.perf_counter()
        with torch.no_grad():
            for _ in range(repeats):
                kept = [p.clone() for p in there]
                for p, q in zip(there, here):
                    p.copy_(q)
                for p, q in zip(there, kept):
                    p.copy_(q)
        self.synchronize()
        return {"seconds": (time.perf_counter() - started) / repeats}

    def multiply(self, m, n, k, repeats):
        """F.linear alone: the rate that PyTorch's matrix products reach."""
        a, b = torch.randn(m, k, device=self.device), torch.randn(n, k, device=self.device)
        F.linear(a, b)
        self.synchronize()
        started = time.perf_counter()
        for _ in range(repeats):
            F.linear(a, b)
        self.synchronize()
        return {"seconds": (time.perf_counter() - started) / repeats}

    def add(self, repeats):
        """The smallest operation: the sum of two one-element tensors."""
        a, b = torch.ones(1), torch.ones(1)
        started = time.perf_counter()
        for _ in range(repeats):
            a + b
        return {"seconds": (time.perf_counter() - started) / repeats}

    def versions(self):
        return {"torch": torch.__version__, "threads": torch.get_num_threads()}


def main():
    peer = Peer(sys.argv[1] if len(sys.argv) > 1 else "cpu")
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(peer, request.pop("op"))(**request)
        except Exception as error:  # the harness stops on it and shows it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
