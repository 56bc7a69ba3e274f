using System.Globalization;
using System.Text.Json.Nodes;
using Hybrid.Interop;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Benchmarks.Llama;

/// <summary>The pieces of work that are measured. What KUnBR and the attack are estimated from is put into <paramref name="parts"/>.</summary>
internal sealed class LlamaCases(LlamaBench bench, LlamaParts parts)
{
    public const int LargestBatch = 32;

    private const double StepGoal = 1.2, DensityGoal = 5;

    private const int DensityExamples = 16, NewTokens = 256, EvaluationBatch = McqEvaluator.UsualBatchSize;

    private static readonly LlamaStepOptions Options = LlamaStepOptions.Preset;

    private static readonly long StepTokens = LlamaMemory.StepBatch.Tokens, StepScored = LlamaMemory.StepBatch.Scored;

    private LlamaConfig Config => bench.Shape.Config;

    private double DensityTolerance => bench.Type == ElementType.Float32 ? 1e-4 : 3e-2;

    /// <summary>In 16 bits the two largest logits change places by rounding, and all that follows differs: told, and no more.</summary>
    private double? TokenTolerance => bench.Type == ElementType.Float32 ? 0 : null;

    /// <summary>How a whole run would be planned here, which the estimate of it follows.</summary>
    public void Plan()
    {
        MemoryPlan plan = bench.Memory.KUnBR(bench.Work);
        parts.OriginalOnHost = plan.Options.SecondModelOnHost;
        bench.Facts.Add(new("KUnBR's plan for all memory of this device", bench.Memory.Describe(plan)));
    }

    /// <summary>Products on the steps' and prompts' own shapes and a copy through the device's memory, by both sides: the faster one bounds the rest.</summary>
    public void Rates()
    {
        foreach (int rows in new[] { (int)StepTokens, LargestBatch * LlamaWork.PromptTokens })
        {
            double operations = 2.0 * rows * Config.IntermediateSize * Config.HiddenSize;
            double rate = operations / Best(new() { ["op"] = "multiply", ["rows"] = rows, ["outs"] = Config.IntermediateSize, ["ins"] = Config.HiddenSize, ["dtype"] = bench.TypeName, ["repeats"] = (int)Math.Clamp(1e12 / operations, 5, 200) });
            bench.PeakRate = Math.Max(bench.PeakRate, rate);
            bench.Facts.Add(new($"product {bench.Type} [{rows}, {Config.HiddenSize}] × [{Config.IntermediateSize}, {Config.HiddenSize}]ᵀ, the faster side", $"{rate / 1e12:0.000} TFLOP/s"));
        }

        int elements = bench.Device == Device.Cpu ? 1 << 22 : 1 << 28;
        bench.Bandwidth = 2.0 * sizeof(float) * elements / Best(new() { ["op"] = "copy", ["elements"] = elements, ["repeats"] = 5 });
        bench.Facts.Add(new("copy within the device's memory, read and written, the faster side", $"{bench.Bandwidth / 1e9:0} GB/s"));
        bench.EndSides();
    }

