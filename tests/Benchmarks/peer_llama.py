"""A Llama in plain PyTorch with its fused attention, doing what `Hybrid.Benchmarks llama` measures. It needs nothing but PyTorch.

Each line in is a JSON object with "op" and its arguments; each line out is {"seconds": ..., ...} or {"error": ...}. Only the
work itself is timed. Runs on PyTorch 1.13 to check it, without fused attention and torch.compile, and is meant for 2.x on a GPU.
"""
import json
import math
import sys
import time

import numpy
import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])
FUSED = hasattr(F, "scaled_dot_product_attention")
GROUPED = FUSED and VERSION >= (2, 5)  # takes fewer key-value heads than query heads
COMPILES = VERSION >= (2, 1)
LAYER_PARTS = (
    "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "post_attention_layernorm", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
)


# ---- the model: functions of hidden states and a layer's nine tensors ------------------------------------------------------


def rms_norm(x, weight, epsilon):
    if hasattr(F, "rms_norm"):
        return F.rms_norm(x, weight.shape, weight, epsilon)
    wide = x.float()
    return weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)).to(x.dtype)


def turn(x, cos, sin):
    left, right = x.chunk(2, -1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), -1)


def causal_attention(q, k, v):
    """q [B,H,S,E], k and v [B,K,S,E]; sequences are padded on the right, where no real row looks."""
    if GROUPED:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    if FUSED:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    future = torch.full((q.shape[2], q.shape[2]), -math.inf, dtype=q.dtype, device=q.device).triu(1)
    return torch.softmax(q @ k.transpose(2, 3) / math.sqrt(q.shape[3]) + future, -1) @ v


def one_row_attention(q, k, v, visible=None):
    """q [B,H,1,E] over a cache [B,K,S,E]: all of it, or the places that are visible [S]."""
    if GROUPED and visible is None:
        return F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    B, H, _, E = q.shape
    scores = q.view(B, k.shape[1], -1, E) @ k.transpose(2, 3) / math.sqrt(E)  # [B,K,H/K,S]: no key is copied for its group
    if visible is not None:
        scores = scores.masked_fill(~visible, -math.inf)
    return (torch.softmax(scores, -1) @ v).view(B, H, 1, E)


class Shape:
    def __init__(self, config):
        self.hidden, self.layers = config["hidden"], config["layers"]
        self.heads, self.kv_heads, self.size = config["heads"], config["kv_heads"], config["head_dim"]
        self.ffn, self.vocabulary, self.tied = config["ffn"], config["vocabulary"], config["tied"]
        self.epsilon, self.theta = config["epsilon"], config["theta"]
        self.known_angles = {}

    def parameters(self):
        """Names and sizes, in the order of computation."""
        d, q, kv, f = self.hidden, self.heads * self.size, self.kv_heads * self.size, self.ffn
        sizes = ((d,), (q, d), (kv, d), (kv, d), (d, q), (d,), (f, d), (f, d), (d, f))
        yield "model.embed_tokens.weight", (self.vocabulary, d)
        for layer in range(self.layers):
            for part, size in zip(LAYER_PARTS, sizes):
                yield f"model.layers.{layer}.{part}.weight", size
        yield "model.norm.weight", (d,)
        if not self.tied:
            yield "lm_head.weight", (self.vocabulary, d)

    def angles(self, positions, like):
        """Cosines and sines of every position, made once for each number of them."""
        key = positions, like.dtype
        if key not in self.known_angles:
            self.known_angles[key] = self.make_angles(positions, like)
        return self.known_angles[key]

    def make_angles(self, positions, like):
        inverse = 1.0 / self.theta ** (torch.arange(0, self.size, 2).double() / self.size)
        angles = torch.outer(torch.arange(positions).double(), inverse)  # [S,E/2]
        return angles.cos().to(like), angles.sin().to(like)

    def split(self, x, heads):
        return x.view(x.shape[0], x.shape[1], heads, self.size).transpose(1, 2)  # [B,heads,S,E]

    def project(self, x, weights, cos, sin, linear=F.linear, norm=rms_norm):
        h = norm(x, weights[0], self.epsilon)
        q, k = self.split(linear(h, weights[1]), self.heads), self.split(linear(h, weights[2]), self.kv_heads)
        return turn(q, cos, sin), turn(k, cos, sin), self.split(linear(h, weights[3]), self.kv_heads)

    def finish(self, x, attended, weights, linear=F.linear, norm=rms_norm):
        x = x + linear(attended.transpose(1, 2).reshape(x.shape[0], x.shape[1], -1), weights[4])
        h = norm(x, weights[5], self.epsilon)
        return x + linear(F.silu(linear(h, weights[6])) * linear(h, weights[7]), weights[8])

    def layer(self, x, cos, sin, *weights):
        return self.finish(x, causal_attention(*self.project(x, weights, cos, sin)), weights)


