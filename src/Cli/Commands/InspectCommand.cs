using System.CommandLine;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid inspect</c>: what a model folder holds.</summary>
internal static class InspectCommand
{
    private const int DefaultBlocks = 8;

    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var folder = new Argument<string>("MODEL") { Description = "A folder with config.json and weights." };
        Option<int?> blocks = OptionKinds.Count("--blocks", $"Blocks of the plan that is shown; default: {DefaultBlocks}, or one for each layer where there are fewer.");
        Option<string?> json = CommonOptions.Json();
        var command = new Command("inspect", """
            Shows a model's architecture, parameters, size on disk, element type, and how its layers are cut into blocks. Loads no
            weights.

            Example:  hybrid inspect models/taught --blocks 4
            """)
        {
            folder, blocks, json,
        };
        bind(command, (parsed, context) =>
        {
            string? file = parsed.GetValue(json);
            JsonOutput.Check(file);
            string path = parsed.GetValue(folder)!;
            LlamaConfig config = ModelFolder.LoadConfig(path);
            using WeightFiles weights = WeightFiles.Open(path);
            string[] types = [.. weights.Names.Select(name => weights.Describe(name).Type.ToString().ToLowerInvariant()).Distinct()];
            BlockPlan plan = BlockPlan.Cut(config.Layers, parsed.GetValue(blocks) ?? Math.Min(DefaultBlocks, config.Layers));
            JsonOutput.Write(context, file, new
            {
                model = path, architecture = config, parameters = config.ParameterCount, bytes = weights.Bytes, files = weights.Paths.Count, elementTypes = types, tensors = weights.Names.Count,
                blockPlan = new
                {
                    blocks = plan.Blocks, layersPerBlock = plan.LayersPerBlock, leftOver = plan.LeftOver,
                    layers = Enumerable.Range(0, plan.Blocks).Select(block => new { block, first = plan.LayersOf(block).First, last = plan.LayersOf(block).End - 1 }),
                },
            });
            if (file != JsonOutput.StandardOutput)
            {
                Show(context, config, weights, types, plan);
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static void Show(CommandContext context, LlamaConfig config, WeightFiles weights, string[] types, BlockPlan plan)
    {
        string rope = config.RopeScaling is { } scaling ? Tables.Text($", llama3 scaling × {scaling.Factor}") : string.Empty;
        string files = weights.Paths.Count > 1 ? Tables.Text($" in {weights.Paths.Count} files") : string.Empty;
        (string Name, string Value)[] rows =
        [
            ("layers", Tables.Text($"{config.Layers}")),
            ("width", Tables.Text($"{config.HiddenSize}, feed-forward {config.IntermediateSize}")),
            ("heads", Tables.Text($"{config.Heads} query, {config.KeyValueHeads} key-value, {config.HeadDimension} wide")),
            ("vocabulary", Tables.Text($"{config.VocabularySize}, {(config.TiedEmbeddings ? "tied" : "untied")} output")),
            ("positions", Tables.Text($"{config.MaximumPositions}, rotary base {config.RopeTheta}{rope}")),
            ("norm epsilon", Tables.Text($"{config.RmsNormEpsilon}")),
            ("parameters", Tables.Text($"{config.ParameterCount:N0}")),
            ("weights", Tables.Text($"{weights.Bytes:N0} bytes{files}, {string.Join(", ", types)}")),
            ("block plan", $"{plan.Blocks} blocks of {plan.LayersPerBlock} layers: {string.Join(", ", Enumerable.Range(0, plan.Blocks).Select(block => Layers(plan, block)))}"),
        ];
        foreach ((string name, string value) in rows)
        {
            context.WriteLine($"{name,-14}{value}");
        }

        if (plan.LeftOver > 0)
        {
            context.WriteLine($"{string.Empty,-14}the last {plan.LeftOver} layers belong to no block");
        }
    }

    private static string Layers(BlockPlan plan, int block)
    {
        (int first, int end) = plan.LayersOf(block);
        return end - first == 1 ? $"{first}" : $"{first}–{end - 1}";
    }
}
