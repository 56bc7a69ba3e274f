using System.CommandLine;
using System.Diagnostics;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid learn</c>: makes a small model that knows a dataset.</summary>
internal static class LearnCommand
{
    private const string DefaultPreset = "tiny";

    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var options = new Options();
        var command = new Command("learn", """
            Makes a small model from nothing: learns a byte-level BPE from the dataset's questions and texts, and teaches a fresh
            Llama both halves until it answers. For a dataset that no model knows, such as random birthdays.

            Example:  hybrid learn --dataset random-birthdays --data data --out models/taught
            """)
        {
            options.Out, options.Overwrite, options.Preset, options.Epochs, options.Target, options.Events, options.Seed, options.Threads, options.Json,
        };
        options.Dataset.AddTo(command);
        bind(command, (parsed, context) => Run(options, parsed, context));
        return command;
    }

    private static int Run(Options options, ParseResult parsed, CommandContext context)
    {
        string? json = parsed.GetValue(options.Json);
        JsonOutput.Check(json);
        CommandContext.UseThreads(parsed.GetValue(options.Threads));
        string presetName = parsed.GetValue(options.Preset) ?? DefaultPreset;
        TeachingPreset preset = TeachingPresets.Find(presetName);
        TeachingOptions teaching = preset.Teaching with
        {
            Epochs = parsed.GetValue(options.Epochs) ?? preset.Teaching.Epochs,
            TargetAccuracy = parsed.GetValue(options.Target) ?? preset.Teaching.TargetAccuracy,
        };
        HybridException.ThrowIfAny(ErrorKind.Config, "teaching", teaching.Validate());

        UnlearningDataset dataset = options.Dataset.Load(parsed);
        using ModelOutput output = ModelOutput.Reserve(parsed.GetValue(options.Out)!, parsed.GetValue(options.Overwrite));
        var random = new SeededRandom(parsed.GetValue(options.Seed));
        var clock = Stopwatch.StartNew();
        (LlamaModel model, Tokenizer tokenizer) = FreshModel.Create(preset, dataset, random);
        using (model)
        {
            var encoder = new ExampleEncoder(tokenizer, model.Config.MaximumPositions);
            TeachingReport report;
            using (RunProgress progress = context.StartProgress(parsed.GetValue(options.Events)))
            {
                var teacher = new Teacher(teaching, encoder, new McqEvaluator(encoder));
                report = LastGood.OnDivergence(output, model, tokenizer, source: null, () => teacher.Teach(model, dataset, random.Fork("teach"), progress, context.Cancellation));
            }

            double seconds = clock.Elapsed.TotalSeconds;
            output.Save(model, tokenizer);
            AccuracyReport forget = AccuracyReport.Of(report.Forget), retain = AccuracyReport.Of(report.Retain);
            bool reached = Math.Min(report.Forget.Accuracy, report.Retain.Accuracy) >= teaching.TargetAccuracy;
            if (!reached)
            {
                context.Error.Profile.Out.Writer.WriteLine(Tables.Text(
                    $"hybrid: note: {Tables.Percent(teaching.TargetAccuracy)} on both halves was not reached in {report.Epochs} passes; what a model does not know it cannot be made to forget"));
            }

            JsonOutput.Write(context, json, new
            {
                dataset = dataset.Name, @out = output.Folder, preset = presetName, seed = random.Seed,
                parameters = model.Config.ParameterCount, vocabulary = tokenizer.VocabularySize,
                epochs = report.Epochs, reachedTarget = reached, seconds, forget, retain,
            });
            if (json != JsonOutput.StandardOutput)
            {
                context.WriteLine(Tables.Text(
                    $"{output.Folder}: {model.Config.ParameterCount:N0} parameters, {tokenizer.VocabularySize} tokens, taught in {report.Epochs} passes, {seconds:F1} s"));
                context.Output.Write(AccuracyReport.TableOf(("forget", forget), ("retain", retain)));
            }
        }

        return ExitCode.Success;
    }

    private sealed class Options
    {
        public DatasetOptions Dataset { get; } = new();

        public Option<string> Out { get; } = CommonOptions.Out("Where the model goes: a folder that is not there yet, or empty.");

        public Option<bool> Overwrite { get; } = CommonOptions.Overwrite();

        public Option<string?> Preset { get; } = OptionKinds.OneOf("--preset", $"Shape of the model and way of teaching; default: {DefaultPreset}.", TeachingPresets.Names);

        public Option<int?> Epochs { get; } = OptionKinds.Count("--epochs", "Passes at most.");

        public Option<double?> Target { get; } = OptionKinds.Number("--target-accuracy", "Accuracy on both halves, 0 to 1, at which teaching ends.", zero: true);

        public Option<string?> Events { get; } = CommonOptions.Events();

        public Option<ulong> Seed { get; } = CommonOptions.Seed();

        public Option<int?> Threads { get; } = CommonOptions.Threads();

        public Option<string?> Json { get; } = CommonOptions.Json();
    }
}
