using System.CommandLine;
using System.Diagnostics;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid unlearn</c>: makes a model forget.</summary>
internal static class UnlearnCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var input = new InputOptions();
        var settingOptions = new UnlearnOptions();
        var memory = new MemoryChoice(secondModel: true);
        var checkpoints = new CheckpointOptions();
        Option<string> output = CommonOptions.Out("Where the unlearned model goes: a folder that is not there yet, or empty.");
        Option<bool> overwrite = CommonOptions.Overwrite();
        Option<long?> shardSize = CommonOptions.ShardSize();
        Option<string?> events = CommonOptions.Events();
        Option<ulong> seed = CommonOptions.Seed();
        Option<string?> json = CommonOptions.Json();
        Command command = input.CommandWith(
            "unlearn",
            """
            Makes a model forget the forget set and keep the retain set, and writes the result as a new model. Should the loss stop
            being a number, the model as it was after the last whole pass is left in OUT.last-good.

            Example:  hybrid unlearn --model models/taught --dataset random-birthdays --data data --method kunbr --out models/kunbr
            """,
            [output, overwrite, shardSize, .. settingOptions.All, .. memory.All, .. checkpoints.All, events, seed, json]);
        settingOptions.Validate(command);
        bind(command, (parsed, context) =>
        {
            string? file = parsed.GetValue(json);
            JsonOutput.Check(file);
            LlamaConfig shape = ModelFolder.LoadConfig(input.ModelOf(parsed));
            (UnlearningSettings settings, string? preset) = settingOptions.Resolve(parsed, shape);
            settings.RequireFits(shape);
            if (input.Dataset.RetainTextOf(parsed) is not null && settings.RetainForm != ExampleForm.Corpus)
            {
                throw new HybridException(ErrorKind.Config, $"--retain-text: the retain form {KebabCase.Of(settings.RetainForm.ToString())} is made of questions and reads no text; --retain-form corpus does");
            }

            Input loaded = input.Open(parsed, deviceNeeded: !memory.OnlyPlan(parsed));
            ExampleEncoder encoder = loaded.Encoder(settings.MaximumTokens);
            SeededRandom random = new SeededRandom(parsed.GetValue(seed)).Fork("unlearn");
            UnlearningExamples examples = UnlearningExamples.For(loaded.Dataset, settings, encoder, random);
            if (memory.Resolve(parsed, context, loaded.Workload, planner => [.. settings.Memory(planner, examples), planner.Save()], file) is not { } plan)
            {
                return ExitCode.Success;
            }

            if (checkpoints.HasEnded(parsed, context, parsed.GetValue(output)!, parsed.GetValue(overwrite), file))
            {
                return ExitCode.Success;
            }

            using ModelOutput target = ModelOutput.Reserve(parsed.GetValue(output)!, checkpoints.MayReplace(parsed, parsed.GetValue(output)!, parsed.GetValue(overwrite)), loaded.Folder);
            using RunJournal journal = checkpoints.Open(parsed, context, target.Folder, parsed.GetValue(overwrite), new
            {
                model = Path.GetFullPath(loaded.Folder), type = loaded.Type, device = loaded.Device.ToString(), threads = Runtime.Threads, native = Runtime.BuildInfo, seed = parsed.GetValue(seed),
                dataset = loaded.Dataset.Name, inputFiles = input.StampOf(parsed), settings = SettingsYaml.ToObject(settings),
            });
            RunRecorder record = RunRecorder.Start(parsed, input.Dataset.Find(parsed));
            var source = new SourceModel(loaded.Folder);

            using MemoryMeter meter = MemoryMeter.Start();
            using LlamaModel model = loaded.LoadModel(plan);
            target.TakeRoom(model, parsed.GetValue(shardSize) ?? WeightShards.DefaultBytes);
            var clock = Stopwatch.StartNew();
            UnlearningOutcome outcome;
            using (RunProgress progress = context.StartProgress(parsed.GetValue(events)))
            {
                outcome = UnfinishedTraining.Guard(context, journal, target, model, loaded.Tokenizer, () => settings.CreateMethod().Run(new UnlearningContext
                {
                    Model = model,
                    Forget = examples.Forget,
                    Retain = examples.Retain,
                    Replacements = examples.Replacements,
                    OriginalOnHost = plan.Options.SecondModelOnHost,
                    Random = random,
                    Journal = journal,
                    Progress = progress,
                    Cancellation = context.Cancellation,
                }));
            }

            double seconds = clock.Elapsed.TotalSeconds;
            double? changed = source.ShareChanged(model, context); // before the model may take the place of its source
            target.Save(model, loaded.Tokenizer, parsed.GetValue(shardSize) ?? WeightShards.DefaultBytes, made => record.Write(
                made, outputs: null, parsed.GetValue(seed), loaded.Device, loaded.Type, SettingsYaml.ToObject(settings), new { steps = outcome.Steps, shareChanged = changed, rounds = outcome.Rounds }));
            journal.Finish();
            JsonOutput.Write(context, file, new
            {
                model = loaded.Folder, dataset = loaded.Dataset.Name, @out = target.Folder, preset, settings = SettingsYaml.ToObject(settings), seed = parsed.GetValue(seed),
                forgetExamples = examples.Forget.Count, retainExamples = examples.Retain.Count, steps = outcome.Steps, stepsBefore = journal.StepsBefore, seconds, shareChanged = changed, memory = MemoryChoice.JsonOf(plan, meter, loaded.Device), rounds = outcome.Rounds,
            });
            if (file != JsonOutput.StandardOutput)
            {
                Show(context, target.Folder, settings, preset, outcome, seconds, changed);
                context.WriteLine(MemoryChoice.LineOf(plan, meter, loaded.Device));
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static void Show(CommandContext context, string folder, UnlearningSettings settings, string? preset, UnlearningOutcome outcome, double seconds, double? changed)
    {
        string source = preset is null ? string.Empty : $" with preset {preset}";
        context.WriteLine(Tables.Text($"{folder}: {settings.MethodName}{source}, {outcome.Steps} steps, {seconds:F1} s") + SourceModel.Phrase(changed));
        for (int round = 0; round < outcome.Rounds.Count; round++)
        {
            context.WriteLine($"round {round + 1}: blocks re-inserted, in this order: {string.Join(", ", outcome.Rounds[round].Blocks)}");
        }
    }
}
