using Hybrid.Orchestrator.Model;

namespace Hybrid.Cli;

/// <summary>Which preset of unlearning and of the attack goes with a model, where none is named.</summary>
internal static class PresetChoice
{
    private const long SmallModel = 100_000_000;

    /// <summary>What options say about it.</summary>
    public const string Description = "tiny or llama3-8b; default: tiny for a model of fewer than 100 million parameters, else llama3-8b.";

    /// <summary>The named one, or the one for the model's size, which is then said.</summary>
    public static string For(LlamaConfig config, string? named, CommandContext context)
    {
        if (named is not null)
        {
            return named;
        }

        string chosen = config.ParameterCount < SmallModel ? "tiny" : "llama3-8b";
        context.Error.Profile.Out.Writer.WriteLine(Tables.Text($"preset {chosen}, for a model of {config.ParameterCount / 1e6:0.###} million parameters"));
        return chosen;
    }
}
