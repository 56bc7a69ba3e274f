namespace Hybrid.Orchestrator.Utility;

/// <summary>Fluency: the entropy of n-grams in answers to AlpacaEval's instructions (Li et al. 2023). A model that repeats itself scores low.</summary>
/// <param name="instructions">What the model is asked to do.</param>
internal sealed class FluencyTask(IReadOnlyList<string> instructions) : IUtilityTask
{
    /// <summary>The file that <see cref="Load"/> reads.</summary>
    public const string FileName = "alpacaeval.json";

    /// <summary>Mean over the answers, in bits, see <see cref="NgramEntropy"/>; tables in papers print it times 100.</summary>
    public const string Entropy = "fluency_entropy";

    private const int MaximumNewTokens = 256;

    /// <inheritdoc/>
    public UtilityTaskKind Kind => UtilityTaskKind.Fluency;

    /// <inheritdoc/>
    public IReadOnlyList<string> Metrics { get; } = [Entropy];

    /// <inheritdoc/>
    public int Count => instructions.Count;

    /// <summary>The instructions.</summary>
    public IReadOnlyList<string> Instructions => instructions;

    /// <summary>Reads <see cref="FileName"/> in a folder.</summary>
    /// <exception cref="HybridException">DataFile, Io.</exception>
    public static FluencyTask Load(string folder) => new(UtilityRow.ReadAll(Path.Combine(folder, FileName), ["instruction"], row => row.Text("instruction")));

    /// <summary>The instruction; the answer has no cue.</summary>
    public static UtilityPrompt Prompt(string instruction) => new($"Instruction: {instruction}\n", string.Empty);

    /// <inheritdoc/>
    public IReadOnlyList<UtilityItem> Run(UtilityRunner runner, IReadOnlyList<int> asked)
    {
        IReadOnlyList<string> outputs = runner.Continue([.. asked.Select(i => Prompt(instructions[i]))], MaximumNewTokens);
        return
        [
            .. asked.Zip(outputs, (i, output) => new UtilityItem(
                i, output, [], new Dictionary<string, double>(StringComparer.Ordinal) { [Entropy] = NgramEntropy.Of(output) })),
        ];
    }
}
