using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Faults;

/// <summary>A piece of work that must give the same bytes whenever the seed and the number of threads are the same.</summary>
/// <param name="Work">A method's name, <c>learn</c>, <c>density</c>, or an attack's name.</param>
/// <param name="Precision">Element type of the weights, and how bfloat16 is rounded.</param>
/// <param name="Threads">Threads of one operation.</param>
internal sealed record SameBytesCase(string Work, string Precision, int Threads)
{
    /// <summary>As a word, <c>kunbr/float32/2</c>.</summary>
    public string Name => FormattableString.Invariant($"{Work}/{Precision}/{Threads}");
}

/// <summary>
/// Every method, teaching, density and the attacks on a tiny model with random weights, each as a digest of all that comes out: every parameter's bytes,
/// every step's losses, densities, choices of blocks, logits, answers.
/// </summary>
/// <param name="seed">Where the facts, the model and the runs' chance come from.</param>
internal sealed class SameBytes(ulong seed)
{
    /// <summary>Float32, and bfloat16 with both roundings of small steps.</summary>
    public static readonly string[] Precisions = ["float32", "bfloat16-master-weights", "bfloat16-stochastic"];

    private const int People = 10;
    private const int Layers = 4;
    private const int Batch = 6;
    private const double Rate = 1e-3;

    private readonly UnlearningDataset dataset = BirthdayMaker.Make(People, seed);

    /// <summary>The kinds of work.</summary>
    public static IReadOnlyList<string> Works { get; } = [.. UnlearningPresets.Methods, "learn", "density", .. KebabCase.NamesOf<AttackKind>()];

    /// <summary>All of them, with one and with two threads.</summary>
    public static IEnumerable<SameBytesCase> All =>
        from work in Works
        from precision in Precisions
        where precision != Precisions[^1] || work is not ("density" or "quantization") // which take no steps to round
        from threads in new[] { 1, 2 }
        select new SameBytesCase(work, precision, threads);

    /// <summary>Does the work and gives the digest of what came out.</summary>
    public string Digest(SameBytesCase one)
    {
        int before = Runtime.Threads;
        Runtime.Threads = one.Threads;
        try
        {
            using var result = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            Do(one, result);
            return Convert.ToHexStringLower(result.GetCurrentHash());
        }
        finally
        {
            Runtime.Threads = before;
        }
    }

    private void Do(SameBytesCase one, IncrementalHash result)
    {
        var random = new SeededRandom(seed);
        ElementType type = one.Precision == Precisions[0] ? ElementType.Float32 : ElementType.BFloat16;
        WeightRounding rounding = one.Precision == Precisions[2] ? WeightRounding.Stochastic : WeightRounding.MasterWeights;
        TeachingPreset preset = TeachingPresets.Find(TeachingPresets.Small);
        LlamaConfig shape = preset.Shape! with { Layers = Layers, MaximumPositions = 128 };
        (LlamaModel model, Tokenizer tokenizer) = FreshModel.Create(shape, dataset, random, type, Device.Cpu); // the tokenizer is learned anew each time, too
        using (model)
        {
            var world = new World(model, new ExampleEncoder(tokenizer, shape.MaximumPositions), random, rounding, new SynchronousProgress<TrainingProgress>(step => Add(result, [step.Loss, step.ForgetNll ?? 0, step.RetainNll ?? 0])));
            if (UnlearningPresets.Methods.Contains(one.Work))
            {
                Unlearn(world, one.Work, result);
            }
            else if (KebabCase.Find<AttackKind>(one.Work) is { } attack)
            {
                Attack(world, attack, result);
            }
            else if (one.Work == "learn")
            {
                TeachingOptions teaching = preset.Teaching with { Epochs = 2, BatchSize = 4 * Batch, Optimizer = preset.Teaching.Optimizer with { Rounding = rounding } };
                TeachingReport report = new Teacher(teaching, world.Encoder, world.Evaluator).Teach(model, dataset, random.Fork("teach"), world.Progress);
                Add(result, report.Forget);
            }
            else
            {
                Add(result, KnowledgeDensity.Measure(model, ExampleSets.Forget(dataset, ExampleForm.LetterAnswer, world.Encoder), mlpOnly: false, Batch, world.Progress));
            }

            Add(result, model);
        }
    }

