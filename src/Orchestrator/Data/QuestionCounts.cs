namespace Hybrid.Orchestrator.Data;

/// <summary>What is peculiar about a set of question splits, in exact numbers.</summary>
internal sealed record QuestionCounts
{
    /// <summary>Questions in all, repetitions included.</summary>
    public required int Questions { get; init; }

    /// <summary>Different question texts.</summary>
    public required int Distinct { get; init; }

    /// <summary>Question texts that stand in more than one split: from the forget splits these leak from T to V.</summary>
    public required int InSeveralSplits { get; init; }

    /// <summary>Question texts with different right answers in different rows: for birthdays, names with two birth years.</summary>
    public required int WithConflictingAnswers { get; init; }

    /// <summary>Rows in which two or more choices are the same.</summary>
    public required int RepeatingAChoice { get; init; }

    /// <summary>Rows in which the right choice stands twice, so that another letter is right as well.</summary>
    public required int RepeatingTheAnswer { get; init; }

    /// <summary>Counts. Texts and choices are compared character for character.</summary>
    /// <param name="splits">The splits, together one set.</param>
    /// <returns>The counts.</returns>
    public static QuestionCounts Of(IReadOnlyList<QuestionSplit> splits)
    {
        (int Split, MultipleChoiceQuestion Row)[] rows =
            [.. splits.SelectMany((split, index) => split.Questions.Select(question => (index, question)))];
        IGrouping<string, (int Split, MultipleChoiceQuestion Row)>[] byText =
            [.. rows.GroupBy(entry => entry.Row.Question, StringComparer.Ordinal)];
        return new()
        {
            Questions = rows.Length,
            Distinct = byText.Length,
            InSeveralSplits = byText.Count(group => group.DistinctBy(entry => entry.Split).Count() > 1),
            WithConflictingAnswers = byText.Count(group => group.DistinctBy(entry => entry.Row.CorrectChoice).Count() > 1),
            RepeatingAChoice = rows.Count(entry => entry.Row.Choices.Distinct().Count() < MultipleChoiceQuestion.ChoiceCount),
            RepeatingTheAnswer = rows.Count(entry => entry.Row.Choices.Count(choice => choice == entry.Row.CorrectChoice) > 1),
        };
    }
}
