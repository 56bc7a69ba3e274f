using System.CommandLine;
using System.Diagnostics;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Spectre.Console;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid attack</c>: does what was forgotten come back?</summary>
internal static class AttackCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var input = new InputOptions();
        var options = new Options();
        Command command = input.CommandWith(
            "attack",
            """
            RTT (Deeb and Roger 2025): retrains a copy of an unlearned model on four of the five forget splits and asks the fifth.
            What was removed from the weights cannot come back; what was only covered does. The model itself does not change.

            Example:  hybrid attack --model models/kunbr --dataset random-birthdays --data data --folds 0,2
            """,
            options.Folds, options.LearningRates, options.Epochs, options.BatchSize, options.Form, options.KeepLeaks, options.Preset, options.Seed, options.Json);
        bind(command, (parsed, context) =>
        {
            string? file = parsed.GetValue(options.Json);
            JsonOutput.Check(file);
            using Input loaded = input.Load(parsed);
            string preset = PresetChoice.For(loaded.Model.Config, parsed.GetValue(options.Preset));
            // The preset's folds are those of the published sets; a user's own has as many as it has splits.
            RelearningOptions standard = RelearningPresets.Find(preset, loaded.Dataset.Name) with { Folds = [.. Enumerable.Range(0, loaded.Dataset.ForgetSplits.Count)] };
            RelearningOptions settings = Override(standard, options, parsed);
            McqEvaluator evaluator = loaded.Evaluator();
            // Folds that cannot be made are better known at once.
            _ = RttFolds.Make(loaded.Dataset.ForgetSplits, settings.Leaks, settings.Folds);
            double unlearned = evaluator.Evaluate(loaded.Model, [.. loaded.Dataset.ForgetQuestions], context.Cancellation).Accuracy;
            var clock = Stopwatch.StartNew();
            RelearningReport report;
            using (ConsoleProgress progress = context.StartProgress())
            {
                report = new RelearningAttack(settings, loaded.Encoder(), evaluator)
                    .Run(loaded.Model, loaded.Dataset.ForgetSplits, new SeededRandom(parsed.GetValue(options.Seed)).Fork("attack"), progress, context.Cancellation);
            }

            double seconds = clock.Elapsed.TotalSeconds;
            JsonOutput.Write(context, file, new
            {
                model = loaded.Folder, dataset = loaded.Dataset.Name, preset, seed = parsed.GetValue(options.Seed), seconds,
                accuracy = report.Accuracy, lastEpochAccuracy = report.LastEpochAccuracy, bestLearningRate = report.BestLearningRate,
                accuracyUnlearned = unlearned, accuracyBefore = report.AccuracyBefore, recovery = report.Recovery,
                means = report.Means().Select(mean => new { learningRate = mean.LearningRate, accuracies = mean.Accuracies }),
                curves = report.Curves, folds = report.Folds,
            });
            if (file != JsonOutput.StandardOutput)
            {
                Show(context, preset, report, unlearned, seconds);
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static RelearningOptions Override(RelearningOptions preset, Options options, ParseResult parsed)
    {
        RelearningOptions result = preset with
        {
            Folds = parsed.GetValue(options.Folds) is { Length: > 0 } folds ? folds : preset.Folds,
            LearningRates = parsed.GetValue(options.LearningRates) is { Length: > 0 } rates ? [.. rates.Distinct()] : preset.LearningRates,
            Epochs = parsed.GetValue(options.Epochs) ?? preset.Epochs,
            BatchSize = parsed.GetValue(options.BatchSize) ?? preset.BatchSize,
            Form = parsed.GetValue(options.Form) ?? preset.Form,
            Leaks = parsed.GetValue(options.KeepLeaks) ? LeakPolicy.Keep : preset.Leaks,
        };
        HybridException.ThrowIfAny(ErrorKind.Config, "attack", result.Validate());
        return result;
    }

    private static void Show(CommandContext context, string preset, RelearningReport report, double unlearned, double seconds)
    {
        int epochs = report.Curves[0].Accuracies.Count - 1;
        Table table = Tables.New([">rate", ">before", .. Enumerable.Range(1, epochs).Select(epoch => $">epoch {epoch}")]);
        foreach ((double rate, IReadOnlyList<double> accuracies) in report.Means())
        {
            table.AddRow([Tables.Short(rate), .. accuracies.Select(Tables.Percent)]);
        }

        context.WriteLine("Accuracy on the held-out split, mean over folds:");
        context.Output.Write(table);
        foreach (FoldFacts fold in report.Folds)
        {
            context.WriteLine($"fold {fold.Fold}: V is {fold.HeldOutSplit}, {fold.Validation} questions ({fold.LeftOut} left out, they stand in T too); T has {fold.Train}");
        }

        context.WriteLine(Tables.Text($"A_Unlearn {Tables.Percent(unlearned)} (all forget questions)"));
        context.WriteLine(Tables.Text($"A_RTT     {Tables.Percent(report.Accuracy)} at rate {Tables.Short(report.BestLearningRate)}; {Tables.Percent(report.LastEpochAccuracy)} after the last epoch"));
        context.WriteLine(Tables.Text(
            $"recovery  {report.Recovery * 100:+0.0;-0.0;0.0} points over {Tables.Percent(report.AccuracyBefore)} before the attack on the same questions; preset {preset}, {seconds:F1} s"));
    }

    private sealed class Options
    {
        public Option<int[]?> Folds { get; } = OptionKinds.Folds(
            "--folds", "How many of the forget splits to hold out, one at a time, from the first; or a list with commas of which ones, counted from 0. Default: all.");

        public Option<double[]?> LearningRates { get; } = OptionKinds.Numbers("--learning-rates", "Rates to try; the attacker keeps the best.");

        public Option<int?> Epochs { get; } = OptionKinds.Count("--epochs", "Passes over T.");

        public Option<int?> BatchSize { get; } = OptionKinds.Count("--batch-size", "Questions a step.");

        public Option<QuestionForm?> Form { get; } = OptionKinds.Choice<QuestionForm>("--form", "How questions of T are trained on.");

        public Option<bool> KeepLeaks { get; } = OptionKinds.Switch("--keep-leaks", "Keep questions in V that also stand in T, as the published runs do.");

        public Option<string?> Preset { get; } = OptionKinds.OneOf("--preset", PresetChoice.Description, RelearningPresets.Names);

        public Option<ulong> Seed { get; } = CommonOptions.Seed();

        public Option<string?> Json { get; } = CommonOptions.Json();
    }
}
