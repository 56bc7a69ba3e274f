using Hybrid.Interop;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Xunit;
using Xunit.Abstractions;

namespace Hybrid.Orchestrator.Tests.Memory;

/// <summary>What the planner says against what LibTorch's allocator counted, on models small enough for a test.</summary>
[LeakLedger]
public sealed class MemoryPlannerTests(ITestOutputHelper output)
{
    /// <summary>How much too high a plan may be, and how much too low: less than what is kept in reserve.</summary>
    private const double High = 0.1, Low = 0.03;

    /// <summary>Shapes in which different things weigh most.</summary>
    private static readonly Dictionary<string, (LlamaConfig Config, int Tokens, int Batch)> Shapes = new()
    {
        ["wide"] = (Config(layers: 6, hidden: 256, feedForward: 704, vocabulary: 512, tied: false), 24, 4),     // parameters
        ["long"] = (Config(layers: 6, hidden: 64, feedForward: 168, vocabulary: 300, tied: false), 200, 8),     // activations
        ["tied"] = (Config(layers: 4, hidden: 64, feedForward: 168, vocabulary: 9000, tied: true), 30, 4),      // the output matrix
        ["words"] = (Config(layers: 4, hidden: 64, feedForward: 168, vocabulary: 40000, tied: false), 60, 10),  // logits in chunks
    };

    public static TheoryData<string, bool, ElementType, OptimizerKind, WeightRounding> Trainings
    {
        get
        {
            var rows = new TheoryData<string, bool, ElementType, OptimizerKind, WeightRounding>();
            foreach (string shape in Shapes.Keys)
            {
                foreach (bool checkpointing in (bool[])[false, true])
                {
                    rows.Add(shape, checkpointing, ElementType.Float32, OptimizerKind.Lion, WeightRounding.MasterWeights);
                    rows.Add(shape, checkpointing, ElementType.BFloat16, OptimizerKind.Lion, WeightRounding.MasterWeights);
                    rows.Add(shape, checkpointing, ElementType.BFloat16, OptimizerKind.Lion, WeightRounding.Stochastic);
                }

                rows.Add(shape, true, ElementType.BFloat16, OptimizerKind.AdamW, WeightRounding.Stochastic);
                rows.Add(shape, false, ElementType.Float32, OptimizerKind.AdamW, WeightRounding.MasterWeights);
            }

            return rows;
        }
    }

    public static TheoryData<string, bool> ShapesAndCheckpointing
    {
        get
        {
            var rows = new TheoryData<string, bool>();
            foreach (string shape in Shapes.Keys)
            {
                rows.Add(shape, false);
                rows.Add(shape, true);
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Trainings))]
    public void TrainingTakesWhatWasPlanned(string shape, bool checkpointing, ElementType type, OptimizerKind kind, WeightRounding rounding)
    {
        OptimizerOptions optimizer = TestModels.Optimizer(kind, 1e-4) with { Rounding = rounding };
        var options = new GradientDifferenceOptions { RetainCoefficient = 1, Epochs = 2, BatchSize = Shapes[shape].Batch, Optimizer = optimizer };

        Compare(shape, type, options, new MemoryOptions { ActivationCheckpointing = checkpointing, SecondModelOnHost = false });
    }

    [Theory]
    [MemberData(nameof(ShapesAndCheckpointing))]
    public void ReinsertionTakesWhatWasPlanned(string shape, bool checkpointing)
    {
        KUnBROptions options = Reinsertion(shape, preUnlearn: false, BlockStrategy.Bottom);

        Compare(shape, ElementType.Float32, options, new MemoryOptions { ActivationCheckpointing = checkpointing, SecondModelOnHost = true });
    }

    [Theory]
    [MemberData(nameof(ShapesAndCheckpointing))]
    public void AWholeRunTakesWhatItsFullestStageDoes(string shape, bool checkpointing)
    {
        KUnBROptions options = Reinsertion(shape, preUnlearn: true, BlockStrategy.Density);

        Compare(shape, ElementType.Float32, options, new MemoryOptions { ActivationCheckpointing = checkpointing, SecondModelOnHost = false });
    }

    [Theory]
    [MemberData(nameof(ShapesAndCheckpointing))]
    public void SteeringTakesWhatWasPlanned(string shape, bool checkpointing)
    {
        var options = new RmuOptions
        {
            Layer = 3,
            SteeringCoefficient = 5,
            RetainCoefficient = 1,
            Epochs = 2,
            BatchSize = Shapes[shape].Batch,
            Optimizer = TestModels.Optimizer(OptimizerKind.Lion, 1e-4),
            PrefixMemoryBytes = long.MaxValue,
            PrefixFileBytes = 0,
        };

        Compare(shape, ElementType.Float32, options, new MemoryOptions { ActivationCheckpointing = checkpointing, SecondModelOnHost = false });
    }

