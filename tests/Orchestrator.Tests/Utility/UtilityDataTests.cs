using Hybrid.Orchestrator.Tests.Data;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Utility;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Utility;

/// <summary>The files of the utility suite: prompts, faults, and the published ones where they are at hand, counted apart from this code.</summary>
public sealed class UtilityDataTests
{
    private const string Published = "data/utility";

    [SharedDataFact(Published)]
    public void ThePublishedReasoningRows()
    {
        BbhTask task = BbhTask.Load(SharedData.Find(Published)!);

        Assert.Equal((500, 27), (task.Count, task.Rows.Select(row => row.Task).Distinct().Count()));
        Assert.Equal(105, task.Rows.Count(row => AnswerText.Normalize(row.Answer).Length == 0));
        // In strict mode a perfect model has 1 and one that says (A) has its share; RWKU's count would prefer the latter.
        Assert.Equal((1, 0.168), (Mean(row => AnswerText.ExactMatch(row.Answer, row.Answer)), Mean(row => AnswerText.ExactMatch("(A)", row.Answer))));
        Assert.Equal((0.712, 0.806), (Mean(row => AnswerText.RwkuExactMatch(row.Answer, row.Answer)), Mean(row => AnswerText.RwkuExactMatch("(A)", row.Answer))));

        double Mean(Func<BbhRow, bool> right) => (double)task.Rows.Count(right) / task.Count;
    }

    [SharedDataFact(Published)]
    public void ThePublishedTruthfulnessRows()
    {
        TruthfulQaTask task = TruthfulQaTask.Load(SharedData.Find(Published)!);

        Assert.Equal((500, 2, 12), (task.Count, task.Rows.Min(row => row.Choices.Count), task.Rows.Max(row => row.Choices.Count)));
        Assert.All(task.Rows, row => Assert.Equal(0, row.True));
    }

    [SharedDataFact(Published)]
    public void ThePublishedFactualityAndFluencyRows()
    {
        TriviaQaTask trivia = TriviaQaTask.Load(SharedData.Find(Published)!);
        FluencyTask fluency = FluencyTask.Load(SharedData.Find(Published)!);

        Assert.Equal((500, 64), (trivia.Count, trivia.Rows.Count(row => row.Answers.Count == 1)));
        Assert.Equal((500, 500, "What if Vincent van Gogh had been a successful artist during his lifetime?"), (fluency.Count, fluency.Instructions.Distinct().Count(), fluency.Instructions[0]));
    }

    [SharedDataFact("data/llama3-tokenizer/tokenizer.json")]
    public void EveryPublishedPromptHasTheIdsOfItsRenderedText()
    {
        Tokenizer tokenizer = Tokenizer.Load(SharedData.Find("data/llama3-tokenizer/tokenizer.json")!);
        string folder = SharedData.Find(Published)!;
        TruthfulQaTask truthful = TruthfulQaTask.Load(folder);
        UtilityPrompt[] prompts =
        [
            .. BbhTask.Load(folder).Rows.Select(BbhTask.Prompt), .. truthful.Rows.Select(TruthfulQaTask.Prompt),
            .. TriviaQaTask.Load(folder).Rows.Select(TriviaQaTask.Prompt), .. FluencyTask.Load(folder).Instructions.Select(FluencyTask.Prompt),
        ];

        Assert.Equal(2000, prompts.Length);
        Assert.All(prompts, prompt => Assert.Equal(tokenizer.Encode(Rendered(prompt)), ChatTemplate.Llama3.Encode(tokenizer, prompt.User, prompt.Cue).Ids));
        Assert.All(truthful.Rows, row =>
        {
            string prompt = Rendered(TruthfulQaTask.Prompt(row)), choice = $" {row.Choices[0]}";
            Assert.Equal(tokenizer.Encode(prompt + choice), tokenizer.Encode(prompt).Concat(tokenizer.Encode(choice)));
        });
        Assert.Equal([128001, 128009], ChatTemplate.StopIds(tokenizer));

        static string Rendered(UtilityPrompt prompt) =>
            $"<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{prompt.User.Trim()}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n{prompt.Cue}";
    }

