using System.CommandLine;
using System.Diagnostics;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Utility;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid utility</c>: what a model can still do besides what it was to forget.</summary>
internal static class UtilityCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        Option<string> model = CommonOptions.Model();
        Option<string> data = new("--data")
        {
            Description = "The folder with bbh.json, truthfulqa.json, triviaqa.json and alpacaeval.json; those of the tasks that run are needed.",
            Required = true,
            HelpName = "FOLDER",
        };
        Option<UtilityTaskKind[]?> tasks = OptionKinds.Choices<UtilityTaskKind>("--tasks", "Which tasks. Default: all.");
        Option<int?> limit = OptionKinds.Count("--limit", "Rows of each task at most, drawn by the seed. Default: all.");
        Option<string?> template = CommonOptions.ChatTemplateName();
        Option<int?> newTokens = OptionKinds.Count("--max-new-tokens", "Decode no more than this, for a quick look. Default: 256; 30 for triviaqa.");
        Option<int?> batchSize = OptionKinds.Count("--batch-size", "Sequences a forward pass; memory only, not the result.");
        Option<string?> items = new("--items") { Description = "Also write every prompt's output and scores, a line of JSON each.", HelpName = "FILE.jsonl", CustomParser = OptionKinds.ParsePath };
        Option<ulong> seed = CommonOptions.Seed();
        Option<string> device = CommonOptions.Device();
        Option<string?> precision = CommonOptions.Precision(), json = CommonOptions.Json();
        Option<int?> threads = CommonOptions.Threads();
        var command = new Command("utility", """
            Measures what a model can do besides what it was to forget, as RWKU does: reasoning (BBH), truthfulness (TruthfulQA MC1),
            factuality (TriviaQA) and fluency (AlpacaEval).

            Example:  hybrid utility --model models/kunbr --data data/utility --limit 100
            """)
        {
            model, data, tasks, limit, template, newTokens, batchSize, items, seed, device, precision, threads, json,
        };
        bind(command, (parsed, context) =>
        {
            JsonOutput.Check(parsed.GetValue(json));
            JsonOutput.Check(parsed.GetValue(items), items.Name);
            CommandContext.UseThreads(parsed.GetValue(threads));
            Device place = CommonOptions.ParseDevice(parsed.GetValue(device)!);
            string folder = parsed.GetValue(model)!;
            LlamaConfig config = ModelFolder.LoadConfig(folder);
            Tokenizer tokenizer = ModelFolder.LoadTokenizer(folder, config);
            ChatTemplate chosen = parsed.GetValue(template) is { } name ? ChatTemplate.Find(name) : ChatTemplateFile.Recognize(folder, tokenizer);
            UtilityOptions whole = UtilityOptions.Whole(chosen);
            UtilityOptions options = whole with
            {
                Tasks = parsed.GetValue(tasks) is { Length: > 0 } some ? some : whole.Tasks,
                Limit = parsed.GetValue(limit),
                Seed = parsed.GetValue(seed),
                BatchSize = parsed.GetValue(batchSize) ?? whole.BatchSize,
                MaximumNewTokens = parsed.GetValue(newTokens),
            };
            UtilitySuite suite = UtilitySuite.Load(parsed.GetValue(data)!, options);
            using LlamaModel loaded = ModelFolder.LoadModel(folder, CommonOptions.PrecisionOf(parsed.GetValue(precision), folder), place);

            var clock = Stopwatch.StartNew();
            UtilityReport report = suite.Run(loaded, tokenizer, new UtilityProgressLines(context), context.Cancellation);
            double seconds = clock.Elapsed.TotalSeconds;
            if (parsed.GetValue(items) is { } itemsFile)
            {
                UtilityItemsFile.Write(itemsFile, report);
            }

            JsonOutput.Write(context, parsed.GetValue(json), new
            {
                model = folder, chatTemplate = report.ChatTemplate, seed = options.Seed, limit = options.Limit, maximumNewTokens = options.MaximumNewTokens, seconds,
                tasks = UtilityView.JsonOf(report),
            });
            if (parsed.GetValue(json) != JsonOutput.StandardOutput)
            {
                UtilityView.Show(context, report);
            }

            return ExitCode.Success;
        });
        return command;
    }
}
