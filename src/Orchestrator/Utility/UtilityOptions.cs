using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Text;
using static System.FormattableString;

namespace Hybrid.Orchestrator.Utility;

/// <summary>What of the utility suite is run, and how.</summary>
internal sealed record UtilityOptions
{
    /// <summary>The tasks, in the order in which they run.</summary>
    public required IReadOnlyList<UtilityTaskKind> Tasks { get; init; }

    /// <summary>Rows of each task at most, drawn by the seed; null: all.</summary>
    public required int? Limit { get; init; }

    /// <summary>Where the rows of a limited run are drawn from; the same rows for every model.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Sequences a forward pass; memory only, not the result.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Decoded tokens at most, where that is fewer than the task's own number; null: the task's own. A quick look, not a figure to compare.</summary>
    public required int? MaximumNewTokens { get; init; }

    /// <summary>How the user's turn is written.</summary>
    public required ChatTemplate ChatTemplate { get; init; }

    /// <summary>The whole suite as it is published.</summary>
    public static UtilityOptions Whole(ChatTemplate template) => new()
    {
        Tasks = Enum.GetValues<UtilityTaskKind>(),
        Limit = null,
        Seed = 1,
        BatchSize = McqEvaluator.UsualBatchSize,
        MaximumNewTokens = null,
        ChatTemplate = template,
    };

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (Tasks.Count == 0 || Tasks.Distinct().Count() < Tasks.Count)
        {
            yield return "tasks: expected at least one, and none twice";
        }

        if (Limit < 1 || BatchSize < 1 || MaximumNewTokens < 1)
        {
            yield return Invariant($"limit {Limit}, batch size {BatchSize} and maximum new tokens {MaximumNewTokens} must be at least 1");
        }
    }
}
