using System.Text.Json;

namespace Hybrid.Orchestrator.Data;

/// <summary>
/// Reads a dataset's text files for <see cref="DataCheck"/> and compares the questions that they name as their sources with the splits'
/// own. A file whose name is RTT's for a split, such as <c>corpus_split_0.jsonl</c>, belongs to that split; another forget or wrong text
/// belongs to all forget splits; another retain text is about nothing that is asked.
/// </summary>
internal sealed class TextSources(DatasetFiles files, IReadOnlySet<string> splits)
{
    private readonly Dictionary<string, HashSet<string>> bySplit = new(StringComparer.Ordinal);

    /// <summary>Every text file, each once.</summary>
    public IEnumerable<string> Paths => Parts.SelectMany(part => part.Paths).Concat(files.OtherText).Distinct(StringComparer.Ordinal);

    private IEnumerable<TextFiles> Parts => [files.ForgetText, files.WrongText, files.RetainText];

    /// <summary>Reads a file and gives back how many of its texts are without fault.</summary>
    public int Read(string path, Action<DataFault> onFault)
    {
        bool strict = !Parts.Any(part => part.Paths.Contains(path) && !part.HaveKnownFields);
        if (!strict && TextCorpus.IsPlain(path))
        {
            return TextFile.ReadLines(path, onFault).Count(line => !string.IsNullOrWhiteSpace(line));
        }

        IReadOnlyList<string?> sources = JsonlReader.Read(path, strict ? JsonlSchema.Text : JsonlSchema.ForeignText, SourceQuestion, onFault);
        if (SplitOf(path) is { } split)
        {
            if (!bySplit.TryGetValue(split, out HashSet<string>? known))
            {
                bySplit[split] = known = new(StringComparer.Ordinal);
            }

            known.UnionWith(sources.OfType<string>());
        }

        return sources.Count;
    }

    /// <summary>Compares, for every split whose texts name any source.</summary>
    public IReadOnlyList<TextCoverage> Compare(IReadOnlyList<QuestionSplit> forget, IReadOnlyList<QuestionSplit> retain)
    {
        var whole = new QuestionSplit { Name = TextCoverage.AllForgetSplits, Questions = [.. forget.SelectMany(split => split.Questions)] };
        return Array.AsReadOnly<TextCoverage>([.. forget.Concat(retain).Append(whole).Select(Compare).OfType<TextCoverage>()]);
    }

    private TextCoverage? Compare(QuestionSplit split)
    {
        HashSet<string> questions = split.Questions.Select(question => question.Question).ToHashSet(StringComparer.Ordinal);
        return bySplit.TryGetValue(split.Name, out HashSet<string>? named) && named.Count > 0
            ? new(split.Name, named.Count, named.Count(source => !questions.Contains(source)), questions.Count(question => !named.Contains(question)))
            : null;
    }

    private string? SplitOf(string path) => DatasetDefinition.SplitOfTextFile(path) is { } split && splits.Contains(split)
        ? split
        : files.ForgetText.Paths.Concat(files.WrongText.Paths).Contains(path) ? TextCoverage.AllForgetSplits : null;

    /// <summary>The question that a text was made from, where the row says so.</summary>
    private static string? SourceQuestion(JsonElement row) =>
        (row.TryGetProperty("original_question", out JsonElement source) || row.TryGetProperty("question", out source))
        && source.ValueKind is JsonValueKind.String
            ? source.GetString()
            : null;
}
