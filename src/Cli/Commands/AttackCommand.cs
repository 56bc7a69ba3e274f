using System.CommandLine;
using System.Diagnostics;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid attack</c>: does what was forgotten come back?</summary>
internal static class AttackCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var input = new InputOptions();
        var options = new AttackOptions();
        var memory = new MemoryChoice(secondModel: true);
        Option<double?> checkpoints = CheckpointOptions.Interval();
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
            [.. options.All, .. memory.All, checkpoints, seed, json]);
        bind(command, (parsed, context) =>
        {
            string? file = parsed.GetValue(json);
            JsonOutput.Check(file);
            AttackKind kind = options.KindOf(parsed);
            QuantizationOptions quantization = options.Quantization(parsed);
            Input loaded = input.Open(parsed, deviceNeeded: !memory.OnlyPlan(parsed));
            var run = new Run(context, parsed, input, options, memory, CheckpointOptions.IntervalOf(parsed.GetValue(checkpoints)), loaded, parsed.GetValue(seed), file);
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
    private sealed class Run(CommandContext context, ParseResult parsed, InputOptions input, AttackOptions options, MemoryChoice memory, TimeSpan checkpointInterval, Input loaded, ulong seed, string? file)
    {
        private readonly McqEvaluator evaluator = loaded.Evaluator();
        private CurveFiles? kept;
        private RunRecorder? record;
        private readonly MultipleChoiceQuestion[] forget = [.. loaded.Dataset.ForgetQuestions];
        private readonly SeededRandom random = new SeededRandom(seed).Fork("attack");

        private string Preset => PresetChoice.For(loaded.Config, options.PresetOf(parsed));

        public void Rtt()
        {
            // The preset's folds are those of the published sets; a user's own has as many as it has splits.
            RelearningOptions standard = RelearningPresets.Find(Preset, loaded.Dataset.Name) with { Folds = [.. Enumerable.Range(0, loaded.Dataset.ForgetSplits.Count)] };
            RelearningOptions settings = options.Relearning(parsed, standard);
            IReadOnlyList<RelearningFold> folds = RttFolds.Make(loaded.Dataset.ForgetSplits, settings.Leaks, settings.Folds);
            if (Fit(planner => settings.Memory(planner, loaded.Encoder(), folds).SideBySide(Math.Min(options.JobsOf(parsed), settings.Folds.Count * settings.LearningRates.Count))) is not { } plan)
            {
                return;
            }

            kept = Files(new { attack = AttackKind.Rtt, settings.Epochs, settings.BatchSize, settings.Form, settings.Leaks, settings.Optimizer });
            using MemoryMeter meter = MemoryMeter.Start();
            using LlamaModel model = loaded.LoadModel(plan, isSecond: true);
            double unlearned = model.AskOn(loaded.Device, there => evaluator.Evaluate(there, forget, context.Cancellation).Accuracy);
            var clock = Stopwatch.StartNew();
            RelearningReport report;
            using (RunProgress progress = context.StartProgress(options.EventsOf(parsed)))
            {
                report = new RelearningAttack(settings, loaded.Encoder(), evaluator, loaded.Device)
                    .Run(model, loaded.Dataset.ForgetSplits, random, options.JobsOf(parsed), kept, progress, context.Cancellation);
            }

            double seconds = clock.Elapsed.TotalSeconds;
            Record(settings, report);
            (double low, double high) = AccuracyReport.IntervalOf(report);
            JsonOutput.Write(context, file, new
            {
                model = loaded.Folder, dataset = loaded.Dataset.Name, attack = AttackKind.Rtt, preset = Preset, seed, seconds,
                accuracy = report.Accuracy, low, high, lastEpochAccuracy = report.LastEpochAccuracy, bestLearningRate = report.BestLearningRate, bestEpoch = report.BestEpoch,
                accuracyUnlearned = unlearned, accuracyBefore = report.AccuracyBefore, recovery = report.Recovery,
                means = Means(report), curves = report.Curves, folds = report.Folds, memory = MemoryOf(plan, meter),
            });
            if (file != JsonOutput.StandardOutput)
            {
                AttackTables.Show(context, Preset, report, unlearned, seconds);
                ShowReuse(report.Curves.Count);
                ShowMemory(plan, meter);
            }
        }

        public void RetainRelearning()
        {
            RetainRelearningOptions settings = options.RetainRelearning(parsed, RetainRelearningPresets.Find(Preset, loaded.Dataset.Name));
            if (Fit(planner => settings.Memory(planner, loaded.Encoder(), loaded.Dataset.RetainText).SideBySide(Math.Min(options.JobsOf(parsed), settings.LearningRates.Count))) is not { } plan)
            {
                return;
            }

            kept = Files(new
            {
                attack = AttackKind.RetainRelearning, settings.Epochs, settings.BatchSize, settings.MaximumExamples, settings.Optimizer, retainText = FullPath(input.Dataset.RetainTextOf(parsed)),
            });
            using MemoryMeter meter = MemoryMeter.Start();
            using LlamaModel model = loaded.LoadModel(plan, isSecond: true);
            var clock = Stopwatch.StartNew();
            RelearningReport report;
            using (RunProgress progress = context.StartProgress(options.EventsOf(parsed)))
            {
                report = new RetainRelearningAttack(settings, loaded.Encoder(), evaluator, loaded.Device)
                    .Run(model, loaded.Dataset.RetainText, forget, random, options.JobsOf(parsed), kept, progress, context.Cancellation);
            }

            double seconds = clock.Elapsed.TotalSeconds;
            Record(settings, report);
            (double low, double high) = AccuracyReport.IntervalOf(report);
            JsonOutput.Write(context, file, new
            {
                model = loaded.Folder, dataset = loaded.Dataset.Name, attack = AttackKind.RetainRelearning, preset = Preset, seed, seconds,
                examples = report.Folds[0].Train, questions = report.Folds[0].Validation,
                accuracy = report.Accuracy, low, high, lastEpochAccuracy = report.LastEpochAccuracy, bestLearningRate = report.BestLearningRate, bestEpoch = report.BestEpoch,
                accuracyBefore = report.AccuracyBefore, recovery = report.Recovery, means = Means(report), curves = report.Curves, memory = MemoryOf(plan, meter),
            });
            if (file != JsonOutput.StandardOutput)
            {
                AttackTables.ShowRetainRelearning(context, Preset, report, seconds);
                ShowReuse(report.Curves.Count);
                ShowMemory(plan, meter);
            }
        }

        public void Quantization(QuantizationOptions settings)
        {
            BatchShape batch = evaluator.LargestBatch([.. forget, .. loaded.Dataset.RetainQuestions]);
            if (Fit(planner => planner.Evaluate("attack", batch, secondModel: true)) is not { } plan)
            {
                return;
            }

            using MemoryMeter meter = MemoryMeter.Start();
            using LlamaModel model = loaded.LoadModel(plan, isSecond: true);
            var clock = Stopwatch.StartNew();
            (AccuracyReport forgetBefore, AccuracyReport retainBefore) = model.AskOn(loaded.Device, there => (Ask(there, forget), Ask(there, loaded.Dataset.RetainQuestions)));
            (int Bits, AccuracyReport Forget, AccuracyReport Retain)[] results =
            [
                .. new QuantizationAttack(settings, evaluator, loaded.Device).Run(model, forget, loaded.Dataset.RetainQuestions, context.Cancellation)
                    .Select(result => (result.Bits, AccuracyReport.Of(result.Forget), AccuracyReport.Of(result.Retain))),
            ];
            JsonOutput.Write(context, file, new
            {
                model = loaded.Folder, dataset = loaded.Dataset.Name, attack = AttackKind.Quantization, groupSize = settings.GroupSize, seconds = clock.Elapsed.TotalSeconds,
                forget = forgetBefore, retain = retainBefore, results = results.Select(result => new { bits = result.Bits, forget = result.Forget, retain = result.Retain }), memory = MemoryOf(plan, meter),
            });
            if (file != JsonOutput.StandardOutput)
            {
                context.Output.Write(AccuracyReport.TableOf(
                    [("forget", forgetBefore), ("retain", retainBefore), .. results.SelectMany(result => new[] { ($"forget, {result.Bits} bits", result.Forget), ($"retain, {result.Bits} bits", result.Retain) })]));
                ShowMemory(plan, meter);
            }

            AccuracyReport Ask(LlamaModel there, IReadOnlyList<MultipleChoiceQuestion> questions) => AccuracyReport.Of(evaluator.Evaluate(there, questions, context.Cancellation));
        }

        /// <summary>The way of working that fits; null where only the plan was wanted.</summary>
        private MemoryPlan? Fit(Func<MemoryPlanner, StageMemory> stage) => memory.Resolve(parsed, context, loaded.Workload, planner => [stage(planner)], file);

        /// <summary>Whether all was done now, and on this thread, which is where memory is counted.</summary>
        private bool Measured => options.JobsOf(parsed) == 1 && kept is not { Reused: > 0 };

        /// <summary>What was really taken, where it was measured.</summary>
        private object? MemoryOf(MemoryPlan plan, MemoryMeter meter) => Measured ? MemoryChoice.JsonOf(plan, meter, loaded.Device) : null;

        private void ShowMemory(MemoryPlan plan, MemoryMeter meter)
        {
            if (Measured)
            {
                context.WriteLine(MemoryChoice.LineOf(plan, meter, loaded.Device));
            }
        }

        private void ShowReuse(int jobs)
        {
            if (kept is { Reused: > 0 } files)
            {
                context.WriteLine($"{files.Reused} of {jobs} jobs were finished before and taken from {options.OutOf(parsed)}");
            }
        }

        private static object Means(RelearningReport report) => report.Means().Select(mean => new { learningRate = mean.LearningRate, accuracies = mean.Accuracies });

        private static string? FullPath(string? path) => path is null ? null : Path.GetFullPath(path);

        /// <summary>Where a folder was named, writes the record of the run beside the files of the jobs that were asked for; other files there are other calls'.</summary>
        private void Record(object settings, RelearningReport report)
        {
            if (record is not null)
            {
                record.Write(
                    options.OutOf(parsed)!, report.Curves.Select(curve => kept!.PathOf(curve.Fold, curve.LearningRate)), seed, loaded.Device, loaded.Type, settings,
                    new { report.Accuracy, report.LastEpochAccuracy, report.BestLearningRate, report.BestEpoch, report.AccuracyBefore, report.Recovery });
            }
        }

        /// <summary>The files of finished jobs, where a folder for them was named; then the record of the run begins, too.</summary>
        /// <exception cref="HybridException">Config: the folder is another command's.</exception>
        private CurveFiles? Files(object settings)
        {
            if (options.OutOf(parsed) is not { } folder)
            {
                return null;
            }

            RunRecorder.RequireNoOther(folder, parsed.CommandResult.Command.Name);
            record = RunRecorder.Start(parsed, input.Dataset.Find(parsed));
            return new CurveFiles(folder, new
            {
                model = FullPath(loaded.Folder), type = loaded.Type, dataset = loaded.Dataset.Name, data = FullPath(input.Dataset.Find(parsed).Folder),
                device = loaded.Device.ToString(), threads = Math.Max(1, Runtime.Threads / options.JobsOf(parsed)), seed, inputFiles = input.StampOf(parsed), settings,
            }, checkpointInterval);
        }
    }
}
