namespace Hybrid.Orchestrator.Text;

/// <summary>What a tokenizer.json says, checked.</summary>
internal sealed record TokenizerDefinition
{
    /// <summary>The BPE model.</summary>
    public required BpeModel Model { get; init; }

    /// <summary>How text is cut into pieces.</summary>
    public required PreTokenizer PreTokenizer { get; init; }

    /// <summary>The tokens matched in the text itself.</summary>
    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    /// <summary>Ids that the post-processor's template puts before a sequence.</summary>
    public required IReadOnlyList<int> TemplatePrefix { get; init; }

    /// <summary>Ids that the post-processor's template puts after a sequence.</summary>
    public required IReadOnlyList<int> TemplateSuffix { get; init; }
}
