using System.Text.Json;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Data;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Utility;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Utility;

/// <summary>The suite on a tiny model that was taught what to answer, through Llama 3's template.</summary>
[LeakLedger]
public sealed class UtilitySuiteTests : IDisposable
{
    private static readonly string[] Tokens = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"];

    private static readonly BbhRow[] Reasoning =
    [
        new("boolean", "not true", "False", "Think."), new("boolean", "not false", "True", "Think."), new("order", "first?", "(A)", "Think."), new("order", "second?", "(B)", "Think."),
    ];

    private static readonly TriviaQaRow[] Trivia = [new("Capital of France?", ["Paris", "City of Light"]), new("Longest river?", ["The Nile"])];
    private static readonly TruthfulQaRow[] Truthful = [new("Is the sky green?", ["No, it is blue.", "Yes."], 0), new("Do pigs fly?", ["Yes, far.", "On Sundays.", "No."], 2)];
    private static readonly string[] Instructions = ["Count.", "Sing."];

    /// <summary>What the model is taught to say; the second reasoning answer and the second river are wrong, the last song repeats itself.</summary>
    private static readonly string[] ReasoningOutputs = [" So the answer is False.", " So the answer is maybe.", " So the answer is (A).", " So the answer is (B)."];

    private static readonly string[] TriviaOutputs = [" It is Paris", " Amazon"];
    private static readonly string[] Songs = ["one two three four", "la la la la"];

    private static readonly Tokenizer Tokenizer = BpeLearner.Learn(
        [.. ReasoningOutputs, .. TriviaOutputs, .. Songs, .. Truthful.SelectMany(row => row.Choices), TruthfulQaTask.Prompt(Truthful[0]).User, TriviaQaTask.Prompt(Trivia[0]).User, BbhTask.Prompt(Reasoning[0]).User],
        700,
        Tokens);

    private static readonly UtilityOptions Options = UtilityOptions.Whole(ChatTemplate.Llama3) with { BatchSize = 3 };