    private void Unlearn(World world, string method, IncrementalHash result)
    {
        UnlearningSettings settings = UnlearningPresets.Find("tiny", method).With("epochs", 1).With("batch-size", Batch).With("optimizer.rounding", world.Rounding);
        if (method == "kunbr")
        {
            settings = settings.With("blocks", Layers).With("ignore-head-layers", 1);
        }

        SeededRandom random = world.Random.Fork("unlearn");
        UnlearningExamples examples = UnlearningExamples.For(dataset, settings, world.Encoder, random);
        UnlearningOutcome outcome = settings.CreateMethod().Run(new UnlearningContext
        {
            Model = world.Model, Forget = examples.Forget, Retain = examples.Retain, Replacements = examples.Replacements, Random = random, Progress = world.Progress,
        });
        foreach (ReinsertionRound round in outcome.Rounds)
        {
            Add(result, [.. round.Density, .. round.Blocks]);
        }
    }

    private void Attack(World world, AttackKind kind, IncrementalHash result)
    {
        SeededRandom random = world.Random.Fork("attack");
        MultipleChoiceQuestion[] forget = [.. dataset.ForgetQuestions];
        switch (kind)
        {
            case AttackKind.Rtt:
                RelearningOptions options = RelearningPresets.Find("tiny", dataset.Name);
                options = options with { Epochs = 1, BatchSize = Batch, LearningRates = [Rate], Folds = [0], Optimizer = options.Optimizer with { Rounding = world.Rounding } };
                RelearningFold fold = RttFolds.Make(dataset.ForgetSplits, options.Leaks, options.Folds)[0];
                using (LlamaModel attacked = new RelearningJob(options, world.Encoder, world.Evaluator).AttackedModel(world.Model, fold, Rate, epochs: 1, random, world.Progress))
                {
                    Add(result, attacked);
                }

                Add(result, new RelearningAttack(options, world.Encoder, world.Evaluator).Run(world.Model, dataset.ForgetSplits, random, world.Progress).Curves);
                break;
            case AttackKind.RetainRelearning:
                RetainRelearningOptions retain = RetainRelearningPresets.Find("tiny", dataset.Name);
                retain = retain with { Epochs = 1, BatchSize = Batch, LearningRates = [Rate], MaximumExamples = 2 * Batch, Optimizer = retain.Optimizer with { Rounding = world.Rounding } };
                Add(result, new RetainRelearningAttack(retain, world.Encoder, world.Evaluator).Run(world.Model, dataset.RetainText, forget, random, progress: world.Progress).Curves);
                break;
            default:
                foreach (QuantizationResult rounded in new QuantizationAttack(QuantizationOptions.Standard, world.Evaluator).Run(world.Model, forget, dataset.RetainQuestions))
                {
                    Add(result, rounded.Forget);
                    Add(result, rounded.Retain);
                }

                break;
        }
    }

    private static void Add(IncrementalHash result, LlamaModel model)
    {
        foreach (string name in model.Names)
        {
            byte[] bytes = new byte[model[name].Count * model[name].ElementType.Size()];
            model[name].ToBytes(bytes);
            result.AppendData(Encoding.UTF8.GetBytes(name));
            result.AppendData(bytes);
        }
    }

    private static void Add(IncrementalHash result, IEnumerable<RelearningCurve> curves)
    {
        foreach (RelearningCurve curve in curves)
        {
            result.AppendData(Encoding.UTF8.GetBytes(string.Join('\n', [curve.Diverged ?? string.Empty, .. curve.Hits])));
        }
    }

    private static void Add(IncrementalHash result, McqResult answers) => Add(result, [.. answers.LetterLogits.SelectMany(logits => logits)]);

    private static void Add(IncrementalHash result, double[] values) => result.AppendData(MemoryMarshal.AsBytes<double>(values));

    /// <summary>What one piece of work is done with.</summary>
    private sealed record World(LlamaModel Model, ExampleEncoder Encoder, SeededRandom Random, WeightRounding Rounding, IProgress<TrainingProgress> Progress)
    {
        public McqEvaluator Evaluator { get; } = new(Encoder);
    }
}
