using System.Globalization;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Training;
using Hybrid.Samples.Extensions;

// Hybrid.Samples.Extensions [FOLDER]: a method, a dataset, a metric and an attack that are not Hybrid's, in one experiment.
string folder = args.Length > 0 ? args[0] : "runs/islands";

HybridRegistry registry = HybridRegistry.BuiltIn
    .WithMethod(new TaskVectorOptions
    {
        Scale = 1,
        Epochs = 12,
        BatchSize = 16,
        Optimizer = new OptimizerOptions { Kind = OptimizerKind.Lion, LearningRate = 1e-4, WarmupSteps = 4, WeightDecay = 0 },
    })
    .WithDataset(new Islands())
    .WithMetric(new LetterConfidence())
    .WithAttack(new OutputLayerAttack());

ExperimentSettings settings = ExperimentYaml.Load(Path.Combine(AppContext.BaseDirectory, "experiment.yaml"), [], registry);
var run = new UnlearningRun(settings, new UnlearningRunOptions { Folder = folder, Registry = registry });
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true; // the run writes its checkpoints and ends by itself
    stop.Cancel();
};

UnlearningRunResult result = await run.RunAsync(cancellation: stop.Token);

Print("", "forget", "after RTT", "after output-layer", "retain", "letter confidence");
Print("before", Percent(result.Report.ForgetBefore), "", "", Percent(result.Report.RetainBefore), Number(result.Report.MetricsBefore["letter-confidence"]));
foreach (MethodReport method in result.Report.Methods)
{
    Print(method.Label, Percent(method.Forget), Percent(method.Rtt), Percent(method.OwnAttacks["output-layer"]), Percent(method.Retain), Number(method.Metrics["letter-confidence"]));
}

Console.WriteLine(result.Files[0]);

static void Print(params string[] cells) => Console.WriteLine(string.Join(" | ", cells.Select(cell => cell.PadLeft(18))));
static string Percent(Figure figure) => figure.Mean.ToString("P1", CultureInfo.InvariantCulture);
static string Number(Figure figure) => figure.Mean.ToString("F3", CultureInfo.InvariantCulture);