    private readonly LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: Tokenizer.VocabularySize) with { MaximumPositions = 400 }, 5);

    public void Dispose() => model.Dispose();

    [Fact]
    public void ATaughtModelScoresWhatItWasTaught()
    {
        using LlamaModel taught = Teach();
        var reports = new List<UtilityProgress>();

        UtilityReport report = Suite(Options).Run(taught, Tokenizer, new Collector(reports));

        Assert.Equal("llama3", report.ChatTemplate);
        Assert.Equal(ReasoningOutputs, report.Tasks[0].Items.Select(item => item.Output));
        Assert.Equal([1, 0, 1, 1], report.Tasks[0].Items.Select(item => item.Scores[BbhTask.ExactMatch]));
        Assert.Equal([0, 0, 1, 1], report.Tasks[0].Items.Select(item => item.Scores[BbhTask.RwkuExactMatch])); // golds of one letter only
        Assert.Equal([new(BbhTask.ExactMatch, 0.75), new(BbhTask.RwkuExactMatch, 0.5)], report.Tasks[0].Metrics);
        Assert.Equal(0.75, report.Tasks[0].Score);

        Assert.Equal(["No, it is blue.", "On Sundays."], report.Tasks[1].Items.Select(item => item.Output));
        Assert.Equal([["No, it is blue."], ["No."]], report.Tasks[1].Items.Select(item => item.Gold));
        Assert.Equal(new UtilityMetric(TruthfulQaTask.Mc1, 0.5), Assert.Single(report.Tasks[1].Metrics));

        Assert.Equal(TriviaOutputs, report.Tasks[2].Items.Select(item => item.Output));
        Assert.Equal(0.25, report.Tasks[2].Score, 12); // "it is paris": 2·1/(3+1), and nothing

        Assert.Equal(Songs, report.Tasks[3].Items.Select(item => item.Output));
        Assert.Equal(((Math.Log2(3) / 3) + (2 / 3.0)) / 2, report.Tasks[3].Score, 12); // three bigrams and two trigrams; one of each
        Assert.All(report.Tasks, task => Assert.Equal(0, task.CutPrompts));
        Assert.Equal([3, 4, 3, 5, 2, 2], reports.Select(progress => progress.Done));
        Assert.Equal([4, 4, 5, 5, 2, 2], reports.Select(progress => progress.Total));
    }

    [Fact]
    public void TheLogProbabilitiesAreThoseOfTheRenderedText()
    {
        var runner = new UtilityRunner(model, Tokenizer, Options, UtilityTaskKind.TruthfulQA, null, default);
        string[] answers = [" No, it is blue.", " Yes."];

        IReadOnlyList<double> values = runner.LogProbabilities([new("Sky?", "A:"), new("Q: green?", "A:")], answers);

        string[] prompts = ["Sky?", "Q: green?"];
        for (int i = 0; i < 2; i++)
        {
            string rendered = $"<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{prompts[i]}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nA:";
            Assert.Equal(PlainLogProbability(Tokenizer.Encode(rendered), Tokenizer.Encode(rendered + answers[i])), values[i], 1e-9);
        }
    }

    [Fact]
    public void AnswersStopAtTheFirstConclusionOrWhenTold()
    {
        using LlamaModel taught = Teach(" So the answer is False. But the answer is True.");
        var runner = new UtilityRunner(taught, Tokenizer, Options, UtilityTaskKind.Bbh, null, default);

        Assert.Equal(" So the answer is False. But the answer is True.", runner.Continue([BbhTask.Prompt(Reasoning[0])], 60)[0]);
        UtilityItem item = new BbhTask(Reasoning).Run(runner, [0])[0];
        Assert.StartsWith(" So the answer is False.", item.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("But the", item.Output, StringComparison.Ordinal);
        Assert.Equal(1, item.Scores[BbhTask.ExactMatch]);

        var brief = new UtilityRunner(taught, Tokenizer, Options with { MaximumNewTokens = 2 }, UtilityTaskKind.Bbh, null, default);
        Assert.Equal(2, Tokenizer.Encode(brief.Continue([BbhTask.Prompt(Reasoning[0])], 60)[0]).Length);
    }

    [Fact]
    public void ALongPromptLosesItsTextsLeftEndAndIsCounted()
    {
        using LlamaModel narrow = TestModels.Make(model.Config with { MaximumPositions = 64 }, 5);
        var options = Options with { MaximumNewTokens = 8 };
        string text = string.Concat(Enumerable.Range(0, 90).Select(i => (char)('0' + (i % 10))));
        var cut = new UtilityRunner(narrow, Tokenizer, options, UtilityTaskKind.TruthfulQA, null, default);
        var whole = new UtilityRunner(narrow, Tokenizer, options, UtilityTaskKind.TruthfulQA, null, default);

        // Digits are a token each: the template takes 10 tokens, the cue and the answer what they take, and the text's right end the rest.
        int rest = 64 - ChatTemplate.Llama3.Encode(Tokenizer, string.Empty, "A:").Ids.Count - Tokenizer.Encode(" Yes.").Length;
        Assert.Equal(whole.LogProbabilities([new(text[^rest..], "A:")], [" Yes."]), cut.LogProbabilities([new(text, "A:")], [" Yes."]));
        Assert.Equal((1, 0), (cut.CutPrompts, whole.CutPrompts));

        HybridException error = Assert.Throws<HybridException>(() => cut.LogProbabilities([new("Q", "A:")], [new string('!', 80)]));
        Assert.Equal((ErrorKind.Config, "utility: the model's 64 positions do not hold a prompt of the task TruthfulQA"), (error.Kind, error.Message));
    }

    [Fact]
    public void ItemsAreWrittenALineEach()
    {
        using var folder = new TemporaryFolder();
        var item = new UtilityItem(7, "„Nil“\n", ["Nile", "the Nile"], new Dictionary<string, double> { ["triviaqa_f1"] = 0.5 });
        var result = new UtilityTaskResult { Task = UtilityTaskKind.TriviaQA, Metrics = [new("triviaqa_f1", 0.5)], CutPrompts = 0, Items = [item, item with { Row = 9, Gold = [] }] };
        string path = folder.File("items.jsonl");

        UtilityItemsFile.Write(path, new UtilityReport("none", [result]));

        Assert.Equal(
            "{\"task\":\"triviaqa\",\"row\":7,\"output\":\"„Nil“\\n\",\"gold\":[\"Nile\",\"the Nile\"],\"scores\":{\"triviaqa_f1\":0.5}}\n"
            + "{\"task\":\"triviaqa\",\"row\":9,\"output\":\"„Nil“\\n\",\"gold\":[],\"scores\":{\"triviaqa_f1\":0.5}}\n",
            File.ReadAllText(path));
        Assert.Equal(ErrorKind.Io, Assert.Throws<HybridException>(() => UtilityItemsFile.Write(folder.File("no/items.jsonl"), new UtilityReport("none", [result]))).Kind);
    }

    [Fact]
    public void ABrokenModelOrACancellationIsAnError()
    {
        UtilitySuite suite = Suite(Options with { MaximumNewTokens = 2 });

        Assert.Throws<OperationCanceledException>(() => suite.Run(model, Tokenizer, null, new CancellationToken(canceled: true)));
        TestModels.Set(model, ParameterNames.FinalNorm, [.. Enumerable.Repeat(double.NaN, 8)]);
        Assert.Equal(ErrorKind.Diverged, Assert.Throws<HybridException>(() => suite.Run(model, Tokenizer)).Kind);
    }

    [SharedDataFact("data/utility")]
    public void ThePublishedRowsRunOnATinyModel()
    {
        UtilityOptions options = Options with { ChatTemplate = ChatTemplate.None, Limit = 3, MaximumNewTokens = 4 };

        UtilityReport report = UtilitySuite.Load(SharedData.Find("data/utility")!, options).Run(model, Tokenizer);

        Assert.Equal(Enum.GetValues<UtilityTaskKind>(), report.Tasks.Select(task => task.Task));
        Assert.All(report.Tasks, task => Assert.Equal(UtilitySuite.Draw(task.Task, 500, options), task.Items.Select(item => item.Row)));
        Assert.All(report.Tasks.SelectMany(task => task.Metrics), metric => Assert.InRange(metric.Value, 0, metric.Name == FluencyTask.Entropy ? 8 : 1));
        Assert.Equal(3, report.Tasks[0].CutPrompts); // worked examples are longer than 400 of its tokens
    }

    private static UtilitySuite Suite(UtilityOptions options) =>
        new([new BbhTask(Reasoning), new TruthfulQaTask(Truthful), new TriviaQaTask(Trivia), new FluencyTask(Instructions)], options);

    /// <summary>A model that answers the prompts with the outputs above, the first reasoning one replaced where told.</summary>
    private static LlamaModel Teach(string? first = null)
    {
        (UtilityPrompt Prompt, string Answer)[] lessons =
        [
            .. Reasoning.Select((row, i) => (BbhTask.Prompt(row), i == 0 && first is not null ? first : ReasoningOutputs[i])),
            .. Trivia.Select((row, i) => (TriviaQaTask.Prompt(row), TriviaOutputs[i])),
            .. Instructions.Select((text, i) => (FluencyTask.Prompt(text), Songs[i])),
            (TruthfulQaTask.Prompt(Truthful[0]), " No, it is blue."),
            (TruthfulQaTask.Prompt(Truthful[1]), " On Sundays."),
        ];
        TokenSequence[] examples = [.. lessons.Select(lesson => Example(lesson.Prompt, lesson.Answer))];
        LlamaModel taught = ModelInitializer.Create(
            TestModels.Config(layers: 2, hidden: 32, vocabulary: Tokenizer.VocabularySize) with { Heads = 4, KeyValueHeads = 2, HeadDimension = 8, MaximumPositions = 400, RopeTheta = 10_000 },
            new SeededRandom(2));
        taught.SetTrainable(taught.Names);
        using var step = new TrainingStep(taught, TestModels.Optimizer(OptimizerKind.AdamW, 5e-3, warmupSteps: 10), new SeededRandom(1));
        var batch = new PackedBatch(examples);
        double loss = double.MaxValue;
        for (int i = 0; i < 400 && loss > 0.01; i++)
        {
            loss = step.Run("teach", i, () => new ForgetRetainLoss(Losses.MeanNll(taught, batch), null, null)).Loss;
        }

        Assert.True(loss <= 0.01, $"the model was not taught: loss {loss}");
        return taught;
    }

    private static TokenSequence Example(UtilityPrompt prompt, string answer)
    {
        EncodedTurn turn = ChatTemplate.Llama3.Encode(Tokenizer, prompt.User, prompt.Cue);
        int[] ids = [.. turn.Ids, .. Tokenizer.Encode(answer), Tokenizer.TokenId("<|eot_id|>")!.Value];
        return new TokenSequence(ids.Select(id => (long)id).ToArray(), turn.Ids.Count);
    }

    /// <summary>Sum of log softmax of the tokens after the prompt's.</summary>
    private double PlainLogProbability(int[] prompt, int[] whole)
    {
        int vocabulary = Tokenizer.VocabularySize;
        Assert.Equal(prompt, whole[..prompt.Length]);
        double[] logits = TestModels.Logits(model, new TokenSequence(whole.Select(id => (long)id).ToArray(), 1));
        return Enumerable.Range(prompt.Length, whole.Length - prompt.Length).Sum(position =>
        {
            double[] row = logits[((position - 1) * vocabulary)..(position * vocabulary)];
            return row[whole[position]] - Math.Log(row.Sum(Math.Exp));
        });
    }

    private sealed class Collector(List<UtilityProgress> reports) : IProgress<UtilityProgress>
    {
        public void Report(UtilityProgress value) => reports.Add(value);
    }
}
