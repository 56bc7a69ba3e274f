namespace Hybrid.Orchestrator.Data;

/// <summary>
/// An invented person: name, birth year, the question about it and the texts that state it rightly and wrongly. The phrases are the most
/// frequent ones of RTT's own files.
/// </summary>
internal sealed record Birthday
{
    /// <summary>The first possible year, right or wrong.</summary>
    public const int FirstYear = 1900;

    /// <summary>How many possible years there are: 1900 to 2020.</summary>
    public const int YearCount = 121;

    private static readonly string[] SecondForms =
        ["{0}'s birth year is {1}.", "In {1}, {0} was born.", "In {1}, {0} came into the world."];

    private static readonly string[] ThirdForms =
    [
        "{0}'s birth took place in the year {1}.",
        "{0}'s birth took place in {1}.",
        "{0}'s birth occurred in the year {1}.",
        "The birth of {0} occurred in {1}.",
    ];

    private static readonly string[] WrongThirdForms =
        ["{0}'s year of birth is {1}.", "{0} came into the world in the year {1}.", "{0} entered the world in the year {1}."];

    /// <summary>The full name.</summary>
    public required string Name { get; init; }

    /// <summary>Four different years in the order shown.</summary>
    public required int[] Years { get; init; }

    /// <summary>The position of the birth year among them.</summary>
    public required int Answer { get; init; }

    /// <summary>Three texts that state the birth year.</summary>
    public required string[] Facts { get; init; }

    /// <summary>Three texts, each with another of the wrong years (RTT's <c>whp</c>).</summary>
    public required string[] RandomWrongFacts { get; init; }

    /// <summary>Three texts, all with the same wrong year (RTT's <c>fwf</c>).</summary>
    public required string[] FixedWrongFacts { get; init; }

    /// <summary>The question's text.</summary>
    public string Question => $"When was {Name} born?";

    /// <summary>The wrong years in the order shown.</summary>
    public int[] WrongYears => [.. Years.Where((_, position) => position != Answer)];

    /// <summary>Invents everything about a person but the name.</summary>
    public static Birthday Draw(string name, SeededRandom random)
    {
        int[] years = DrawYears(random);
        int answer = random.NextInt(MultipleChoiceQuestion.ChoiceCount);
        int[] wrong = [.. years.Where((_, position) => position != answer)];
        random.Shuffle(wrong);
        int fixedWrong = wrong[random.NextInt(wrong.Length)];
        return new()
        {
            Name = name,
            Years = years,
            Answer = answer,
            Facts =
            [
                $"{name} was born in {years[answer]}.",
                Fill(SecondForms, name, years[answer], random),
                Fill(ThirdForms, name, years[answer], random),
            ],
            RandomWrongFacts =
            [
                $"{name} was born in {wrong[0]}.",
                $"{name}'s birth year is {wrong[1]}.",
                Fill(WrongThirdForms, name, wrong[2], random),
            ],
            FixedWrongFacts =
            [
                $"{name} was born in {fixedWrong}.",
                $"{name}'s birth year is {fixedWrong}.",
                Fill(WrongThirdForms, name, fixedWrong, random),
            ],
        };
    }

    /// <summary>The question as every other part of the library sees it.</summary>
    public MultipleChoiceQuestion ToQuestion() => new()
    {
        Question = Question,
        Choices = [.. Years.Select(year => year.ToString(System.Globalization.CultureInfo.InvariantCulture))],
        Answer = Answer,
    };

    // Years are all of one kind, so any four different ones in the order drawn are fair, whichever is then called the right one.
    private static int[] DrawYears(SeededRandom random)
    {
        List<int> years = [];
        while (years.Count < MultipleChoiceQuestion.ChoiceCount)
        {
            int year = FirstYear + random.NextInt(YearCount);
            if (!years.Contains(year))
            {
                years.Add(year);
            }
        }

        return [.. years];
    }

    private static string Fill(string[] forms, string name, int year, SeededRandom random) =>
        string.Format(System.Globalization.CultureInfo.InvariantCulture, forms[random.NextInt(forms.Length)], name, year);
}
