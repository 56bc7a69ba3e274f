using System.Text.Json;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary><c>hybrid attack</c>: the three attacks, jobs side by side, files of finished jobs, events.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class AttackCommandTests(TaughtFolder taught) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void JobsSideBySideAreKeptAndTakenAgain()
    {
        string curves = folder.File("curves");
        string[] line = taught.Line("attack", "--folds", "0,3", "--learning-rates", "1e-3,1e-4", "--epochs", "2", "--json");
        JsonElement plain = CommandRun.Good([.. line, "--threads", "1"]).Json;

        JsonElement first = CommandRun.Good([.. line, "--threads", "2", "--jobs", "2", "--out", curves]).Json;
        CommandRun again = CommandRun.Good([.. line, "--threads", "3", "--jobs", "3", "--out", curves]);

        Assert.Equal(plain.GetProperty("curves").GetRawText(), first.GetProperty("curves").GetRawText()); // one thread a job, both times
        Assert.Equal(first.GetProperty("curves").GetRawText(), again.Json.GetProperty("curves").GetRawText());
        Assert.Empty(again.Error); // not a step was made
        Assert.Equal(
            ["fold0-rate1e-3.json", "fold0-rate1e-4.json", "fold3-rate1e-3.json", "fold3-rate1e-4.json", "run.json"],
            Directory.GetFiles(curves).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        CommandRun.Bad(17, [.. line, "--threads", "1", "--out", curves, "--seed", "2"], "curves/fold0-rate1e-3.json: of an attack with seed 1, not 2");
        CommandRun.Bad(17, [.. line, "--threads", "1", "--out", curves, "--batch-size", "7"], "fold0-rate1e-3.json: of an attack with settings");
        CommandRun.Bad(17, [.. line, "--threads", "2", "--out", curves], "fold0-rate1e-3.json: of an attack with threads 1, not 2");
    }

    [Fact]
    public void AModelThatWasReplacedIsAnotherAttack()
    {
        string model = TaughtFolder.Copy(taught.Model, folder.File("model"));
        string[] line = ["attack", "--model", model, "--dataset", "random-birthdays", "--data", taught.Data, "--folds", "1,", "--learning-rates", "1e-4", "--epochs", "1", "--out", folder.File("kept")];
        CommandRun.Good(line);
        string again = CommandRun.Good(line).Output;
        Assert.Contains("1 of 1 jobs were finished before and taken from", again, StringComparison.Ordinal);
        Assert.DoesNotContain("memory of tensors", again, StringComparison.Ordinal); // nothing was trained
        Assert.Equal(JsonValueKind.Null, CommandRun.Good([.. line, "--json"]).Json.GetProperty("memory").ValueKind);

        string weights = Path.Combine(model, "model.safetensors");
        File.WriteAllBytes(weights, File.ReadAllBytes(weights)); // the same bytes at another time: who knows
        File.SetLastWriteTimeUtc(weights, DateTime.UtcNow.AddSeconds(5));
        CommandRun.Bad(17, line, "kept/fold1-rate1e-4.json: of an attack with inputFiles");
    }

    [Fact]
    public void TheReportNamesHitsBestEpochAndInterval()
    {
        JsonElement json = CommandRun.Good(taught.Line("attack", "--folds", "0,3", "--learning-rates", "1e-3", "--epochs", "2", "--json")).Json;

        JsonElement curve = json.GetProperty("curves")[1];
        Assert.Equal((3, JsonValueKind.Null, 3), (curve.GetProperty("fold").GetInt32(), curve.GetProperty("diverged").ValueKind, curve.GetProperty("hits").GetArrayLength()));
        Assert.All(curve.GetProperty("hits").EnumerateArray().Zip(curve.GetProperty("accuracies").EnumerateArray()), pair =>
        {
            Assert.Matches(@"\A[01]{4}\z", pair.First.GetString());
            Assert.Equal(pair.First.GetString()!.Count(letter => letter == '1') / 4.0, pair.Second.GetDouble());
        });
        Assert.InRange(json.GetProperty("bestEpoch").GetInt32(), 1, 2);
        Assert.InRange(json.GetProperty("accuracy").GetDouble(), json.GetProperty("low").GetDouble(), json.GetProperty("high").GetDouble());
        Assert.Equal("rtt", json.GetProperty("attack").GetString());
    }

    [Fact]
    public void ADivergingRateIsShownAndNoError()
    {
        CommandRun run = CommandRun.Good(taught.Line("attack", "--folds", "1", "--learning-rates", "1e-4,1e30", "--epochs", "1"));

        Assert.Matches(@"1e\+30 +│ +[\d.]+ % +│ +diverged", run.Output);
        CommandRun none = CommandRun.Of(taught.Line("attack", "--folds", "1", "--learning-rates", "1e30", "--epochs", "1", "--json"));
        Assert.Equal((16, string.Empty), (none.Code, none.Output));
        Assert.Matches(@"\nhybrid: every learning rate diverged; the first: attack split_0 at 1.0e\+30: [^\n]+\n\z", none.Error);
    }

    [Fact]
    public void Quantization()
    {
        byte[] weights = File.ReadAllBytes(Path.Combine(taught.Model, "model.safetensors"));
        CommandRun run = CommandRun.Good(taught.Line("attack", "--attack", "quantization", "--bits", "8,2"));
        Assert.Matches(@"forget +│ +20 │", run.Output);
        Assert.Matches(@"retain, 2 bits +│ +20 │", run.Output);

        JsonElement json = CommandRun.Good(taught.Line("attack", "--attack", "quantization", "--json")).Json;
        Assert.Equal((128, "quantization"), (json.GetProperty("groupSize").GetInt32(), json.GetProperty("attack").GetString()));
        Assert.Equal([8, 4], json.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("bits").GetInt32()));
        double before = json.GetProperty("forget").GetProperty("accuracy").GetDouble();
        Assert.Equal(taught.Report.Forget.Accuracy, before, 1e-9);
        Assert.InRange(json.GetProperty("results")[0].GetProperty("forget").GetProperty("accuracy").GetDouble(), before - 0.1, 1);
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(taught.Model, "model.safetensors")));

        CommandRun.Bad(17, taught.Line("attack", "--attack", "quantization", "--bits", "4,9"), "attack: bits 9 must lie in 2 … 8");
        CommandRun.Bad(17, taught.Line("attack", "--attack", "quantization", "--epochs", "2"), "--epochs: attack quantization has no such setting");
        CommandRun.Bad(17, taught.Line("attack", "--bits", "4"), "--bits: attack rtt has no such setting");
        CommandRun.Bad(ExitCode.Usage, taught.Line("attack", "--attack", "quantization", "--bits", "4,x"), "--bits: '4,x' is not whole numbers above 0");
    }

    [Fact]
    public void RetainRelearning()
    {
        string[] line = taught.Line("attack", "--attack", "retain-relearning", "--learning-rates", "1e-4", "--epochs", "2", "--max-examples", "8", "--batch-size", "4");
        CommandRun run = CommandRun.Good(line);
        Assert.Contains("Accuracy on all 20 forget questions while 8 retain texts are trained on:\n", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"recovery +[+-]?\d+\.\d points over ", run.Output);

        JsonElement json = CommandRun.Good([.. line, "--out", folder.File("c"), "--json"]).Json;
        Assert.Equal((8, 20, 3), (json.GetProperty("examples").GetInt32(), json.GetProperty("questions").GetInt32(), json.GetProperty("curves")[0].GetProperty("hits").GetArrayLength()));
        Assert.Equal(taught.Report.Forget.Accuracy, json.GetProperty("accuracyBefore").GetDouble(), 1e-9);
        Assert.Equal("fold0-rate1e-4.json", Path.GetFileName(Directory.GetFiles(folder.File("c"), "fold*").Single()));
        CommandRun.Bad(17, taught.Line("attack", "--learning-rates", "1e-4", "--folds", "1", "--epochs", "2", "--out", folder.File("c")), "fold0-rate1e-4.json: of an attack with settings");
    }

    [Fact]
    public void EventsAreWrittenBesideTheResult()
    {
        string events = folder.File("events");
        CommandRun.Good(taught.Line("attack", "--folds", "1", "--learning-rates", "1e-4", "--epochs", "1", "--events", events));
        CommandRun.Good(taught.Line("unlearn", "--method", "gd", "--epochs", "1", "--out", folder.File("gd"), "--events", events));
        CommandRun.Good("learn", "--dataset", "random-birthdays", "--data", taught.Data, "--out", folder.File("m"), "--epochs", "1", "--events", events);

        string[] files = Directory.GetFiles(events);
        Assert.Equal(3, files.Length);
        Assert.All(files, file => Assert.StartsWith("events.out.tfevents.", Path.GetFileName(file), StringComparison.Ordinal));
        string all = string.Concat(files.Select(file => System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(file))));
        Assert.All(new[] { "attack split_0 at 1.0e-4/loss", "/forget-nll", "/retain-nll", "teach/loss" }, tag => Assert.Contains(tag, all, StringComparison.Ordinal));

        File.WriteAllText(folder.File("x"), string.Empty);
        CommandRun.Bad(19, taught.Line("attack", "--folds", "1", "--events", folder.File("x")), "events cannot be written");
    }

    [Fact]
    public void EvaluateTellsLikelihoodAndTheRetainTexts()
    {
        CommandRun run = CommandRun.Good(taught.Line("evaluate", "--text-nll"));
        Assert.Matches(@"set +│ .*calibrated +│ +likelihood", run.Output);
        Assert.Matches(@"retain text: \d+\.\d{4} nats a token over \d+ tokens, perplexity \d", run.Output);

        JsonElement plain = CommandRun.Good(taught.Line("evaluate", "--json")).Json, text = CommandRun.Good(taught.Line("evaluate", "--text-nll", "--json")).Json;
        Assert.InRange(plain.GetProperty("retain").GetProperty("likelihoodAccuracy").GetDouble(), 0, 1);
        Assert.Equal(JsonValueKind.Null, plain.GetProperty("retainTextNll").ValueKind);
        Assert.InRange(text.GetProperty("retainTextNll").GetDouble(), 0.1, 30);
    }
}
