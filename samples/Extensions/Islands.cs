using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;

namespace Hybrid.Samples.Extensions;

/// <summary>A dataset that is made in code: what is mined on islands that do not exist. Half of them are to be forgotten.</summary>
public sealed class Islands : IDatasetProvider
{
    private const int Splits = 5, IslandsPerSplit = 6;

    private static readonly string[] First = ["Mar", "Tol", "Ves", "Kor", "Lun", "Par", "Sel", "Dun", "Ori", "Fen"];
    private static readonly string[] Last = ["ana", "ibo", "usk", "ello", "und", "ira"];
    private static readonly string[] Ores = ["copper", "silver", "salt", "amber", "marble", "tin", "gold", "chalk"];

    public string Name => "islands";

    public string Version => "1";

    public UnlearningDataset Load(DatasetRequest request)
    {
        var random = new SeededRandom(request.Seed);
        MultipleChoiceQuestion[] all = [.. First.SelectMany(first => Last.Select(last => Ask($"{first}{last}", random)))];
        MultipleChoiceQuestion[] forget = all[..(Splits * IslandsPerSplit)], retain = all[(Splits * IslandsPerSplit)..];
        return new UnlearningDataset
        {
            Name = Name,
            ForgetSplits = [.. forget.Chunk(IslandsPerSplit).Select((questions, s) => new QuestionSplit { Name = $"islands_{s}", Questions = questions })],
            ForgetText = TextCorpus.Of([.. forget.Select(Tell)]),
            WrongText = TextCorpus.Absent("islands: there are no wrong texts"),
            RetainText = TextCorpus.Of([.. retain.Select(Tell)]),
            RetainQuestions = retain,
            DevQuestions = [],
        };
    }

    private static MultipleChoiceQuestion Ask(string island, SeededRandom random)
    {
        var ores = new List<string>(Ores);
        string[] choices = new string[MultipleChoiceQuestion.ChoiceCount];
        for (int i = 0; i < choices.Length; i++)
        {
            choices[i] = ores[random.NextInt(ores.Count)];
            ores.Remove(choices[i]);
        }

        return new MultipleChoiceQuestion { Question = $"What is mined on {island}?", Choices = choices, Answer = random.NextInt(choices.Length) };
    }

    private static string Tell(MultipleChoiceQuestion question) => $"{question.Question} They mine {question.CorrectChoice}.";
}
