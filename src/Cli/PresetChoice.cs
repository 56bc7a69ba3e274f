using Hybrid.Orchestrator.Model;

namespace Hybrid.Cli;

/// <summary>Which preset of unlearning and of the attack goes with a model, where none is named.</summary>
internal static class PresetChoice
{
    private const long SmallModel = 100_000_000;

    /// <summary>What options say about it.</summary>
    public const string Description = "tiny or llama3-8b; default: tiny for a model of fewer than 100 million parameters, else llama3-8b.";

    /// <summary>The named one, or the one for the model's size.</summary>
    public static string For(LlamaConfig config, string? named) => named ?? (config.ParameterCount < SmallModel ? "tiny" : "llama3-8b");
}
