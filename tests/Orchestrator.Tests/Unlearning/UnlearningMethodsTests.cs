using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Unlearning;

/// <summary>What holds for every method that trains in one stage.</summary>
[LeakLedger]
public sealed class UnlearningMethodsTests : IDisposable
{
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(layers: 5), 1);
    private readonly LlamaModel start;
    private readonly TokenSequence[] forget = TestModels.Sequences(5, 23, 2);
    private readonly TokenSequence[] retain = TestModels.Sequences(5, 23, 3);
    private readonly TokenSequence[] replacements = TestModels.Sequences(5, 23, 4);
    private readonly List<TrainingProgress> reports = [];

    public UnlearningMethodsTests() => start = model.Clone();

    public static TheoryData<string> Names => TestMethods.Names;

    public static TheoryData<string, OptimizerKind> NamesAndOptimizers
    {
        get
        {
            var rows = new TheoryData<string, OptimizerKind>();
            foreach (string name in TestMethods.Names)
            {
                rows.Add(name, OptimizerKind.Sgd);
                rows.Add(name, OptimizerKind.AdamW);
                rows.Add(name, OptimizerKind.Lion);
            }

            return rows;
        }
    }

    private IEnumerable<TrainingProgress> Steps => reports.Where(report => report.Stage == "unlearn");

    public void Dispose()
    {
        model.Dispose();
        start.Dispose();
    }

    [Theory]
    [MemberData(nameof(NamesAndOptimizers))]
    public void ItIsThePlainLoop(string name, OptimizerKind kind)
    {
        OptimizerOptions optimizer = TestModels.Optimizer(kind, 0.005, warmupSteps: 3);
        UnlearningContext context = Context(model);
        using LlamaModel plain = start.Clone();
        PlainUnlearning.Descend(plain, TestMethods.Trained(name, plain), 4, optimizer, () => TestMethods.PlainLoss(name, plain, start, context));

        UnlearningOutcome outcome = TestMethods.Options(name, 4, 5, optimizer).CreateMethod().Run(context);

        Assert.Equal(4, outcome.Steps);
        Assert.Empty(outcome.Rounds);
        Assert.InRange(TestModels.Distance(plain, model), 0, 1e-9);
        Assert.Equal(TestMethods.Trained(name, model), TestModels.Changed(start, model));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ActivationCheckpointingChangesNoBit(string name)
    {
        OptimizerOptions optimizer = TestModels.Optimizer(OptimizerKind.AdamW, 0.005);
        using LlamaModel other = start.Clone();
        other.ActivationCheckpointing = true;

        TestMethods.Options(name, 2, 2, optimizer).CreateMethod().Run(Context(model));
        TestMethods.Options(name, 2, 2, optimizer).CreateMethod().Run(Context(other));

        Assert.Empty(TestModels.Changed(model, other));
        Assert.NotEmpty(TestModels.Changed(start, other));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void WithoutRetainWeightNothingToRetainIsAskedFor(string name)
    {
        OptimizerOptions optimizer = TestModels.Optimizer(OptimizerKind.Sgd, 0.005);
        using LlamaModel other = start.Clone();

        TestMethods.Options(name, 2, 2, optimizer, alpha: 0).CreateMethod().Run(Context(model) with { Retain = [] });
        TestMethods.Options(name, 2, 2, optimizer, alpha: 0).CreateMethod().Run(Context(other));

        Assert.Empty(TestModels.Changed(model, other));
        Assert.All(reports, report => Assert.Null(report.RetainNll));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void StepsAreThoseCountedAndEveryPassIsTold(string name)
    {
        // 5 examples in batches of 2: 3 steps a pass.
        IMethodOptions options = TestMethods.Options(name, 2, 2, TestModels.Optimizer(OptimizerKind.Lion, 1e-3));
        IUnlearningMethod method = options.CreateMethod();
        var passes = new List<(UnlearningPass Pass, int Steps)>();

        UnlearningOutcome outcome = method.Run(Context(model) with { AfterPass = pass => passes.Add((pass, Steps.Count())) });

        Assert.Equal(name, options.Method);
        Assert.Equal(6, outcome.Steps);
        Assert.Equal(6, method.CountSteps(forget.Length, retain.Length));
        Assert.Equal(Enumerable.Range(1, 6), Steps.Select(report => report.Step));
        Assert.All(Steps, report => Assert.Equal(6, report.TotalSteps));
        Assert.Equal([(new UnlearningPass("unlearn", 1), 3), (new UnlearningPass("unlearn", 2), 6)], passes);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EqualSeedsGiveEqualBitsWithAnyThreads(string name)
    {
        int before = Runtime.Threads;
        try
        {
            foreach (int threads in new[] { 1, 2 })
            {
                Runtime.Threads = threads;
                using LlamaModel one = After(name, 1), same = After(name, 1), other = After(name, 2);

                Assert.Empty(TestModels.Changed(one, same));
                Assert.NotEmpty(TestModels.Changed(one, other));
            }
        }
        finally
        {
            Runtime.Threads = before;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void AnEmptySetIsAnErrorBeforeAnyWork(string name)
    {
        IUnlearningMethod method = TestMethods.Options(name, 1, 2, TestModels.Optimizer(OptimizerKind.Sgd, 0.01)).CreateMethod();
        void Fails(UnlearningContext context, string said)
        {
            HybridException error = Assert.Throws<HybridException>(() => method.Run(context));
            Assert.Equal(ErrorKind.EmptySplit, error.Kind);
            Assert.Contains(said, error.Message, StringComparison.Ordinal);
        }

        if (name is "ria" or "dpo")
        {
            Fails(Context(model) with { Replacements = [] }, name == "ria" ? "no wrong answer" : "5 forget examples go with 0 refusals");
        }

        if (name != "ria")
        {
            Fails(Context(model) with { Forget = [] }, "no example to forget");
        }

        if (name != "ga")
        {
            Fails(Context(model) with { Retain = [] }, "no example to retain");
        }

        Assert.Empty(reports);
        Assert.Empty(TestModels.Changed(start, model));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ADivergedRunGoesBack(string name)
    {
        IUnlearningMethod method = TestMethods.Options(name, 3, 5, TestModels.Optimizer(OptimizerKind.Sgd, 1e180)).CreateMethod();

        HybridException error = Assert.Throws<HybridException>(() => method.Run(Context(model)));

        Assert.Equal(ErrorKind.Diverged, error.Kind);
        Assert.Empty(TestModels.Changed(start, model));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void BFloat16FollowsFloat32(string name)
    {
        double[] wide = FirstLosses(name, ElementType.Float32), narrow = FirstLosses(name, ElementType.BFloat16);

        Assert.Equal(3, wide.Length);
        Assert.All(wide.Zip(narrow), pair => Assert.InRange(pair.Second, pair.First - 0.1 - (0.03 * Math.Abs(pair.First)), pair.First + 0.1 + (0.03 * Math.Abs(pair.First))));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void OptionsWithoutMeaningAreNamed(string name)
    {
        OptimizerOptions good = TestModels.Optimizer(OptimizerKind.Sgd, 0.01);

        Assert.Empty(TestMethods.Options(name, 1, 1, good).Validate());
        Assert.Equal(["epochs 0 and batch size 1 must be at least 1"], TestMethods.Options(name, 0, 1, good).Validate());
        Assert.Equal(["epochs 1 and batch size 0 must be at least 1"], TestMethods.Options(name, 1, 0, good).Validate());
        Assert.Equal(["learning rate -1 must be positive"], TestMethods.Options(name, 1, 1, good with { LearningRate = -1 }).Validate());
        Assert.Equal(name == "ga" ? [] : ["retain coefficient NaN must not be negative"], TestMethods.Options(name, 1, 1, good, double.NaN).Validate());
    }

    /// <summary>A model large enough that operations are split over threads, after two passes.</summary>
    private LlamaModel After(string name, ulong seed)
    {
        LlamaModel wide = TestModels.Make(TestModels.Config(layers: 4, hidden: 64, vocabulary: 300), 3, ElementType.Float32);
        TestMethods.Options(name, 2, 8, TestModels.Optimizer(OptimizerKind.AdamW, 1e-3)).CreateMethod().Run(Context(wide) with
        {
            Forget = TestModels.Sequences(20, 300, 5),
            Retain = TestModels.Sequences(20, 300, 6),
            Replacements = TestModels.Sequences(20, 300, 7),
            Random = new SeededRandom(seed),
        });
        return wide;
    }

    private double[] FirstLosses(string name, ElementType type)
    {
        using LlamaModel copy = start.Clone(type, Device.Cpu);
        reports.Clear();
        TestMethods.Options(name, 3, 5, TestModels.Optimizer(OptimizerKind.Lion, 1e-3)).CreateMethod().Run(Context(copy));
        return [.. Steps.Select(report => report.Loss)];
    }

    private UnlearningContext Context(LlamaModel changed) => new()
    {
        Model = changed,
        Forget = forget,
        Retain = retain,
        Replacements = replacements,
        Random = new SeededRandom(7),
        Progress = new SynchronousProgress<TrainingProgress>(reports.Add),
    };
}