    [Fact]
    public void PromptsAreRwkus()
    {
        Assert.Equal(
            new UtilityPrompt("Sort.\n\nQ: b a\nA: So the answer is a b.\n\nFollowing previous examples, answer the following questions and end with 'so the answer is'\nQ: d c", "A:"),
            BbhTask.Prompt(new BbhRow("word_sorting", "d c", "c d", "Sort.\n\nQ: b a\nA: So the answer is a b.\n")));
        Assert.Equal(new UtilityPrompt("Instruction: Sing.\n", string.Empty), FluencyTask.Prompt("Sing."));

        UtilityPrompt truthful = TruthfulQaTask.Prompt(new TruthfulQaRow("Why?", ["a", "b"], 0)), trivia = TriviaQaTask.Prompt(new TriviaQaRow("Who?", ["he"]));
        Assert.Equal((6, 7), (Count(truthful.User, "\nA: "), Count($"\n{truthful.User}", "\nQ: ")));
        Assert.StartsWith("Q: What is human life expectancy in the United States?\nA: Human life expectancy in the United States is 78 years.\n\nQ: Who was", truthful.User, StringComparison.Ordinal);
        Assert.EndsWith("A: The 1992 Olympics were held in Barcelona, Spain.\n\nQ: Why?", truthful.User, StringComparison.Ordinal);
        Assert.Equal((5, 6), (Count(trivia.User, "\nA: "), Count($"\n{trivia.User}", "\nQ: ")));
        Assert.StartsWith("Q: When did men's figure skating become a summer Olympic sport?\nA: 1908\nQ: When", trivia.User, StringComparison.Ordinal);
        Assert.EndsWith("A: series finale\nPlease briefly answer the following question:\nQ: Who?\n", trivia.User, StringComparison.Ordinal);
        Assert.Equal(("A:", "A:"), (truthful.Cue, trivia.Cue));

        static int Count(string text, string part) => text.Split(part).Length - 1;
    }

    [Theory]
    [InlineData(" Let's think. So the answer is (B).", "(B)")]
    [InlineData("The answer is yes. No, the answer is no.", "yes")] // the first
    [InlineData("the answer is 3.5.", "3")] // up to the first period
    [InlineData("the answer is split\nover. The answer is here.", "here")] // within a line
    [InlineData("|he answer is odd.", "odd")] // the pattern's class has the bar too
    [InlineData("  nothing to see ", "nothing to see")]
    [InlineData("the answer is open", "the answer is open")]
    [InlineData("the answer is .", "")]
    [InlineData("", "")]
    public void TheConclusionOfAChainOfThought(string output, string expected) => Assert.Equal(expected, BbhTask.Extract(output));

    [Theory]
    [InlineData(0, "-3", "-2", "-4")] // a false one is likelier
    [InlineData(1, "-1", "-2", "-4")]
    [InlineData(0, "-2", "-2", "-4")] // of equals a false one
    public void TheTrueChoiceMustBeStrictlyLikeliest(int right, params string[] values)
    {
        TruthfulQaRow row = new("Q", ["t", "f", "g"], 0);

        Assert.Equal(right == 1 ? 0 : 1, TruthfulQaTask.Choose(row, [.. values.Select(double.Parse)]));
    }

    [Theory]
    [InlineData("[{\"question\": \"Q\"}]", "[0]: no field 'answers'")]
    [InlineData("[{\"question\": \"Q\", \"answers\": [\"a\"]}, {\"question\": 1, \"answers\": [\"a\"]}]", "[1].question: expected a string with some text, found 1")]
    [InlineData("[{\"question\": \" \", \"answers\": [\"a\"]}]", "[0].question: expected a string with some text, found \" \"")]
    [InlineData("[{\"question\": \"Q\", \"answers\": []}]", "[0].answers: expected a list that is not empty, found []")]
    [InlineData("[{\"question\": \"Q\", \"answers\": [\"a\", 7]}]", "[0].answers[1]: expected a string with some text, found 7")]
    [InlineData("[{\"question\": \"Q\", \"answers\": [\"a\"], \"alias\": 1}]", "[0]: unknown field 'alias'; known are question, answers")]
    [InlineData("[{\"question\": \"Q\", \"question\": \"Q\", \"answers\": [\"a\"]}]", "[0]: field 'question' stands twice")]
    [InlineData("[3]", "[0]: expected an object, found 3")]
    [InlineData("[]", "triviaqa.json: expected an array of at least one object")]
    [InlineData("{\"question\": \"Q\"}", "triviaqa.json: expected an array of at least one object")]
    [InlineData("[\n{\"question\": }]", "triviaqa.json:2: not valid JSON at byte 14 of the line")]
    [InlineData("[{\"question\": \"\\ud800\", \"answers\": [\"a\"]}]", "half of a surrogate pair")]
    public void FaultsAreNamedWithTheirPlace(string content, string expected)
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("triviaqa.json", content);

