using System.CommandLine;
using System.Globalization;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Unlearning;
using Spectre.Console;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid density</c>: where in a model the knowledge to forget lies.</summary>
internal static class DensityCommand
{
    private const int BarWidth = 40;
    private const int DefaultBatch = 8;

    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var input = new InputOptions();
        var memory = new MemoryChoice(secondModel: false);
        Option<ExampleForm?> form = OptionKinds.Choice<ExampleForm>("--form", "What the forget examples are made of; default: letter-answer.");
        Option<bool> mlpOnly = OptionKinds.Switch("--mlp-only", "Count the MLP's three matrices only.");
        Option<int?> blocks = OptionKinds.Count("--blocks", "Blocks that the layers are cut into; default: the preset's.");
        Option<int?> batchSize = OptionKinds.Count("--batch-size", $"Examples a pass; default: {DefaultBatch}. It does not change the result.");
        Option<string?> preset = OptionKinds.OneOf("--preset", $"Whose choice of blocks is shown: {PresetChoice.Description}", UnlearningPresets.Names);
        Option<string?> json = CommonOptions.Json();
        Command command = input.CommandWith(
            "density",
            """
            Measures the knowledge density of every layer (KUnBR, equations 2 and 3): the mean over the forget examples of the L1
            norm of the example's own gradient. No parameter changes.

            Example:  hybrid density --model models/taught --dataset random-birthdays --data data
            """,
            [form, mlpOnly, blocks, batchSize, preset, .. memory.All, json]);
        bind(command, (parsed, context) =>
        {
            string? file = parsed.GetValue(json);
            JsonOutput.Check(file);
            Input loaded = input.Open(parsed, deviceNeeded: !memory.OnlyPlan(parsed));
            LlamaConfig config = loaded.Config;
            string presetName = PresetChoice.For(config, parsed.GetValue(preset));
            KUnBROptions choice = (KUnBROptions)UnlearningPresets.Find(presetName, "kunbr").Options;
            BlockPlan plan = BlockPlan.Cut(config.Layers, parsed.GetValue(blocks) ?? Math.Min(choice.Blocks, config.Layers));
            ExampleForm examples = parsed.GetValue(form) ?? ExampleForm.LetterAnswer;
            IReadOnlyList<TokenSequence> forget = ExampleSets.Forget(loaded.Dataset, examples, loaded.Encoder());
            int batch = parsed.GetValue(batchSize) ?? DefaultBatch;
            if (memory.Resolve(parsed, context, loaded.Workload, planner => [planner.Density(BatchShape.Largest(forget, batch), secondModel: false)], file) is not { } fitting)
            {
                return ExitCode.Success;
            }

            using MemoryMeter meter = MemoryMeter.Start();
            using LlamaModel model = loaded.LoadModel(fitting);
            double[] density;
            using (ConsoleProgress progress = context.StartProgress())
            {
                density = KnowledgeDensity.Measure(model, forget, parsed.GetValue(mlpOnly), batch, progress, context.Cancellation);
            }

            double[] normalized = KnowledgeDensity.Normalize(density);
            (int[] chosen, string note) = Choose(plan, presetName, choice, normalized);
            JsonOutput.Write(context, file, new
            {
                model = loaded.Folder, dataset = loaded.Dataset.Name, preset = presetName, form = examples, mlpOnly = parsed.GetValue(mlpOnly), examples = forget.Count,
                layers = density.Select((value, layer) => new { layer, density = value, normalized = normalized[layer], block = BlockOf(plan, layer) }),
                blocks = BlockSelection.BlockDensities(plan, normalized).Select((value, block) => new { block, normalized = value, chosen = chosen.Contains(block) }),
                chosenBlocks = chosen,
                memory = MemoryChoice.JsonOf(fitting, meter, loaded.Device),
            });
            if (file != JsonOutput.StandardOutput)
            {
                context.Output.Write(TableOf(plan, density, normalized, chosen));
                context.WriteLine(note);
                context.WriteLine(MemoryChoice.LineOf(fitting, meter, loaded.Device));
            }

            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>The blocks that the preset's density choice takes, densest first, and a line that says so, or why there are none.</summary>
    private static (int[] Chosen, string Note) Choose(BlockPlan plan, string preset, KUnBROptions choice, double[] normalized)
    {
        try
        {
            int[] chosen = BlockSelection.Choose(plan, BlockStrategy.Density, choice.SelectedBlocks, choice.IgnoreHeadLayers, normalized);
            return (chosen, $"The choice of preset {preset}, the {chosen.Length} densest blocks without the last {choice.IgnoreHeadLayers} layers: {string.Join(", ", chosen)}.");
        }
        catch (HybridException error) when (error.Kind == ErrorKind.BlockPlan)
        {
            return ([], $"The choice of preset {preset} cannot be made here: {error.Message}.");
        }
    }

    private static int? BlockOf(BlockPlan plan, int layer) => layer / plan.LayersPerBlock is var block && block < plan.Blocks ? block : null;

    private static Table TableOf(BlockPlan plan, double[] density, double[] normalized, int[] chosen)
    {
        Table table = Tables.New(">layer", ">block", "", ">density", ">normalised", "");
        for (int layer = 0; layer < density.Length; layer++)
        {
            int? block = BlockOf(plan, layer);
            table.AddRow(
                layer.ToString(CultureInfo.InvariantCulture),
                block?.ToString(CultureInfo.InvariantCulture) ?? "–",
                block is { } number && chosen.Contains(number) ? "chosen" : string.Empty,
                density[layer].ToString("G4", CultureInfo.InvariantCulture),
                normalized[layer].ToString("F4", CultureInfo.InvariantCulture),
                Tables.Bar(normalized[layer], normalized.Max(), BarWidth));
        }

        return table;
    }
}