    /// <summary>
    /// A gradient difference step of all parameters, on as many layers as fit with their gradients and optimizer states; then, on our side, the attack's
    /// step and the copy to the host that training keeps.
    /// </summary>
    public void FullStep()
    {
        (int layers, bool checkpointing) = bench.Memory.LargestStep(bench.Theirs is not null);
        LlamaShape shape = bench.Shape.WithLayers(layers);
        string fit = layers < Config.Layers ? $"on {layers} of {Config.Layers} layers, more do not fit" : $"all {layers} layers";
        bench.Facts.Add(new("step of all parameters", $"{fit}; {(checkpointing ? "with" : "without")} activation checkpointing; {LlamaStepOptions.Describe(bench.Type)}"));

        double operations = shape.TrainingOperations(StepTokens, StepScored, 0, 0, 0);
        double update = shape.Config.ParameterCount * LlamaStepOptions.UpdateBytes(bench.Type) / bench.Bandwidth;
        bench.Facts.Add(new("step of all parameters, bytes of the optimizer's update alone at the copy's rate, not in the bound", Report.Duration(update)));
        if (bench.Compare(Step("gradient difference step, all parameters", layers, Train(0, 0, "difference", checkpointing), operations, bench.Memory.Full(layers, checkpointing), bench.Memory.TheirFull(layers, checkpointing))) is not { } seconds)
        {
            return;
        }

        double toAll = bench.Shape.TrainingOperations(StepTokens, StepScored, 0, 0, 0) / operations;
        parts.LayersMeasured = layers;
        parts.FullStep = seconds * toAll;
        bench.Theirs?.End();
        parts.AttackStep = bench.Alone(layers, Train(0, 0, "attack", checkpointing)) * toAll;
        // The copy is of what the attack's step trains, which is still loaded.
        parts.HostCopy = bench.Ours.Run(new JsonObject { ["op"] = "last_good" }) * Config.ParameterCount / shape.Config.ParameterCount;
        bench.EndSides();
    }

    /// <summary>
    /// A step that trains the middle one of the blocks that can be chosen; then, on our side, the same with the frozen layers' states kept, those
    /// layers once, and a batch of questions.
    /// </summary>
    public void BlockStep()
    {
        KUnBROptions method = WmdpLengths.KUnBR;
        BlockPlan plan = BlockPlan.Cut(Config.Layers, method.Blocks);
        int[] choosable = [.. Enumerable.Range(0, method.Blocks).Where(block => plan.LayersOf(block).End <= Config.Layers - method.IgnoreHeadLayers)];
        (int first, int last) = plan.LayersOf(choosable[choosable.Length / 2]);
        double operations = bench.Shape.TrainingOperations(StepTokens, StepScored, first, last, 0);
        long trained = (last - first) * Operations.LayerMatrices(Config);
        JsonObject step = Train(first, last, "difference", checkpointing: false);
        long bytes = bench.Memory.Block((first, last));
        if (bench.Compare(Step($"gradient difference step, layers {first}–{last - 1} trained", Config.Layers, step, operations, bytes, bytes)) is null)
        {
            return;
        }

        bench.Theirs?.End();
        JsonObject kept = step.DeepClone().AsObject();
        kept["kept"] = true;
        parts.BlockStep = bench.Alone(Config.Layers, kept);
        parts.BlockShare = trained / (double)Config.ParameterCount;
        int highest = plan.LayersOf(choosable[^1]).First;
        parts.Prefix = bench.Alone(Config.Layers, new JsonObject { ["op"] = "forward", ["last"] = highest, ["batch"] = Options.BatchSize, ["repeats"] = bench.Repeats });
        parts.Question = bench.Alone(Config.Layers, new JsonObject { ["op"] = "evaluate", ["batch"] = EvaluationBatch, ["repeats"] = bench.Repeats }) / EvaluationBatch;
        bench.EndSides();
    }

    /// <summary>Knowledge density of all layers.</summary>
    public void Density()
    {
        (long tokens, long scored, _, _) = LlamaMemory.Shape(WmdpLengths.Forget, DensityExamples);
        JsonObject Request(string op) => new() { ["op"] = op, ["examples"] = DensityExamples, ["batch"] = Options.BatchSize };
        double? seconds = bench.Compare(new LlamaCase
        {
            Name = $"density of {DensityExamples} examples, {Options.BatchSize} a pass",
            Layers = Config.Layers,
            Ours = Request("density"),
            Theirs = [new("PyTorch, one backward an example", Request("density_loop"), false), new("PyTorch, gradients of a batch's examples by batched products", Request("density_batched"), false)],
            PlannedBytes = bench.Memory.Density,
            BytesTogether = bench.Memory.Density + bench.Memory.TheirDensity,
            Bound = bench.Shape.DensityOperations(tokens, scored) / bench.PeakRate,
            Goal = bench.HasGoals ? DensityGoal : null,
            Amount = ("examples", DensityExamples),
            Difference = Difference.Relative,
            Tolerance = DensityTolerance,
            LaterTolerance = DensityTolerance,
        });
        parts.DensityExample = seconds / DensityExamples;
        bench.EndSides();
    }

