using System.Text.RegularExpressions;

namespace Hybrid.Orchestrator.Utility;

/// <summary>A question of BIG-Bench Hard.</summary>
/// <param name="Task">Which of the 27 tasks, for example <c>word_sorting</c>.</param>
/// <param name="Question">The question.</param>
/// <param name="Answer">The right answer.</param>
/// <param name="ChainOfThought">The task's three worked examples.</param>
internal sealed record BbhRow(string Task, string Question, string Answer, string ChainOfThought);

/// <summary>Reasoning: BIG-Bench Hard with three worked examples, by exact match of the answer that the chain of thought ends with.</summary>
internal sealed partial class BbhTask(IReadOnlyList<BbhRow> rows) : IUtilityTask
{
    /// <summary>The file that <see cref="Load"/> reads.</summary>
    public const string FileName = "bbh.json";

    /// <summary>Exact match, see <see cref="AnswerText.ExactMatch"/>.</summary>
    public const string ExactMatch = "bbh_em";

    /// <summary>The same as RWKU's code counts it, see <see cref="AnswerText.RwkuExactMatch"/>.</summary>
    public const string RwkuExactMatch = "bbh_em_rwku";

    private const int MaximumNewTokens = 256;

    /// <inheritdoc/>
    public UtilityTaskKind Kind => UtilityTaskKind.Bbh;

    /// <inheritdoc/>
    public IReadOnlyList<string> Metrics { get; } = [ExactMatch, RwkuExactMatch];

    /// <inheritdoc/>
    public int Count => rows.Count;

    /// <summary>The questions.</summary>
    public IReadOnlyList<BbhRow> Rows => rows;

    /// <summary>Reads <see cref="FileName"/> in a folder.</summary>
    /// <exception cref="HybridException">DataFile, Io.</exception>
    public static BbhTask Load(string folder) => new(UtilityRow.ReadAll(
        Path.Combine(folder, FileName), ["task", "question", "answer", "cot"], row => new BbhRow(row.Text("task"), row.Text("question"), row.Text("answer"), row.Text("cot"))));

    /// <summary>The worked examples, then the question.</summary>
    public static UtilityPrompt Prompt(BbhRow row) => new(
        $"{row.ChainOfThought.Trim()}\n\nFollowing previous examples, answer the following questions and end with 'so the answer is'\nQ: {row.Question}", "A:");

    /// <summary>What stands between the first "the answer is" and the next period of its line; the whole output where there is no such thing. Trimmed.</summary>
    public static string Extract(string output)
    {
        Match match = Conclusion().Match(output);
        return (match.Success ? match.Groups[1].Value : output).Trim();
    }

    /// <inheritdoc/>
    public IReadOnlyList<UtilityItem> Run(UtilityRunner runner, IReadOnlyList<int> asked)
    {
        // What follows the first conclusion changes nothing, so it is not decoded.
        IReadOnlyList<string> outputs = runner.Continue([.. asked.Select(i => Prompt(rows[i]))], MaximumNewTokens, Conclusion());
        return [.. asked.Zip(outputs, (row, output) => Score(row, output))];
    }

    private UtilityItem Score(int row, string output)
    {
        string answer = Extract(output), gold = rows[row].Answer;
        return new UtilityItem(row, output, [gold], new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [ExactMatch] = AnswerText.ExactMatch(answer, gold) ? 1 : 0,
            [RwkuExactMatch] = AnswerText.RwkuExactMatch(answer, gold) ? 1 : 0,
        });
    }

    [GeneratedRegex(@"[t|T]he answer is (.*?)\.", RegexOptions.CultureInvariant)]
    private static partial Regex Conclusion();
}