class PerExample:
    """linear and norm of one layer that add each example's gradient norm to sums[layer] in backward, and make no gradient of a weight."""

    def __init__(self, sums, layer):
        self.sum = sums[layer]  # a view

    def linear(self, x, weight):
        return PerExampleLinear.apply(x, weight, self.sum)

    def norm(self, x, weight, epsilon):
        return PerExampleScale.apply(rms_norm(x, torch.ones_like(weight), epsilon), weight, self.sum)


class PerExampleLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, total):
        ctx.save_for_backward(x, weight)
        ctx.total = total
        return F.linear(x, weight)

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        each = torch.bmm(grad.transpose(1, 2), x)  # [B,out,in]: rows of padding have no gradient
        ctx.total += torch.linalg.vector_norm(each, 1, dtype=torch.float32)
        return grad @ weight, None, None


class PerExampleScale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, total):
        ctx.save_for_backward(x, weight)
        ctx.total = total
        return x * weight

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        ctx.total += (grad * x).sum(1, dtype=torch.float32).abs().sum()
        return grad * weight, None, None


# ---- batches and the optimizer ---------------------------------------------------------------------------------------------


class Batch:
    """Sequences padded on the right, with the rows that predict a scored token and those tokens."""

    def __init__(self, examples, device):
        longest = max(len(example["ids"]) for example in examples)
        rows, targets, self.counts = [], [], []
        for b, example in enumerate(examples):
            ids, first = example["ids"], example["first_scored"]
            rows += [b * longest + position - 1 for position in range(first, len(ids))]
            targets += ids[first:]
            self.counts.append(len(ids) - first)
        padded = [example["ids"] + [0] * (longest - len(example["ids"])) for example in examples]
        self.ids = torch.tensor(padded, device=device)
        self.rows, self.targets = torch.tensor(rows, device=device), torch.tensor(targets, device=device)



def round_into(target, wide):
    """Writes float32 numbers, which it changes, into bfloat16 ones, each rounded to one of its two neighbours, the nearer one more often."""
    bits = wide.view(torch.int32)
    bits += torch.randint_like(bits, 1 << 16)
    bits &= -1 << 16
    target.copy_(wide)


def lion_update(parameters, momenta, gradients, rate, beta1=0.9, beta2=0.99):
    moves = torch._foreach_mul(momenta, beta1)
    torch._foreach_add_(moves, gradients, alpha=1 - beta1)
    torch._foreach_add_(parameters, [torch.sign(move) for move in moves], alpha=-rate)
    torch._foreach_mul_(momenta, beta2)
    torch._foreach_add_(momenta, gradients, alpha=1 - beta2)


def rounded_lion_update(parameters, momenta, gradients, rate, beta1=0.9, beta2=0.99):
    """The same for bfloat16, computed in float32 and rounded stochastically."""
    for parameter, momentum, gradient in zip(parameters, momenta, gradients):
        gradient, wide = gradient.float(), momentum.float()
        move = torch.sign(beta1 * wide + (1 - beta1) * gradient)
        round_into(parameter, parameter.float().add_(move, alpha=-rate))
        round_into(momentum, wide.mul_(beta2).add_(gradient, alpha=1 - beta2))


