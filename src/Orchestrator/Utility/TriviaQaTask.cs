namespace Hybrid.Orchestrator.Utility;

/// <summary>A question of TriviaQA.</summary>
/// <param name="Question">The question.</param>
/// <param name="Answers">Names of the answer, any of which is right.</param>
internal sealed record TriviaQaRow(string Question, IReadOnlyList<string> Answers);

/// <summary>Factuality: TriviaQA after five pairs of examples, by the F1 of the answer's words.</summary>
internal sealed class TriviaQaTask(IReadOnlyList<TriviaQaRow> rows) : IUtilityTask
{
    /// <summary>The file that <see cref="Load"/> reads.</summary>
    public const string FileName = "triviaqa.json";

    /// <summary>Token F1, see <see cref="AnswerText.TokenF1(string, IReadOnlyList{string})"/>.</summary>
    public const string TokenF1 = "triviaqa_f1";

    private const int MaximumNewTokens = 30;

    /// <summary>RWKU's pairs, spelled as there.</summary>
    private const string Pairs = """
        Q: When did men's figure skating become a summer Olympic sport?
        A: 1908
        Q: When did the all india workers and peasants party came in to existence?
        A: November 1925
        Q: Flight that went down in the hudson river?
        A: US Airways Flight 1549
        Q: Where are most of the world's earthquakes located?
        A: Rim of Fire
        Q: Csi when do grissom and sara reunite?
        A: series finale
        """;

    /// <inheritdoc/>
    public UtilityTaskKind Kind => UtilityTaskKind.TriviaQA;

    /// <inheritdoc/>
    public IReadOnlyList<string> Metrics { get; } = [TokenF1];

    /// <inheritdoc/>
    public int Count => rows.Count;

    /// <summary>The questions.</summary>
    public IReadOnlyList<TriviaQaRow> Rows => rows;

    /// <summary>Reads <see cref="FileName"/> in a folder.</summary>
    /// <exception cref="HybridException">DataFile, Io.</exception>
    public static TriviaQaTask Load(string folder) => new(UtilityRow.ReadAll(
        Path.Combine(folder, FileName), ["question", "answers"], row => new TriviaQaRow(row.Text("question"), row.Texts("answers"))));

    /// <summary>The pairs, then the question.</summary>
    public static UtilityPrompt Prompt(TriviaQaRow row) => new($"{Pairs}\nPlease briefly answer the following question:\nQ: {row.Question}\n", "A:");

    /// <inheritdoc/>
    public IReadOnlyList<UtilityItem> Run(UtilityRunner runner, IReadOnlyList<int> asked)
    {
        IReadOnlyList<string> outputs = runner.Continue([.. asked.Select(i => Prompt(rows[i]))], MaximumNewTokens);
        return
        [
            .. asked.Zip(outputs, (i, output) => new UtilityItem(
                i, output, rows[i].Answers, new Dictionary<string, double>(StringComparer.Ordinal) { [TokenF1] = AnswerText.TokenF1(output, rows[i].Answers) })),
        ];
    }
}
