using System.Diagnostics;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Runs;

/// <summary>
/// The whole of the main job with no file of the user's own: made-up birthdays, a small model that is taught them, then for every method
/// unlearning with each setting of one grid, the attack, the pick by one rule, and the attack again on folds that had no part in the pick.
/// </summary>
public sealed class Demo(DemoOptions options, ulong seed, RunFolder folder, IProgress<TrainingProgress>? progress, CancellationToken cancellation)
{
    private readonly SeededRandom random = new(seed);

    /// <summary>Runs it; leaves data, models and metrics in the run folder.</summary>
    /// <exception cref="HybridException">Config: the methods do not get equally many steps. Diverged, EmptySplit, Io.</exception>
    public DemoReport Run()
    {
        RequireEqualBudgets();
        BirthdayMaker.Write(Path.Combine(folder.FullPath, "data"), options.People, seed);
        UnlearningDataset dataset = DatasetCatalog.Load(DatasetCatalog.RandomBirthdays, Path.Combine(folder.FullPath, "data"));
        (LlamaModel taught, Tokenizer tokenizer) = FreshModel.Create(options.Preset, dataset, random);
        using (taught)
        {
            var bench = new Bench(dataset, new ExampleEncoder(tokenizer, options.Preset.Shape.MaximumPositions));
            var clock = Stopwatch.StartNew();
            var teacher = new Teacher(options.Preset.Teaching, bench.Encoder, bench.Evaluator);
            TeachingReport teaching = teacher.Teach(taught, dataset, random.Fork("teach"), progress, cancellation);
            double taughtSeconds = clock.Elapsed.TotalSeconds;
            folder.Log("taught", new { teaching.Epochs, forget = teaching.Forget.Accuracy, retain = teaching.Retain.Accuracy, seconds = taughtSeconds });
            ModelFolder.Save(ModelPath("taught"), taught, tokenizer);

            var rows = new List<DemoRow>();
            var tried = new List<DemoCandidate>();
            foreach (UnlearningSettings settings in options.Methods)
            {
                rows.Add(RunMethod(settings, taught, tokenizer, bench, teaching, tried));
            }

            return new DemoReport(teaching.Forget.Accuracy, teaching.Retain.Accuracy, teaching.Epochs, taughtSeconds, rows, tried);
        }
    }

    /// <summary>Methods that are compared get the same number of optimizer steps.</summary>
    private void RequireEqualBudgets()
    {
        (string Name, int Steps)[] budgets = [.. options.Methods.Select(settings => (settings.MethodName, settings.CreateMethod().CountSteps(options.People, options.People)))];
        if (budgets.Select(budget => budget.Steps).Distinct().Count() > 1)
        {
            throw new HybridException(ErrorKind.Config, $"the methods' budgets differ: {string.Join(", ", budgets.Select(budget => $"{budget.Name} {budget.Steps} steps"))}");
        }
    }

    /// <summary>Tries the grid, picks, attacks the pick on the reporting folds and saves it.</summary>
    private DemoRow RunMethod(UnlearningSettings settings, LlamaModel taught, Tokenizer tokenizer, Bench bench, TeachingReport teaching, List<DemoCandidate> tried)
    {
        (double Alpha, double Rate)[] grid = [.. options.RetainCoefficients.SelectMany(alpha => options.LearningRates.Select(rate => (alpha, rate)))];
        (DemoCandidate Candidate, LlamaModel Model)? best = null;
        for (int i = 0; i < grid.Length; i++)
        {
            string label = $"{settings.MethodName} {i + 1}/{grid.Length}";
            if (Try(settings.WithGridPoint(grid[i].Alpha, grid[i].Rate), grid[i], label, taught, bench) is not var (candidate, model))
            {
                continue;
            }

            tried.Add(candidate);
            folder.Log("candidate", candidate);
            if (best is null || Better(candidate, best.Value.Candidate, teaching.Retain.Accuracy))
            {
                best?.Model.Dispose();
                best = (candidate, model);
            }
            else
            {
                model.Dispose();
            }
        }

        (DemoCandidate picked, LlamaModel unlearned) = best
            ?? throw new HybridException(ErrorKind.Diverged, $"{settings.MethodName}: every setting of the grid diverged");
        using (unlearned)
        {
            var clock = Stopwatch.StartNew();
            RelearningReport attack = Attack(unlearned, options.ReportingFolds, settings.MethodName, bench);
            folder.Log("attack", new { settings.MethodName, attack.Accuracy, attack.LastEpochAccuracy, attack.Curves });
            ModelFolder.Save(ModelPath(settings.MethodName), unlearned, tokenizer);
            double before = RttFolds.Make(bench.Dataset.ForgetSplits, options.Attack.Leaks, options.ReportingFolds)
                .Average(fold => bench.Evaluator.Evaluate(taught, fold.Validation, cancellation).Accuracy);
            return new DemoRow(
                picked,
                Keeps(picked, teaching.Retain.Accuracy),
                before,
                attack.AccuracyBefore,
                attack.Accuracy,
                attack.Recovery,
                attack.RecoveryRate(before),
                ChangedShare.Between(taught, unlearned),
                clock.Elapsed.TotalSeconds);
        }
    }

