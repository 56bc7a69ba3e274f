using System.CommandLine;
using System.Diagnostics;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid attack</c>: does what was forgotten come back?</summary>
internal static class AttackCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var input = new InputOptions();
        var options = new AttackOptions();
        Option<ulong> seed = CommonOptions.Seed();
        Option<string?> json = CommonOptions.Json();
        Command command = input.CommandWith(
            "attack",
            """
            Looks whether what a model was made to forget was removed from its weights or only covered. The model itself does not change.
            rtt (Deeb and Roger 2025) retrains a copy on four of the five forget splits and asks the fifth; quantization rounds the
            weights to few bits; retain-relearning trains a copy on the retain text and asks the forget questions.

            Example:  hybrid attack --model models/kunbr --dataset random-birthdays --data data --folds 0,2
            """,
            [.. options.All, seed, json]);
        bind(command, (parsed, context) =>
        {
            string? file = parsed.GetValue(json);
            JsonOutput.Check(file);
            AttackKind kind = options.KindOf(parsed);
            QuantizationOptions quantization = options.Quantization(parsed);
            using Input loaded = input.Load(parsed);
            var run = new Run(context, parsed, input, options, loaded, parsed.GetValue(seed), file);
            switch (kind)
            {
                case AttackKind.Rtt:
                    run.Rtt();
                    break;
                case AttackKind.RetainRelearning:
                    run.RetainRelearning();
                    break;
                default:
                    run.Quantization(quantization);
                    break;
            }

            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>One attack on what was loaded.</summary>
    private sealed class Run(CommandContext context, ParseResult parsed, InputOptions input, AttackOptions options, Input loaded, ulong seed, string? file)
    {
        private readonly McqEvaluator evaluator = loaded.Evaluator();
        private readonly MultipleChoiceQuestion[] forget = [.. loaded.Dataset.ForgetQuestions];
        private readonly SeededRandom random = new SeededRandom(seed).Fork("attack");

        private string Preset => PresetChoice.For(loaded.Model.Config, options.PresetOf(parsed));

        public void Rtt()
        {
            // The preset's folds are those of the published sets; a user's own has as many as it has splits.
            RelearningOptions standard = RelearningPresets.Find(Preset, loaded.Dataset.Name) with { Folds = [.. Enumerable.Range(0, loaded.Dataset.ForgetSplits.Count)] };
            RelearningOptions settings = options.Relearning(parsed, standard);
            // Folds that cannot be made are better known at once.
            _ = RttFolds.Make(loaded.Dataset.ForgetSplits, settings.Leaks, settings.Folds);
            CurveFiles? files = Files(new { attack = AttackKind.Rtt, settings.Epochs, settings.BatchSize, settings.Form, settings.Leaks, settings.Optimizer });
            double unlearned = evaluator.Evaluate(loaded.Model, forget, context.Cancellation).Accuracy;
            var clock = Stopwatch.StartNew();
            RelearningReport report;
            using (RunProgress progress = context.StartProgress(options.EventsOf(parsed)))
            {
                report = new RelearningAttack(settings, loaded.Encoder(), evaluator)
                    .Run(loaded.Model, loaded.Dataset.ForgetSplits, random, options.JobsOf(parsed), files, progress, context.Cancellation);
            }

            double seconds = clock.Elapsed.TotalSeconds;
            (double low, double high) = AccuracyReport.IntervalOf(report);
            JsonOutput.Write(context, file, new
            {
                model = loaded.Folder, dataset = loaded.Dataset.Name, attack = AttackKind.Rtt, preset = Preset, seed, seconds,
                accuracy = report.Accuracy, low, high, lastEpochAccuracy = report.LastEpochAccuracy, bestLearningRate = report.BestLearningRate, bestEpoch = report.BestEpoch,
                accuracyUnlearned = unlearned, accuracyBefore = report.AccuracyBefore, recovery = report.Recovery,
                means = Means(report), curves = report.Curves, folds = report.Folds,
            });
            if (file != JsonOutput.StandardOutput)
            {
                AttackTables.Show(context, Preset, report, unlearned, seconds);
            }
        }

        public void RetainRelearning()
        {
            RetainRelearningOptions settings = options.RetainRelearning(parsed, RetainRelearningPresets.Find(Preset, loaded.Dataset.Name));
            CurveFiles? files = Files(new
            {
                attack = AttackKind.RetainRelearning, settings.Epochs, settings.BatchSize, settings.MaximumExamples, settings.Optimizer, retainText = FullPath(input.Dataset.RetainTextOf(parsed)),
            });
            var clock = Stopwatch.StartNew();
            RelearningReport report;
            using (RunProgress progress = context.StartProgress(options.EventsOf(parsed)))
            {
                report = new RetainRelearningAttack(settings, loaded.Encoder(), evaluator)
                    .Run(loaded.Model, loaded.Dataset.RetainText, forget, random, options.JobsOf(parsed), files, progress, context.Cancellation);
            }

            double seconds = clock.Elapsed.TotalSeconds;
            (double low, double high) = AccuracyReport.IntervalOf(report);
            JsonOutput.Write(context, file, new
            {
                model = loaded.Folder, dataset = loaded.Dataset.Name, attack = AttackKind.RetainRelearning, preset = Preset, seed, seconds,
                examples = report.Folds[0].Train, questions = report.Folds[0].Validation,
                accuracy = report.Accuracy, low, high, lastEpochAccuracy = report.LastEpochAccuracy, bestLearningRate = report.BestLearningRate, bestEpoch = report.BestEpoch,
                accuracyBefore = report.AccuracyBefore, recovery = report.Recovery, means = Means(report), curves = report.Curves,
            });
            if (file != JsonOutput.StandardOutput)
            {
                AttackTables.ShowRetainRelearning(context, Preset, report, seconds);
            }
        }

        public void Quantization(QuantizationOptions settings)
        {
            var clock = Stopwatch.StartNew();
            AccuracyReport forgetBefore = Ask(forget), retainBefore = Ask(loaded.Dataset.RetainQuestions);
            (int Bits, AccuracyReport Forget, AccuracyReport Retain)[] results =
            [
                .. new QuantizationAttack(settings, evaluator).Run(loaded.Model, forget, loaded.Dataset.RetainQuestions, context.Cancellation)
                    .Select(result => (result.Bits, AccuracyReport.Of(result.Forget), AccuracyReport.Of(result.Retain))),
            ];
            JsonOutput.Write(context, file, new
            {
                model = loaded.Folder, dataset = loaded.Dataset.Name, attack = AttackKind.Quantization, groupSize = settings.GroupSize, seconds = clock.Elapsed.TotalSeconds,
                forget = forgetBefore, retain = retainBefore, results = results.Select(result => new { bits = result.Bits, forget = result.Forget, retain = result.Retain }),
            });
            if (file != JsonOutput.StandardOutput)
            {
                context.Output.Write(AccuracyReport.TableOf(
                    [("forget", forgetBefore), ("retain", retainBefore), .. results.SelectMany(result => new[] { ($"forget, {result.Bits} bits", result.Forget), ($"retain, {result.Bits} bits", result.Retain) })]));
            }

            AccuracyReport Ask(IReadOnlyList<MultipleChoiceQuestion> questions) => AccuracyReport.Of(evaluator.Evaluate(loaded.Model, questions, context.Cancellation));
        }

        private static object Means(RelearningReport report) => report.Means().Select(mean => new { learningRate = mean.LearningRate, accuracies = mean.Accuracies });

        private static string? FullPath(string? path) => path is null ? null : Path.GetFullPath(path);

        /// <summary>The files of finished jobs, where a folder for them was named.</summary>
        private CurveFiles? Files(object settings) => options.OutOf(parsed) is { } folder
            ? new CurveFiles(folder, new
            {
                model = FullPath(loaded.Folder), type = loaded.Model[ParameterNames.Embedding].ElementType, dataset = loaded.Dataset.Name, data = FullPath(input.Dataset.Find(parsed).Folder),
                device = loaded.Model.Device.ToString(), threads = Math.Max(1, Runtime.Threads / options.JobsOf(parsed)), seed, settings,
            })
            : null;
    }
}