class Lion:
    """Over groups of parameters, so that what is made on the way stays small; momenta have the parameters' type, and there is no other state.

    bfloat16 parameters are each a group: all of it is made in float32 on the way, and torch.compile sees a few shapes only."""

    GROUP_ELEMENTS = 1 << 28

    def __init__(self, parameters):
        self.groups, size = [], 0
        for parameter in parameters:
            if not self.groups or parameter.dtype == torch.bfloat16 or size + parameter.numel() > self.GROUP_ELEMENTS:
                self.groups.append(([], []))
                size = 0
            for each, tensor in zip(self.groups[-1], (parameter, torch.zeros_like(parameter, requires_grad=False))):
                each.append(tensor)
            size += parameter.numel()

    @torch.no_grad()
    def step(self, rate, update):
        for parameters, momenta in self.groups:
            update(parameters, momenta, [p.grad for p in parameters], rate)
            for p in parameters:
                p.grad = None


def allow_shapes(count):
    """How often torch.compile may compile a function anew before it gives up; the setting's name depends on the version."""
    import torch._dynamo

    for name in ("recompile_limit", "cache_size_limit"):
        if hasattr(torch._dynamo.config, name):
            setattr(torch._dynamo.config, name, count)


# ---- the work --------------------------------------------------------------------------------------------------------------


