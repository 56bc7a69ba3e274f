using Hybrid.Interop;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Tests.Unlearning;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Checkpoints;

/// <summary>A run that is stopped, or dies, and goes on ends with the bits of one that was not: weights, losses, choices, and what was asked on the way.</summary>
[LeakLedger]
public sealed class ResumedRunTests : IDisposable
{
    private static readonly TimeSpan Always = TimeSpan.Zero;
    private static readonly TimeSpan Never = TimeSpan.FromDays(1);

    private readonly TemporaryFolder folder = new();
    private readonly TokenSequence[] forget = TestModels.Sequences(5, 23, 2);
    private readonly TokenSequence[] retain = TestModels.Sequences(3, 23, 3);
    private readonly TokenSequence[] replacements = TestModels.Sequences(5, 23, 4);

    public static TheoryData<string> Methods => [.. TestMethods.Names, "kunbr", "kunbr on host", "kunbr without reinsertion"];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Methods))]
    public void StoppedAnywhereItGoesOn(string method)
    {
        using LlamaModel start = TestModels.Make(TestModels.Config(layers: 5), 1);
        using Outcome whole = Run(method, start, null, stopAfter: null);
        for (int stop = 0; stop < whole.Steps.Count; stop++)
        {
            Assert.Throws<OperationCanceledException>(() => RunInJournal(method, start, Never, stop, dies: false));
            using Outcome resumed = RunInJournal(method, start, Never, stopAfter: null, dies: false);
            AssertSame(whole, resumed);
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void WhereverItDiesItGoesOnFromTheNewestCheckpoint(string method)
    {
        using LlamaModel start = TestModels.Make(TestModels.Config(layers: 5), 1);
        using Outcome whole = Run(method, start, null, stopAfter: null);
        for (int death = 1; death <= whole.Steps.Count; death++)
        {
            Assert.Throws<DeathException>(() => RunInJournal(method, start, death % 2 == 0 ? Always : Never, death, dies: true));
            using Outcome resumed = RunInJournal(method, start, Always, stopAfter: null, dies: false);
            AssertSame(whole, resumed);
        }
    }

    [Theory]
    [InlineData(OptimizerKind.Lion, ElementType.Float32, WeightRounding.MasterWeights)]
    [InlineData(OptimizerKind.AdamW, ElementType.Float32, WeightRounding.MasterWeights)]
    [InlineData(OptimizerKind.Sgd, ElementType.BFloat16, WeightRounding.MasterWeights)]
    [InlineData(OptimizerKind.Lion, ElementType.BFloat16, WeightRounding.MasterWeights)]
    [InlineData(OptimizerKind.AdamW, ElementType.BFloat16, WeightRounding.MasterWeights)]
    [InlineData(OptimizerKind.Lion, ElementType.BFloat16, WeightRounding.Stochastic)]
    [InlineData(OptimizerKind.AdamW, ElementType.BFloat16, WeightRounding.Stochastic)]
    public void EveryOptimizersStateComesBack(OptimizerKind kind, ElementType type, WeightRounding rounding)
    {
        OptimizerOptions optimizer = TestModels.Optimizer(kind, 0.01, warmupSteps: 3, weightDecay: 0.1) with { Rounding = rounding };
        using LlamaModel start = TestModels.Make(TestModels.Config(layers: 5), 1, type);
        using Outcome whole = Run("kunbr", start, null, stopAfter: null, optimizer);

        // A process for every step.
        for (int stop = 1; stop < whole.Steps.Count; stop++)
        {
            Assert.Throws<OperationCanceledException>(() => RunInJournal("kunbr", start, Never, stop, dies: false, optimizer));
        }

        using Outcome resumed = RunInJournal("kunbr", start, Never, stopAfter: null, dies: false, optimizer);
        AssertSame(whole, resumed);
    }

    [Fact]
    public void WhatDivergesAfterItWentOnIsLeftAsItWouldHaveBeen()
    {
        OptimizerOptions optimizer = TestModels.Optimizer(OptimizerKind.Lion, 0.01);
        using LlamaModel start = TestModels.Make(TestModels.Config(layers: 5), 1), whole = start.Clone(), stopped = start.Clone(), resumed = start.Clone();
        string expected = Assert.Throws<HybridException>(() => Break(whole, null)).Message;

        using (RunJournal journal = Journal(Never))
        {
            Assert.Throws<OperationCanceledException>(() => RunOn(stopped, TestMethods.Options("gd", 4, 2, optimizer).CreateMethod(), false, journal, stopAfter: 4, dies: false));
        }

        using (RunJournal journal = Journal(Never))
        {
            Assert.Equal(expected, Assert.Throws<HybridException>(() => Break(resumed, journal)).Message);
        }

        Assert.Empty(TestModels.Changed(whole, resumed)); // both as after the first pass, three steps
        Assert.NotEmpty(TestModels.Changed(start, resumed));

        // Weights turn into no numbers after the fifth step, the second one of the second pass.
        void Break(LlamaModel model, RunJournal? journal) => TestMethods.Options("gd", 4, 2, optimizer).CreateMethod().Run(new UnlearningContext
        {
            Model = model,
            Forget = forget,
            Retain = retain,
            Random = new SeededRandom(7),
            Progress = new SynchronousProgress<TrainingProgress>(step =>
            {
                if (step.Step == 5)
                {
                    TestModels.Set(model, ParameterNames.FinalNorm, [.. Enumerable.Repeat(double.NaN, model.Config.HiddenSize)]);
                }
            }),
            Journal = journal,
        });
    }

    private static void AssertSame(Outcome expected, Outcome actual)
    {
        Assert.Empty(TestModels.Changed(expected.Model, actual.Model));
        Assert.Equal(expected.Steps, actual.Steps);
        Assert.Equal(expected.Asked, actual.Asked);
        Assert.Equal(expected.Result.Steps, actual.Result.Steps);
        Assert.Equal(expected.Result.Rounds.SelectMany(round => round.Density), actual.Result.Rounds.SelectMany(round => round.Density));
        Assert.Equal(expected.Result.Rounds.SelectMany(round => round.Blocks), actual.Result.Rounds.SelectMany(round => round.Blocks));
    }

    private RunJournal Journal(TimeSpan interval) => RunJournal.Open(folder.File("journal"), new { seed = 6 }, interval, JournalStart.Continue);

    private Outcome RunInJournal(string method, LlamaModel start, TimeSpan interval, int? stopAfter, bool dies, OptimizerOptions? optimizer = null)
    {
        using RunJournal journal = Journal(interval);
        Outcome outcome = Run(method, start, journal, stopAfter, optimizer, dies);
        journal.Finish();
        return outcome;
    }

    private Outcome Run(string method, LlamaModel start, RunJournal? journal, int? stopAfter, OptimizerOptions? optimizer = null, bool dies = false)
    {
        optimizer ??= TestModels.Optimizer(OptimizerKind.AdamW, 0.005, warmupSteps: 3);
        LlamaModel model = start.Clone();
        try
        {
            IUnlearningMethod made = method.StartsWith("kunbr", StringComparison.Ordinal)
                ? new KUnBR(KUnBROptionsOf(optimizer) with { Reinsert = method != "kunbr without reinsertion" })
                : TestMethods.Options(method, 2, 2, optimizer).CreateMethod();
            return RunOn(model, made, method == "kunbr on host", journal, stopAfter, dies);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private Outcome RunOn(LlamaModel model, IUnlearningMethod method, bool originalOnHost, RunJournal? journal, int? stopAfter, bool dies)
    {
        var steps = new List<TrainingProgress>();
        var asked = new List<double>();
        using var stop = new CancellationTokenSource();
        if (stopAfter == 0)
        {
            stop.Cancel();
        }

        UnlearningOutcome result = method.Run(new UnlearningContext
        {
            Model = model,
            Forget = forget,
            Retain = retain,
            Replacements = replacements,
            OriginalOnHost = originalOnHost,
            Random = new SeededRandom(7),
            Progress = new SynchronousProgress<TrainingProgress>(step =>
            {
                steps.Add(step);
                if (steps.Count == stopAfter)
                {
                    if (dies)
                    {
                        throw new DeathException();
                    }

                    stop.Cancel();
                }
            }),
            AfterPass = _ => asked.Add(RunJournal.Once(journal, "sum", null, _ => model[ParameterNames.Embedding].ToDoubles().Sum())),
            Journal = journal,
            Cancellation = stop.Token,
        });
        return new Outcome(model, steps, asked, result);
    }

    private static KUnBROptions KUnBROptionsOf(OptimizerOptions optimizer) => new()
    {
        PreUnlearning = new GradientDifferenceOptions { RetainCoefficient = 0.3, Epochs = 1, BatchSize = 2, Optimizer = optimizer },
        Blocks = 5,
        SelectedBlocks = 2,
        Strategy = BlockStrategy.Density,
        IgnoreHeadLayers = 0,
        EpochsPerBlock = 1,
        Rounds = 2,
        Reestimate = DensityReestimate.EachRound,
        MlpOnly = false,
        PrefixMemoryBytes = 1500,
        PrefixFileBytes = 1500,
        Reinsert = true,
        PreUnlearn = true,
    };

    private sealed record Outcome(LlamaModel Model, IReadOnlyList<TrainingProgress> Steps, IReadOnlyList<double> Asked, UnlearningOutcome Result) : IDisposable
    {
        public void Dispose() => Model.Dispose();
    }

    /// <summary>What nothing in the product catches: the process is gone.</summary>
    private sealed class DeathException : Exception;
}
