using System.CommandLine;
using System.Diagnostics;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid learn</c>: makes a model that knows a dataset, of one that is there or from nothing.</summary>
internal static class LearnCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var options = new Options();
        var command = new Command("learn", """
            Teaches a model both halves of a dataset until it answers: for facts that no model knows, such as random birthdays. The
            model is a folder's (--model), random weights of a given architecture (--shape), or, without either, a small one with a
            tokenizer learned from the dataset.

            Example:  hybrid learn --dataset random-birthdays --data data --out models/taught
            """);
        options.Dataset.AddTo(command);
        foreach (Option option in new Option[] { options.Out, options.Overwrite, options.ShardSize }.Concat(options.Learning.All).Concat(options.Memory.All).Concat(options.Checkpoints.All).Concat([options.Seed, options.Threads, options.Json]))
        {
            command.Options.Add(option);
        }

        options.Learning.Validate(command);
        bind(command, (parsed, context) => Run(options, parsed, context));
        return command;
    }

    private static int Run(Options options, ParseResult parsed, CommandContext context)
    {
        string? json = parsed.GetValue(options.Json);
        JsonOutput.Check(json);
        CommandContext.UseThreads(parsed.GetValue(options.Threads));
        Device device = options.Learning.DeviceOf(parsed, deviceNeeded: !options.Memory.OnlyPlan(parsed));
        LearnStart start = options.Learning.StartOf(parsed);
        (string presetName, TeachingPreset preset) = options.Learning.PresetOf(parsed, start);

        UnlearningDataset dataset = options.Dataset.Load(parsed);
        ElementType type = options.Learning.TypeOf(parsed);
        MemoryPlan? plan = null;
        if (start is { Shape: { } shape, Tokenizer: { } given })
        {
            Func<MemoryPlanner, StageMemory> stage = options.Learning.Untaught(parsed)
                ? planner => planner.Evaluate("make", default, secondModel: false)
                : planner => TeacherOf(preset, given, shape).Memory(planner, dataset);
            plan = options.Memory.Resolve(parsed, context, new Workload(start.Folder ?? "random weights", shape, type, device), planner => [stage(planner)], json);
            if (plan is null)
            {
                return ExitCode.Success;
            }
        }
        else if (options.Memory.OnlyPlan(parsed))
        {
            throw new HybridException(ErrorKind.Config, "--plan: needs --model or --shape; the small model's tokenizer is learned first, and any machine can hold it");
        }

        if (options.Checkpoints.HasEnded(parsed, context, parsed.GetValue(options.Out)!, parsed.GetValue(options.Overwrite), json))
        {
            return ExitCode.Success;
        }

        using ModelOutput output = ModelOutput.Reserve(
            parsed.GetValue(options.Out)!, options.Checkpoints.MayReplace(parsed, parsed.GetValue(options.Out)!, parsed.GetValue(options.Overwrite)), start.Folder);
        SourceModel? source = start.Folder is { } folder ? new SourceModel(folder) : null;
        RunRecorder record = RunRecorder.Start(parsed, options.Dataset.Find(parsed));
        var random = new SeededRandom(parsed.GetValue(options.Seed));
        using RunJournal journal = options.Checkpoints.Open(parsed, context, output.Folder, parsed.GetValue(options.Overwrite), new
        {
            start = start.Stamp(), type, device = device.ToString(), threads = Runtime.Threads, native = Runtime.BuildInfo, seed = random.Seed,
            dataset = dataset.Name, inputFiles = FileStamps.Digest(options.Dataset.Find(parsed).Paths.Order(StringComparer.Ordinal)), preset,
        });
        using MemoryMeter meter = MemoryMeter.Start();
        var clock = Stopwatch.StartNew();
        (LlamaModel model, Tokenizer tokenizer) = start.Make(preset.Shape, dataset, random, type, device);
        using (model)
        {
            output.TakeRoom(model, parsed.GetValue(options.ShardSize) ?? WeightShards.DefaultBytes);
            model.ActivationCheckpointing = plan?.Options.ActivationCheckpointing ?? false;
            TeachingReport? report = null;
            if (!options.Learning.Untaught(parsed))
            {
                using RunProgress progress = context.StartProgress(options.Learning.EventsOf(parsed));
                Teacher teacher = TeacherOf(preset, tokenizer, model.Config);
                report = UnfinishedTraining.Guard(
                    context, journal, output, model, tokenizer, () => teacher.Teach(model, dataset, random.Fork("teach"), progress, context.Cancellation, journal));
            }

            double seconds = clock.Elapsed.TotalSeconds;
            double? changed = source?.ShareChanged(model, context);
            AccuracyReport? forget = report is null ? null : AccuracyReport.Of(report.Forget), retain = report is null ? null : AccuracyReport.Of(report.Retain);
            bool reached = report is not null && Math.Min(report.Forget.Accuracy, report.Retain.Accuracy) >= preset.Teaching.TargetAccuracy;
            output.Save(model, tokenizer, parsed.GetValue(options.ShardSize) ?? WeightShards.DefaultBytes, made => record.Write(
                made, outputs: null, random.Seed, device, type, new { preset = presetName, preset.Teaching }, new { epochs = report?.Epochs ?? 0, reachedTarget = reached, shareChanged = changed, forget, retain }));
            journal.Finish();
            JsonOutput.Write(context, json, new
            {
                dataset = dataset.Name, model = start.Folder, @out = output.Folder, preset = presetName, seed = random.Seed,
                parameters = model.Config.ParameterCount, vocabulary = tokenizer.VocabularySize,
                epochs = report?.Epochs ?? 0, reachedTarget = reached, stepsBefore = journal.StepsBefore, seconds, shareChanged = changed, forget, retain, memory = plan is null ? null : MemoryChoice.JsonOf(plan, meter, device),
            });
            if (report is not null && !reached)
            {
                context.Error.Profile.Out.Writer.WriteLine(Tables.Text(
                    $"hybrid: note: {Tables.Percent(preset.Teaching.TargetAccuracy)} on both halves was not reached in {report.Epochs} passes; what a model does not know it cannot be made to forget"));
            }

            if (json != JsonOutput.StandardOutput)
            {
                string done = report is null ? "random weights" : $"taught in {report.Epochs} passes with preset {presetName}";
                context.WriteLine(Tables.Text($"{output.Folder}: {model.Config.ParameterCount:N0} parameters, {tokenizer.VocabularySize} tokens, {done}, {seconds:F1} s") + SourceModel.Phrase(changed));
                if (forget is not null)
                {
                    context.Output.Write(AccuracyReport.TableOf(("forget", forget), ("retain", retain!)));
                }

                if (plan is not null)
                {
                    context.WriteLine(MemoryChoice.LineOf(plan, meter, device));
                }
            }
        }

        return ExitCode.Success;
    }

    private static Teacher TeacherOf(TeachingPreset preset, Tokenizer tokenizer, LlamaConfig shape)
    {
        var encoder = new ExampleEncoder(tokenizer, Math.Min(ExampleEncoder.UsualMaximumTokens, shape.MaximumPositions));
        return new Teacher(preset.Teaching, encoder, new McqEvaluator(encoder));
    }

    private sealed class Options
    {
        public MemoryChoice Memory { get; } = new(secondModel: false);

        public CheckpointOptions Checkpoints { get; } = new();

        public DatasetOptions Dataset { get; } = new();

        public LearnOptions Learning { get; } = new();

        public Option<string> Out { get; } = CommonOptions.Out("Where the model goes: a folder that is not there yet, or empty.");

        public Option<bool> Overwrite { get; } = CommonOptions.Overwrite();

        public Option<long?> ShardSize { get; } = CommonOptions.ShardSize();

        public Option<ulong> Seed { get; } = CommonOptions.Seed();

        public Option<int?> Threads { get; } = CommonOptions.Threads();

        public Option<string?> Json { get; } = CommonOptions.Json();
    }
}
