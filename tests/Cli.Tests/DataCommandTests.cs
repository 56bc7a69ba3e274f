using System.Text.Json;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary><c>hybrid data check</c> and <c>hybrid data stats</c>, and a dataset of the user's own on every command.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class DataCommandTests(TaughtFolder taught) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string[] Check => ["data", "check", "--dataset", "random-birthdays", "--data", folder.File("data")];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void CheckFindsNothingInAMadeSet()
    {
        TaughtFolder.Copy(taught.Data, folder.File("data"));

        CommandRun run = CommandRun.Good([.. Check, "--strict"]);
        Assert.StartsWith($"random-birthdays: {folder.File("data/random_bd")}: 44 files, 500 rows, nothing found\n", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"forget +│ +20 │ +20 │ +0 │ +0 │ +0 │ +0", run.Output);
        Assert.DoesNotContain("what it is", run.Output, StringComparison.Ordinal);

        JsonElement report = CommandRun.Good([.. Check, "--json", "-"]).Json;
        Assert.Equal(20, report.GetProperty("forget").GetProperty("distinct").GetInt32());
        Assert.Equal(40, report.GetProperty("all").GetProperty("questions").GetInt32());
        Assert.Equal(0, report.GetProperty("findings").GetArrayLength());
        Assert.Equal(5, report.GetProperty("folds").GetArrayLength());
        Assert.Equal(10, report.GetProperty("texts").GetArrayLength());
    }

    [Fact]
    public void StrictEndsWith13AfterTheReport()
    {
        TaughtFolder.Copy(taught.Data, folder.File("data"));
        string first = folder.File("data/random_bd/split_0.jsonl"), second = folder.File("data/random_bd/split_1.jsonl");
        File.AppendAllText(second, File.ReadLines(first).First() + "\n" + """{"text": "?"}""" + "\n");
        File.WriteAllText(folder.File("data/random_bd/notes.md"), "x");

        CommandRun plain = CommandRun.Good(Check);
        CommandRun strict = CommandRun.Of([.. Check, "--strict"]);

        const string Summary = "4 findings: 1 faulty-line, 1 repeated-question, 1 leaked-question, 1 question-without-text";
        Assert.Contains($"44 files, 501 rows, {Summary}\n", plain.Output, StringComparison.Ordinal);
        Assert.Matches(@"split_0 +│ +4 │ +1 │ +3 +\n", plain.Output);
        Assert.Matches(@"faulty-line +│ +1 │ 1 missing-field", plain.Output);
        Assert.Contains($"{second}:6: no field 'question'; expected a string\n", plain.Output, StringComparison.Ordinal);
        Assert.Contains($"{folder.File("data/random_bd/notes.md")}: not read, it belongs to no part of the dataset\n", plain.Output, StringComparison.Ordinal);
        Assert.Equal((13, plain.Output), (strict.Code, strict.Output));
        Assert.Equal($"hybrid: {folder.File("data/random_bd")}: dataset random-birthdays has {Summary}\n", strict.Error);

        CommandRun json = CommandRun.Of([.. Check, "--strict", "--json"]);
        Assert.Equal(13, json.Code);
        Assert.Equal(
            ["faulty-line 1", "repeated-question 1", "leaked-question 1", "question-without-text 1"],
            json.Json.GetProperty("findings").EnumerateArray().Select(finding => $"{finding.GetProperty("kind").GetString()} {finding.GetProperty("count").GetInt32()}"));
        Assert.Equal(1, json.Json.GetProperty("folds")[0].GetProperty("inTraining").GetInt32());
        Assert.Equal("split_1", json.Json.GetProperty("texts")[1].GetProperty("split").GetString());
        Assert.Equal(1, json.Json.GetProperty("texts")[1].GetProperty("questionsWithoutText").GetInt32());
    }

    [Fact]
    public void Stats()
    {
        string[] stats = ["data", "stats", "--dataset", "random-birthdays", "--data", taught.Data, "--tokenizer", taught.Model];

        CommandRun run = CommandRun.Good(stats);
        Assert.Matches(@"forget +│ split_0 +│ +4 │ +4 │ ", run.Output);
        Assert.Matches(@"wrong +│ +60 │ +60", run.Output);
        Assert.Matches(@"retain +│ letter-answer +│ +20 │ +\d+ │ +\d+ │ +\d+ │ +\d+ │ +0 │ .*█", run.Output);

        JsonElement json = CommandRun.Good([.. stats, "--json"]).Json;
        Assert.Equal("random-birthdays", json.GetProperty("dataset").GetString());
        Assert.Equal(7, json.GetProperty("questions").GetArrayLength());
        Assert.Equal(4, json.GetProperty("questions")[0].GetProperty("answers").EnumerateArray().Sum(count => count.GetInt32()));
        JsonElement prompt = json.GetProperty("lengths")[0];
        Assert.Equal(("forget", "prompt", 20), (prompt.GetProperty("part").GetString(), prompt.GetProperty("form").GetString(), prompt.GetProperty("examples").GetInt32()));
        Assert.InRange(prompt.GetProperty("median").GetInt32(), prompt.GetProperty("minimum").GetInt32(), prompt.GetProperty("percentile95").GetInt32());
        Assert.Equal(20, prompt.GetProperty("histogram").EnumerateArray().Sum(bin => bin.GetInt32()));

        CommandRun.Bad(2, stats[..^2], "--tokenizer");
        CommandRun.Bad(19, [.. stats[..^1], folder.File("none.json")], "none.json");
    }

    [Fact]
    public void AUsersDatasetServesEveryCommand()
    {
        string own = TaughtFolder.Copy(Path.Combine(taught.Data, "random_bd"), folder.File("own"));
        File.WriteAllText(Path.Combine(own, "dataset.yaml"), """
            name: mine
            forget-questions: [split_0.jsonl, split_1.jsonl]
            forget-text: [corpus_split_0.jsonl, corpus_split_1.jsonl]
            retain-text: [corpus_split_5.jsonl]
            retain-questions: [split_5.jsonl, split_6.jsonl]
            """);
        string[] input = ["--model", taught.Model, "--dataset", own];

        JsonElement evaluated = CommandRun.Good(["evaluate", .. input, "--json"]).Json;
        Assert.Equal(("mine", 8), (evaluated.GetProperty("dataset").GetString(), evaluated.GetProperty("forget").GetProperty("questions").GetInt32()));
        Assert.Equal(24, CommandRun.Good(["density", .. input, "--form", "corpus", "--blocks", "4", "--json"]).Json.GetProperty("examples").GetInt32());
        JsonElement attacked = CommandRun.Good(["attack", .. input, "--epochs", "1", "--learning-rates", "1e-5", "--json"]).Json;
        Assert.Equal(2, attacked.GetProperty("folds").GetArrayLength());
        Assert.Equal(
            2, CommandRun.Good(["unlearn", .. input, "--method", "gd", "--epochs", "1", "--batch-size", "4", "--out", folder.File("out"), "--json"]).Json.GetProperty("steps").GetInt32());
        Assert.Equal("mine", CommandRun.Good("data", "check", "--dataset", own, "--json").Json.GetProperty("dataset").GetString());
        Assert.Equal(2, CommandRun.Good("data", "stats", "--dataset", own, "--tokenizer", taught.Model, "--json").Json.GetProperty("texts").GetArrayLength());
        Assert.Equal("mine", CommandRun.Good("learn", "--dataset", own, "--out", folder.File("taught"), "--epochs", "1", "--json").Json.GetProperty("dataset").GetString());
    }

    [Fact]
    public void APartThatAUsersDatasetLacksIsNamed()
    {
        string own = TaughtFolder.Copy(Path.Combine(taught.Data, "random_bd"), folder.File("own"));
        File.WriteAllText(Path.Combine(own, "dataset.yaml"), "name: mine\nforget-questions: [split_0.jsonl]\nretain-questions: [split_5.jsonl]\n");
        string[] input = ["--model", taught.Model, "--dataset", own];

        CommandRun.Bad(17, ["density", .. input, "--form", "corpus", "--blocks", "4"], "own/dataset.yaml: has no key 'forget-text', which is needed here");
        CommandRun.Bad(15, ["attack", .. input], "the RTT attack needs at least 2 forget splits");
        Assert.Equal(8, CommandRun.Good(["evaluate", .. input, "--retain-questions", TwoRetainSplits(own), "--json"]).Json.GetProperty("retain").GetProperty("questions").GetInt32());
    }

    private string TwoRetainSplits(string own)
    {
        string path = folder.File("retain.jsonl");
        File.WriteAllLines(path, File.ReadLines(Path.Combine(own, "split_5.jsonl")).Concat(File.ReadLines(Path.Combine(own, "split_6.jsonl"))));
        return path;
    }
}