class Peer:
    def __init__(self, device, threads):
        self.device = torch.device(device)
        torch.set_num_threads(threads)
        torch.manual_seed(1)
        self.compiled = {}

    def versions(self):
        return {"torch": torch.__version__, "fused_attention": FUSED, "compiles": COMPILES}

    def synchronize(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def timed(self, work):
        self.synchronize()
        started = time.perf_counter()
        result = work()
        self.synchronize()
        return time.perf_counter() - started, result

    def load(self, folder, layers, dtype):
        """Fills the weights from the block of numbers beside the work, as LlamaWeights.cs does."""
        with open(folder + "/work.json") as file:
            self.work = json.load(file)
        if not hasattr(self, "shape"):  # compiled functions hold on to it
            self.shape = Shape(self.work["config"])
        self.shape.layers = layers
        self.weights, self.trained, self.optimizer, self.keys, self.values = {}, None, None, [], []
        self.compiled.pop("static_step", None)  # it holds on to the addresses of weights and caches
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        bits = torch.from_numpy(numpy.fromfile(folder + "/weights.bin", numpy.int16))
        block = bits.view(torch.bfloat16).to(self.device).to(getattr(torch, dtype))
        for index, (name, size) in enumerate(self.shape.parameters()):
            tensor = torch.ones(size, dtype=block.dtype, device=self.device)
            if len(size) > 1:
                residual = name.endswith(("o_proj.weight", "down_proj.weight"))
                self.fill(tensor.view(-1), block / 8 if residual else block, index * self.work["stride"] % len(block))
            self.weights[name] = tensor
        return {}

    @staticmethod
    def fill(tensor, block, start):
        done = 0
        while done < len(tensor):
            count = min(len(block) - start, len(tensor) - done)
            tensor[done : done + count] = block[start : start + count]
            done, start = done + count, 0

    def layer_weights(self, layer):
        return [self.weights[f"model.layers.{layer}.{part}.weight"] for part in LAYER_PARTS]

    @property
    def head(self):
        return self.weights["model.embed_tokens.weight" if self.shape.tied else "lm_head.weight"]

    def function(self, plain, compiled, **options):
        """The function or, asked for, its compiled form, made once."""
        if not compiled:
            return plain
        key = plain.__name__
        if key not in self.compiled:
            allow_shapes(64)  # the optimizer's groups differ in theirs
            self.compiled[key] = torch.compile(plain, **options)
        return self.compiled[key]

    def hidden(self, ids, compiled=False, checkpointing=False):
        x = F.embedding(ids, self.weights["model.embed_tokens.weight"])
        cos, sin = self.shape.angles(ids.shape[1], x)
        run = self.function(self.shape.layer, compiled)
        for layer in range(self.shape.layers):
            weights = self.layer_weights(layer)
            if checkpointing:
                x = checkpoint(run, x, cos, sin, *weights, use_reentrant=False, preserve_rng_state=False)
            else:
                x = run(x, cos, sin, *weights)
        return x

    def logits(self, rows):
        return F.linear(rms_norm(rows, self.weights["model.norm.weight"], self.shape.epsilon), self.head)

    def token_nll(self, x, batch):
        """[N]; only rows that predict a scored token are normed and projected."""
        return F.cross_entropy(self.logits(x.flatten(0, 1)[batch.rows]).float(), batch.targets, reduction="none")

    def examples(self, name, count):
        return [self.work[name][i % len(self.work[name])] for i in range(count)]

    def train(self, first, last, loss, checkpointing, batch, alpha, rate, repeats, compiled):
        """Steps of gradient difference, or of the attack's fine-tuning, on layers first to last-1, or on everything where last is 0."""
        if self.trained != (first, last):
            names = {name for name, _ in self.shape.parameters() if not last}
            names |= {f"model.layers.{layer}.{part}.weight" for layer in range(first, last) for part in LAYER_PARTS}
            for name, tensor in self.weights.items():
                tensor.requires_grad_(name in names)
            self.optimizer = Lion(tensor for name, tensor in self.weights.items() if name in names)
            self.trained = (first, last)
        difference = loss == "difference"
        examples = self.examples("forget", batch) + self.examples("retain", batch) if difference else self.examples("attack", batch)
        packed = Batch(examples, self.device)
        forget_tokens = sum(packed.counts[:batch])
        update = self.function(lion_update if self.head.dtype == torch.float32 else rounded_lion_update, compiled)

        def step():
            nll = self.token_nll(self.hidden(packed.ids, compiled, checkpointing), packed)
            parts = [nll[:forget_tokens].mean(), nll[forget_tokens:].mean()] if difference else []
            total = alpha * parts[1] - parts[0] if difference else nll.mean()
            total.backward()
            self.optimizer.step(rate, update)
            return [value.detach() for value in (total, *parts)]

        seconds, values = self.timed(lambda: [step() for _ in range(repeats)][0])
        return {"seconds": seconds / repeats, "values": [value.item() for value in values]}

    def mean_nll_sum(self, x, batch):
        """The sum of the examples' mean NLLs."""
        return sum(part.mean() for part in self.token_nll(x, batch).split(batch.counts))

    def density_loop(self, examples, batch):
        """One backward an example and the norm of every gradient: what KUnBR's description says word by word."""
        del batch
        sums = torch.zeros(self.shape.layers, dtype=torch.float64, device=self.device)
        batches = [Batch([example], self.device) for example in self.examples("forget", examples)]
        for name, tensor in self.weights.items():
            tensor.requires_grad_(name.startswith("model.layers."))

        def measure():
            for one in batches:
                self.mean_nll_sum(self.hidden(one.ids), one).backward()
                for layer in range(self.shape.layers):
                    for tensor in self.layer_weights(layer):
                        sums[layer] += torch.linalg.vector_norm(tensor.grad, 1, dtype=torch.float32)
                        tensor.grad = None

        seconds, _ = self.timed(measure)
        return {"seconds": seconds, "values": (sums / examples).tolist()}

    def density_batched(self, examples, batch):
        """One backward a batch, in which each linear layer makes its examples' gradients by one batched product and reduces them."""
        sums = torch.zeros(self.shape.layers, dtype=torch.float64, device=self.device)
        chosen = self.examples("forget", examples)
        batches = [Batch(chosen[i : i + batch], self.device) for i in range(0, examples, batch)]
        for tensor in self.weights.values():
            tensor.requires_grad_(False)

        def measure():
            for part in batches:
                x = F.embedding(part.ids, self.weights["model.embed_tokens.weight"]).requires_grad_()
                cos, sin = self.shape.angles(part.ids.shape[1], x)
                for layer in range(self.shape.layers):
                    weights, each = self.layer_weights(layer), PerExample(sums, layer)
                    attended = causal_attention(*self.shape.project(x, weights, cos, sin, each.linear, each.norm))
                    x = self.shape.finish(x, attended, weights, each.linear, each.norm)
                self.mean_nll_sum(x, part).backward()

        seconds, _ = self.timed(measure)
        return {"seconds": seconds, "values": (sums / examples).tolist()}

    # Generation: keys and values lie in [B,K,capacity,E] a layer, allocated once.

    @torch.no_grad()
    def generate(self, batch, new_tokens, compiled):
        prompts = torch.tensor([example["ids"] for example in self.examples("prompts", batch)], device=self.device)
        capacity, like = prompts.shape[1] + new_tokens, self.head
        step = self.function(self.static_step, compiled, mode="reduce-overhead")  # CUDA graphs
        if not self.keys:  # one request after a load
            size = batch, self.shape.kv_heads, capacity, self.shape.size
            self.keys, self.values = ([torch.zeros(size, dtype=like.dtype, device=self.device) for _ in range(self.shape.layers)] for _ in range(2))
            self.places = torch.arange(capacity, device=self.device)
            self.cos, self.sin = self.shape.angles(capacity, like)
            if compiled:  # CUDA graphs copy every input whose address may change
                for tensor in (*self.weights.values(), *self.keys, *self.values, self.places, self.cos, self.sin):
                    torch._dynamo.mark_static_address(tensor)

        def run():
            token = self.read(prompts)
            tokens = [token]
            for at in range(prompts.shape[1], capacity - 1):
                token = step(token, self.places[at : at + 1].clone()).clone() if compiled else self.sliced_step(token, at)
                tokens.append(token)
            return torch.cat(tokens, 1)

        seconds, tokens = self.timed(run)
        return {"seconds": seconds, "values": tokens.flatten().tolist()}

    def read(self, prompts):
        S = prompts.shape[1]
        x = F.embedding(prompts, self.weights["model.embed_tokens.weight"])
        for layer in range(self.shape.layers):
            weights = self.layer_weights(layer)
            q, k, v = self.shape.project(x, weights, self.cos[:S], self.sin[:S])
            self.keys[layer][:, :, :S], self.values[layer][:, :, :S] = k, v
            x = self.shape.finish(x, causal_attention(q, k, v), weights)
        return self.logits(x[:, -1]).argmax(-1, keepdim=True)

    def sliced_step(self, token, at):
        x = F.embedding(token, self.weights["model.embed_tokens.weight"])
        for layer in range(self.shape.layers):
            weights, keys, values = self.layer_weights(layer), self.keys[layer], self.values[layer]
            q, keys[:, :, at : at + 1], values[:, :, at : at + 1] = self.shape.project(x, weights, self.cos[at : at + 1], self.sin[at : at + 1])
            x = self.shape.finish(x, one_row_attention(q, keys[:, :, : at + 1], values[:, :, : at + 1]), weights)
        return self.logits(x[:, -1]).argmax(-1, keepdim=True)

    def static_step(self, token, position):
        """The same with shapes that never change, as CUDA graphs need them: the whole cache is read, and what is not there yet is masked."""
        x = F.embedding(token, self.weights["model.embed_tokens.weight"])
        cos, sin = self.cos.index_select(0, position), self.sin.index_select(0, position)
        visible = self.places <= position
        for layer in range(self.shape.layers):
            weights, keys, values = self.layer_weights(layer), self.keys[layer], self.values[layer]
            q, k, v = self.shape.project(x, weights, cos, sin)
            keys.index_copy_(2, position, k)
            values.index_copy_(2, position, v)
            x = self.shape.finish(x, one_row_attention(q, keys, values, visible), weights)
        return self.logits(x[:, -1]).argmax(-1, keepdim=True)

    # What bounds everything else.

    def multiply(self, rows, outs, ins, dtype, repeats):
        dtype = getattr(torch, dtype)
        x, weight = (torch.randn(height, ins, device=self.device, dtype=torch.float32).to(dtype) for height in (rows, outs))
        F.linear(x, weight)
        seconds, _ = self.timed(lambda: [F.linear(x, weight) for _ in range(repeats)][0])
        return {"seconds": seconds / repeats}

    def copy(self, elements, repeats):
        source, target = (torch.zeros(elements, device=self.device) for _ in range(2))
        target.copy_(source)
        seconds, _ = self.timed(lambda: [target.copy_(source) for _ in range(repeats)])
        return {"seconds": seconds / repeats}

    def memory(self):
        """The most bytes of tensors since the weights were loaded; 0 on the CPU, which is not counted."""
        return {"bytes": torch.cuda.max_memory_allocated() if self.device.type == "cuda" else 0}


def main():
    peer = Peer(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(peer, request.pop("op"))(**request)
        except Exception as error:  # the harness says it, and whether it can go on without
            answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