    [Theory]
    [InlineData(30, 400, false)]
    [InlineData(30, 400, true)]
    [InlineData(400, 30, false)]
    [InlineData(400, 30, true)]
    public void ForgetAndRetainMayDifferInLength(int forget, int retain, bool checkpointing)
    {
        var saving = new MemoryOptions { ActivationCheckpointing = checkpointing, SecondModelOnHost = false };
        OptimizerOptions lion = TestModels.Optimizer(OptimizerKind.Lion, 1e-4) with { Rounding = WeightRounding.Stochastic };
        var steering = new RmuOptions { Layer = 3, SteeringCoefficient = 5, RetainCoefficient = 1, Epochs = 2, BatchSize = 4, Optimizer = lion, PrefixMemoryBytes = 0, PrefixFileBytes = 0 };
        foreach (IMethodOptions method in (IMethodOptions[])[steering, Reinsertion("long", preUnlearn: true, BlockStrategy.Density) with { PrefixMemoryBytes = 0 }])
        {
            foreach (ElementType type in (ElementType[])[ElementType.Float32, ElementType.BFloat16])
            {
                Compare(Shapes["long"].Config, type, method, saving, Examples(Shapes["long"].Config, forget, 8, 1), Examples(Shapes["long"].Config, retain, 8, 2));
            }
        }
    }

    [Theory]
    [MemberData(nameof(ShapesAndCheckpointing))]
    public void DensityTakesWhatWasPlanned(string shape, bool checkpointing)
    {
        (LlamaConfig config, _, int batch) = Shapes[shape];
        TokenSequence[] examples = Examples(shape, 1);
        var planner = new MemoryPlanner(config, ElementType.Float32, Device.Cpu, new MemoryOptions { ActivationCheckpointing = checkpointing, SecondModelOnHost = false });
        long planned = planner.Density(BatchShape.Largest(examples, batch), secondModel: false).Device.Total;

        AssertClose(planned, Measured(config, ElementType.Float32, model =>
        {
            model.ActivationCheckpointing = checkpointing;
            KnowledgeDensity.Measure(model, examples, mlpOnly: false, batch);
        }));
    }

    [Theory]
    [InlineData("wide")]
    [InlineData("long")]
    [InlineData("tied")]
    public void EvaluationTakesWhatWasPlanned(string shape)
    {
        (LlamaConfig config, _, int batch) = Shapes[shape];
        TokenSequence[] examples = [.. Examples(shape, 1).Take(batch)];
        var planner = new MemoryPlanner(config, ElementType.Float32, Device.Cpu, MemoryOptions.QuickestFirst[0]);

        AssertClose(planner.Evaluate("evaluate", BatchShape.Largest(examples, batch), secondModel: false).Device.Total, Measured(config, ElementType.Float32, model =>
        {
            using TensorScope scope = TensorScope.Begin();
            using GradMode off = GradMode.Off();
            model.HiddenStates(new PackedBatch(examples));
        }));
    }

    [Fact]
    public void Llama3OnAGpuStaysWithinItsGoals()
    {
        // Llama-3-8B in bfloat16 on a GPU: batches of 4 forget and 4 retain examples of 512 tokens, all scored; the figures are in docs/memory.md.
        var config = new LlamaConfig
        {
            HiddenSize = 4096,
            IntermediateSize = 14336,
            Layers = 32,
            Heads = 32,
            KeyValueHeads = 8,
            HeadDimension = 128,
            VocabularySize = 128256,
            RmsNormEpsilon = 1e-5,
            RopeTheta = 500000,
            MaximumPositions = 8192,
            TiedEmbeddings = false,
        };
        Assert.Equal(8_030_261_248, config.ParameterCount);
        var planner = new MemoryPlanner(config, ElementType.BFloat16, Device.Cuda(0), new MemoryOptions { ActivationCheckpointing = true, SecondModelOnHost = true });
        OptimizerOptions lion = TestModels.Optimizer(OptimizerKind.Lion, 1.5e-7) with { Rounding = WeightRounding.Stochastic };
        var batch = new BatchShape(8 * 512, 8 * 511, 8, 512);

        StageMemory whole = planner.TrainWhole("pre-unlearn", lion, batch, secondModel: true);
        StageMemory density = planner.Density(new BatchShape(4 * 512, 4 * 511, 4, 512), secondModel: true);
        StageMemory block = planner.TrainBlock("re-insert", lion, batch, (0, 4), keptPrefix: 2L << 30);
        foreach (StageMemory stage in (StageMemory[])[whole, density, block])
        {
            output.WriteLine($"{stage.Stage}: device {stage.Device.Total / 1e9:F2} GB, host {stage.Host.Total / 1e9:F2} GB");
        }

        Assert.InRange(whole.Device.Total, 2 * planner.WeightBytes, 48_000_000_000);
        Assert.InRange(density.Device.Total, planner.WeightBytes, 20_000_000_000);
        Assert.InRange(block.Device.Total, planner.WeightBytes, 24_000_000_000);
        Assert.Equal(planner.WeightBytes, block.Host[MemoryKind.SecondModel]);
        Assert.Equal(0, block.Device[MemoryKind.SecondModel]);
    }