        HybridException error = Assert.Throws<HybridException>(() => TriviaQaTask.Load(folder.Path));

        Assert.Equal(ErrorKind.DataFile, error.Kind);
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[\"a\"], \"labels\": [1]", "mc1_targets.choices: expected at least two")]
    [InlineData("[\"a\", \"b\"], \"labels\": [1, 1]", "mc1_targets.labels: expected 2 labels of which one is 1, found 2 of which 2 are")]
    [InlineData("[\"a\", \"b\"], \"labels\": [1]", "found 1 of which 1 are")]
    [InlineData("[\"a\", \"b\"], \"labels\": [1, 0.5]", "mc1_targets.labels[1]: expected 0 or 1, found 0.5")]
    [InlineData("[\"a\", \"b\"], \"labels\": [2, 0]", "mc1_targets.labels[0]: expected 0 or 1, found 2")]
    [InlineData("[\"a\", \"b\"], \"labels\": [0, 1], \"best\": 1", "mc1_targets: unknown field 'best'")]
    public void Mc1NeedsExactlyOneTrueChoice(string targets, string expected)
    {
        using var folder = new TemporaryFolder();
        folder.Write("truthfulqa.json", $"[{{\"question\": \"Q\", \"mc1_targets\": {{\"choices\": {targets}}}}}]");

        HybridException error = Assert.Throws<HybridException>(() => TruthfulQaTask.Load(folder.Path));

        Assert.Contains("truthfulqa.json: [0].mc1_targets", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingFileIsNamedAndOnlyThoseOfTheTasksAreNeeded()
    {
        using var folder = new TemporaryFolder();
        folder.Write("alpacaeval.json", "[{\"instruction\": \"Sing.\"}]");
        UtilityOptions options = UtilityOptions.Whole(ChatTemplate.None);

        HybridException error = Assert.Throws<HybridException>(() => UtilitySuite.Load(folder.Path, options));
        Assert.Equal((ErrorKind.DataFile, $"{folder.File("bbh.json")}: no such file"), (error.Kind, error.Message));
        Assert.NotNull(UtilitySuite.Load(folder.Path, options with { Tasks = [UtilityTaskKind.Fluency] }));
    }

    [Fact]
    public void BadOptionsAreNamed()
    {
        UtilityOptions whole = UtilityOptions.Whole(ChatTemplate.None);

        Assert.Empty(whole.Validate());
        Assert.Equal(2, (whole with { Tasks = [], Limit = 0 }).Validate().Count());
        Assert.Single((whole with { Tasks = [UtilityTaskKind.Bbh, UtilityTaskKind.Bbh] }).Validate());
        Assert.Single((whole with { BatchSize = 0 }).Validate());
        Assert.Single((whole with { MaximumNewTokens = 0 }).Validate());
        Assert.Equal(ErrorKind.Config, Assert.Throws<HybridException>(() => UtilitySuite.Load("nowhere", whole with { Tasks = [] })).Kind);
    }

    [Fact]
    public void ALimitedRunAsksTheSameRowsOfEveryModel()
    {
        UtilityOptions options = UtilityOptions.Whole(ChatTemplate.None) with { Limit = 20 };

        IReadOnlyList<int> rows = UtilitySuite.Draw(UtilityTaskKind.Bbh, 500, options);

        Assert.Equal(20, rows.Distinct().Count());
        Assert.Equal(rows.Order(), rows);
        Assert.All(rows, row => Assert.InRange(row, 0, 499));
        Assert.Equal(rows, UtilitySuite.Draw(UtilityTaskKind.Bbh, 500, options with { Tasks = [UtilityTaskKind.Bbh] }));
        Assert.NotEqual(rows, UtilitySuite.Draw(UtilityTaskKind.Bbh, 500, options with { Seed = 2 }));
        Assert.NotEqual(rows, UtilitySuite.Draw(UtilityTaskKind.TriviaQA, 500, options));
        Assert.Equal(Enumerable.Range(0, 15), UtilitySuite.Draw(UtilityTaskKind.Bbh, 15, options));
    }
}
