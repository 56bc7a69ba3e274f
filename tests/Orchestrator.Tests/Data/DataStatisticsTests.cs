using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Data;

public sealed class DataStatisticsTests
{
    private const string Llama3 = "data/llama3-tokenizer/tokenizer.json";
    private const string Rtt = "data/rtt";

    [Fact]
    public void CountsByHand()
    {
        // "ab" is one token, every other letter one each; one begin-of-text token stands before each example.
        Tokenizer tokenizer = BpeLearner.Learn(["ab ab"], 259, BpeLearner.Llama3SpecialTokens);
        Assert.Equal([256, 'c'], tokenizer.Encode("abc"));
        var dataset = new UnlearningDataset
        {
            Name = "mine",
            ForgetSplits = [new() { Name = "a", Questions = [Ask("ab?", 0), Ask("ab?", 3)] }, new() { Name = "b", Questions = [Ask("ab ab ab?", 3)] }],
            ForgetText = TextCorpus.Of(["ab", "abc", "ab", "abcdefgh"]),
            WrongText = TextCorpus.Absent("not there"),
            RetainText = TextCorpus.Of([new string('c', 511), new string('c', 512)]),
            RetainQuestions = [Ask("ab?", 1)],
            DevQuestions = [],
        };

        DataStatistics statistics = DataStatistics.Of(dataset, tokenizer);

        Assert.Equal("mine", statistics.Dataset);
        Assert.Equal(
            [("forget", "a", 2, 1, "1 0 0 1"), ("forget", "b", 1, 1, "0 0 0 1"), ("retain", "retain", 1, 1, "0 1 0 0")],
            statistics.Questions.Select(split => (split.Part, split.Split, split.Questions, split.Distinct, string.Join(' ', split.Answers))));
        Assert.Equal([new("forget", 4, 3), new("retain", 2, 2)], statistics.Texts);

        // "ab?" + 4 × "\nA. w" + "\nAnswer:" is 2 + 4·5 + 8 tokens, " A. w" is 5; " ab" is a blank and "ab".
        Assert.Equal(
            [
                ("forget", "prompt", 3, 31, 31, 35, 35, 0, "0 0 2 1 0 0 0 0"),
                ("forget", "question-letter-answer", 3, 36, 36, 40, 40, 0, "0 0 0 3 0 0 0 0"),
                ("forget", "letter-answer", 3, 36, 36, 40, 40, 0, "0 0 0 3 0 0 0 0"),
                ("retain", "prompt", 1, 31, 31, 31, 31, 0, "0 0 1 0 0 0 0 0"),
                ("retain", "question-letter-answer", 1, 36, 36, 36, 36, 0, "0 0 0 1 0 0 0 0"),
                ("retain", "letter-answer", 1, 36, 36, 36, 36, 0, "0 0 0 1 0 0 0 0"),
                ("forget", "corpus", 4, 2, 2, 8, 8, 0, "4 0 0 0 0 0 0 0"),
                ("retain", "corpus", 2, 512, 512, 513, 513, 1, "0 0 0 0 0 0 1 1"),
            ],
            statistics.Lengths.Select(row => (row.Part, row.Form, row.Examples, row.Minimum, row.Median, row.Percentile95, row.Maximum, row.Cut, string.Join(' ', row.Histogram))));
    }

    [Fact]
    public void RanksAreTheNearest()
    {
        TokenLengths even = TokenLengths.Of("forget", "corpus", Enumerable.Range(1, 100).Reverse());
        Assert.Equal((1, 50, 95, 100), (even.Minimum, even.Median, even.Percentile95, even.Maximum));
        Assert.Equal([8, 8, 16, 32, 36, 0, 0, 0], even.Histogram);

        TokenLengths odd = TokenLengths.Of("forget", "corpus", [3, 1, 2]);
        Assert.Equal((2, 3), (odd.Median, odd.Percentile95));
    }

    [Fact]
    public void WhatAnErrorHidesBehindAPartIsNotHidden()
    {
        using var folder = new TemporaryFolder();
        string made = BirthdayMaker.Write(folder.Path, 5, 1);
        File.Delete(Path.Combine(made, "whp_corpus_split_2.jsonl"));
        Tokenizer tokenizer = BpeLearner.Learn(["ab ab"], 259, BpeLearner.Llama3SpecialTokens);

        HybridException error = Assert.Throws<HybridException>(() => DataStatistics.Of(DatasetCatalog.Load("random-birthdays", folder.Path), tokenizer));

        Assert.Equal($"{Path.Combine(made, "whp_corpus_split_2.jsonl")}: no such file", error.Message);
    }

    [SharedDataFact(Llama3)]
    public void BirthdaysAreShortUnderLlama3sTokenizer()
    {
        UnlearningDataset dataset = BirthdayMaker.Make(20, 1);
        Tokenizer tokenizer = Tokenizer.Load(SharedData.Find(Llama3)!);

        TokenLengths prompt = DataStatistics.Of(dataset, tokenizer).Lengths[0];

        int[] expected = [.. dataset.ForgetQuestions.Select(question => 1 + tokenizer.Encode(McqPrompt.Render(question)).Length).Order()];
        Assert.Equal((expected[0], expected[9], expected[18], expected[19], 0), (prompt.Minimum, prompt.Median, prompt.Percentile95, prompt.Maximum, prompt.Cut));
    }

    [SharedDataFact(Rtt)]
    public void RightAnswersOfThePublishedSetsStandEverywhere()
    {
        Tokenizer tokenizer = BpeLearner.Learn(["ab ab"], 259, BpeLearner.Llama3SpecialTokens);

        DataStatistics statistics = DataStatistics.Of(DatasetCatalog.Load("random-birthdays", SharedData.Find(Rtt)!), tokenizer);

        Assert.Equal([152, 152, 153, 155, 153, 753, 10], statistics.Questions.Select(split => split.Distinct));
        Assert.Equal([36, 42, 42, 37], statistics.Questions[0].Answers);
        Assert.Equal([new("forget", 2355, 2351), new("wrong", 2127, 2126), new("retain", 2355, 2354)], statistics.Texts);
    }

    private static MultipleChoiceQuestion Ask(string question, int answer) => new() { Question = question, Choices = ["w", "x", "y", "z"], Answer = answer };
}