    /// <summary>Unlearns with one setting and attacks on the tuning folds; nothing where it diverges, which is logged.</summary>
    private (DemoCandidate Candidate, LlamaModel Model)? Try(UnlearningSettings settings, (double Alpha, double Rate) point, string label, LlamaModel taught, Bench bench)
    {
        LlamaModel model = taught.Clone();
        try
        {
            return (Measure(settings, point, label, model, bench), model);
        }
        catch (HybridException error) when (error.Kind == ErrorKind.Diverged)
        {
            model.Dispose();
            folder.Log("diverged", new { settings.MethodName, point.Alpha, point.Rate, error.Message });
            return null;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private DemoCandidate Measure(UnlearningSettings settings, (double Alpha, double Rate) point, string label, LlamaModel model, Bench bench)
    {
        var clock = Stopwatch.StartNew();
        SeededRandom chance = random.Fork("unlearn");
        UnlearningExamples examples = UnlearningExamples.For(bench.Dataset, settings, bench.Encoder, chance);
        UnlearningOutcome outcome = settings.CreateMethod().Run(new UnlearningContext
        {
            Model = model,
            Forget = examples.Forget,
            Retain = examples.Retain,
            Replacements = examples.Replacements,
            Random = chance,
            Progress = Labelled(label),
            Cancellation = cancellation,
        });
        double seconds = clock.Elapsed.TotalSeconds;
        double forget = bench.Evaluator.Evaluate(model, bench.ForgetQuestions, cancellation).Accuracy;
        double retain = bench.Evaluator.Evaluate(model, bench.Dataset.RetainQuestions, cancellation).Accuracy;
        double attack = Attack(model, options.TuningFolds, label, bench).Accuracy;
        int[] blocks = [.. outcome.Rounds.SelectMany(round => round.Blocks)];
        return new DemoCandidate(settings.MethodName, point.Alpha, point.Rate, outcome.Steps, forget, retain, attack, blocks, seconds);
    }

    private RelearningReport Attack(LlamaModel model, IReadOnlyList<int> folds, string label, Bench bench) =>
        new RelearningAttack(options.Attack with { Folds = folds }, bench.Encoder, bench.Evaluator)
            .Run(model, bench.Dataset.ForgetSplits, random.Fork("attack"), Labelled(label), cancellation);

    /// <summary>The rule: retain accuracy kept comes first; then the least A_RTT, or, where nothing kept it, the most retain accuracy.</summary>
    private bool Better(DemoCandidate candidate, DemoCandidate than, double retainBefore) => (Keeps(candidate, retainBefore), Keeps(than, retainBefore)) switch
    {
        (true, true) => candidate.TuningAttack < than.TuningAttack,
        (false, false) => candidate.Retain > than.Retain,
        (bool keeps, _) => keeps,
    };

    private bool Keeps(DemoCandidate candidate, double retainBefore) => candidate.Retain >= retainBefore - options.AllowedRetainLoss;

    private IProgress<TrainingProgress>? Labelled(string label) => progress is null
        ? null
        : new SynchronousProgress<TrainingProgress>(value => progress.Report(value with { Stage = $"{label} · {value.Stage}" }));

    private string ModelPath(string name) => Path.Combine(folder.FullPath, "models", name);

    /// <summary>What every candidate is measured with.</summary>
    private sealed class Bench(UnlearningDataset dataset, ExampleEncoder encoder)
    {
        public UnlearningDataset Dataset { get; } = dataset;

        public MultipleChoiceQuestion[] ForgetQuestions { get; } = [.. dataset.ForgetQuestions];

        public ExampleEncoder Encoder { get; } = encoder;

        public McqEvaluator Evaluator { get; } = new(encoder);
    }
}