    /// <summary>Greedy continuation of prompts.</summary>
    public void Generation()
    {
        foreach (int batch in new[] { 1, LargestBatch })
        {
            JsonObject Request(bool? compiled)
            {
                var request = new JsonObject { ["op"] = "generate", ["batch"] = batch, ["new_tokens"] = NewTokens };
                if (compiled is { } value)
                {
                    request["compiled"] = value;
                }

                return request;
            }

            bench.Compare(new LlamaCase
            {
                Name = $"generation, {batch} × {LlamaWork.PromptTokens} tokens and {NewTokens} new ones",
                Layers = Config.Layers,
                Ours = Request(null),
                Theirs = [new("PyTorch", Request(false), false), new("PyTorch, compiled, with CUDA graphs", Request(true), true)],
                PlannedBytes = null, // the planner does not know of keys and values that are kept
                BytesTogether = 2 * bench.Memory.Weights,
                Bound = (bench.Shape.PromptOperations(batch * LlamaWork.PromptTokens, batch) / bench.PeakRate) + (bench.Shape.DecodingBytes(batch, LlamaWork.PromptTokens, NewTokens, bench.Type) / bench.Bandwidth),
                Goal = null,
                Amount = ("new tokens", batch * NewTokens),
                Difference = Difference.OfTokens,
                Tolerance = TokenTolerance,
                LaterTolerance = TokenTolerance,
            });
        }

        bench.EndSides();
    }

    private LlamaCase Step(string name, int layers, JsonObject ours, double operations, long ourBytes, long theirBytes)
    {
        JsonObject Theirs(bool compiled)
        {
            JsonObject request = ours.DeepClone().AsObject();
            request["compiled"] = compiled;
            return request;
        }

        return new LlamaCase
        {
            Name = name,
            Layers = layers,
            Ours = ours,
            Theirs = [new("PyTorch", Theirs(false), false), new("PyTorch, layers and optimizer compiled", Theirs(true), true)],
            PlannedBytes = ourBytes,
            BytesTogether = ourBytes + theirBytes,
            Bound = operations / bench.PeakRate,
            Goal = bench.HasGoals ? StepGoal : null,
            Amount = ("steps", 1),
            Difference = Difference.Relative,
            Tolerance = bench.Type == ElementType.Float32 ? 1e-4 : 1e-2,
            LaterTolerance = bench.Type == ElementType.Float32 ? 1e-4 : 0.1, // weights were rounded by other random numbers since
        };
    }

    private JsonObject Train(int first, int last, string loss, bool checkpointing) => new()
    {
        ["op"] = "train",
        ["first"] = first,
        ["last"] = last,
        ["loss"] = loss,
        ["checkpointing"] = checkpointing,
        ["batch"] = Options.BatchSize,
        ["alpha"] = Options.RetainCoefficient,
        ["rate"] = Options.Optimizer.LearningRate,
        ["repeats"] = bench.Repeats,
    };

    private double Best(JsonObject request)
    {
        LlamaSide[] sides = bench.Theirs is { } peer ? [bench.Ours, peer] : [bench.Ours];
        double best = sides.Min(side => Enumerable.Range(0, 3).Select(_ => side.Ask((JsonObject)request.DeepClone())["seconds"]!.GetValue<double>()).Min());
        bench.Say($"{request["op"]}: {best.ToString("0.0e0", CultureInfo.InvariantCulture)} s");
        return best;
    }
}