    private static LlamaConfig Config(int layers, int hidden, int feedForward, int vocabulary, bool tied) => new()
    {
        HiddenSize = hidden,
        IntermediateSize = feedForward,
        Layers = layers,
        Heads = 4,
        KeyValueHeads = 2,
        HeadDimension = hidden / 4,
        VocabularySize = vocabulary,
        RmsNormEpsilon = 1e-5,
        RopeTheta = 10000,
        MaximumPositions = 512,
        TiedEmbeddings = tied,
    };

    private static KUnBROptions Reinsertion(string shape, bool preUnlearn, BlockStrategy strategy) => new()
    {
        PreUnlearning = new GradientDifferenceOptions { RetainCoefficient = 1, Epochs = 2, BatchSize = Shapes[shape].Batch, Optimizer = TestModels.Optimizer(OptimizerKind.Lion, 1e-4) },
        Blocks = 2,
        SelectedBlocks = 2,
        Strategy = strategy,
        IgnoreHeadLayers = 0,
        EpochsPerBlock = 1,
        Rounds = 1,
        Reestimate = DensityReestimate.EachRound,
        MlpOnly = false,
        PrefixMemoryBytes = long.MaxValue,
        PrefixFileBytes = 0,
        Reinsert = true,
        PreUnlearn = preUnlearn,
    };

    /// <summary>Two batches of examples of the shape's length, the second half of each scored.</summary>
    private static TokenSequence[] Examples(string shape, ulong seed) => Examples(Shapes[shape].Config, Shapes[shape].Tokens, 2 * Shapes[shape].Batch, seed);

    private static TokenSequence[] Examples(LlamaConfig config, int tokens, int count, ulong seed)
    {
        var random = new SeededRandom(seed);
        return [.. Enumerable.Range(0, count).Select(_ => new TokenSequence((long[])[.. Enumerable.Range(0, tokens).Select(_ => (long)random.NextInt(config.VocabularySize))], tokens / 2))];
    }

    private void Compare(string shape, ElementType type, IMethodOptions method, MemoryOptions saving) =>
        Compare(Shapes[shape].Config, type, method, saving, Examples(shape, 1), Examples(shape, 2));

    private void Compare(LlamaConfig config, ElementType type, IMethodOptions method, MemoryOptions saving, TokenSequence[] forget, TokenSequence[] retain)
    {
        MemoryPlan plan = new(saving, method.Memory(new MemoryPlanner(config, type, Device.Cpu, saving), UnlearningExamples.Of(forget, retain)));

        AssertClose(plan.Fullest.Device.Total, Measured(config, type, model =>
        {
            model.ActivationCheckpointing = saving.ActivationCheckpointing;
            method.CreateMethod().Run(new UnlearningContext { Model = model, Forget = forget, Retain = retain, OriginalOnHost = saving.SecondModelOnHost, Random = new SeededRandom(3) });
        }));
    }

    /// <summary>The most that tensors took, the model's included.</summary>
    private static long Measured(LlamaConfig config, ElementType type, Action<LlamaModel> work)
    {
        using LlamaModel made = ModelInitializer.Create(config, new SeededRandom(1));
        using MemoryMeter meter = MemoryMeter.Start();
        using LlamaModel model = made.Clone(type, Device.Cpu);
        work(model);
        return meter.Peak(Device.Cpu);
    }

    private void AssertClose(long planned, long measured)
    {
        double error = ((double)planned / measured) - 1;
        output.WriteLine($"planned {planned / 1e6:F2} MB, measured {measured / 1e6:F2} MB, {error:+0.0%;-0.0%}");
        Assert.InRange(error, -Low, High);
    }
}
