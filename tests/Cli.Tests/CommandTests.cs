using System.Text.Json;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>What the commands that need little or no training print and write.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class CommandTests(TaughtFolder taught)
{
    [Fact]
    public void MakeBirthdays()
    {
        using var folder = new TemporaryFolder();
        string[] line = ["data", "make-birthdays", "--people", "7", "--seed", "3", "--out", folder.Path];

        CommandRun made = CommandRun.Good(line);
        Assert.Equal($"{folder.File("random_bd")}: 7 people to forget, 7 to retain\n", made.Output);
        CommandRun.Bad(17, line, "random_bd");
        string first = File.ReadAllText(folder.File("random_bd/split_0.jsonl"));
        JsonElement json = CommandRun.Good([.. line, "--overwrite", "--json"]).Json;
        Assert.Equal((7, 3), (json.GetProperty("people").GetInt32(), json.GetProperty("seed").GetInt32()));
        Assert.Equal(first, File.ReadAllText(folder.File("random_bd/split_0.jsonl")));
    }

    [Fact]
    public void Evaluate()
    {
        CommandRun run = CommandRun.Good(taught.Line("evaluate"));
        Assert.Matches(@"forget +│ +20 │ +[\d.]+ % │ +[\d.]+ % – [\d.]+ % │ +[\d.]+ %", run.Output);
        Assert.Empty(run.Error);

        JsonElement json = CommandRun.Good(taught.Line("evaluate", "--json")).Json;
        JsonElement forget = json.GetProperty("forget");
        Assert.Equal(taught.Report.Forget.Accuracy, forget.GetProperty("accuracy").GetDouble(), 1e-9);
        Assert.Equal(taught.Report.Forget.CalibratedAccuracy, forget.GetProperty("calibratedAccuracy").GetDouble(), 1e-9);
        Assert.InRange(forget.GetProperty("accuracy").GetDouble(), forget.GetProperty("low").GetDouble(), forget.GetProperty("high").GetDouble());
        Assert.Equal(20, json.GetProperty("retain").GetProperty("questions").GetInt32());
    }

    [Fact]
    public void JsonGoesToAFileBesideTheTable()
    {
        using var folder = new TemporaryFolder();

        CommandRun run = CommandRun.Good(taught.Line("evaluate", "--json", folder.File("result.json")));

        Assert.Contains("calibrated", run.Output, StringComparison.Ordinal);
        Assert.Equal("random-birthdays", JsonDocument.Parse(File.ReadAllText(folder.File("result.json"))).RootElement.GetProperty("dataset").GetString());
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Density()
    {
        string[] options = ["--blocks", "4", "--batch-size", "7"];
        CommandRun run = CommandRun.Good(taught.Line("density", options));
        Assert.Equal(4, run.Output.Split('\n').Count(line => line.Contains('█')));
        Assert.Contains("The choice of preset tiny cannot be made here: 2 blocks are to be re-inserted, 1 can be chosen of 4, the last 3 layers being ignored.", run.Output, StringComparison.Ordinal);

        JsonElement all = CommandRun.Good(taught.Line("density", [.. options, "--json"])).Json, mlp = CommandRun.Good(taught.Line("density", [.. options, "--mlp-only", "--form", "corpus", "--json"])).Json;
        double[] normalized = [.. all.GetProperty("layers").EnumerateArray().Select(layer => layer.GetProperty("normalized").GetDouble())];
        Assert.Equal(4, normalized.Length);
        Assert.Equal(1, normalized.Sum(), 1e-9);
        Assert.Equal((20, 60), (all.GetProperty("examples").GetInt32(), mlp.GetProperty("examples").GetInt32()));
        Assert.Equal("corpus", mlp.GetProperty("form").GetString());
        Assert.Equal([0, 1, 2, 3], all.GetProperty("layers").EnumerateArray().Select(layer => layer.GetProperty("block").GetInt32()));
    }

    [Fact]
    public void ALayerBeyondTheBlocksHasNone()
    {
        JsonElement json = CommandRun.Good(taught.Line("density", "--blocks", "3", "--json")).Json;

        Assert.Equal(JsonValueKind.Null, json.GetProperty("layers")[3].GetProperty("block").ValueKind);
        Assert.Equal(3, json.GetProperty("blocks").GetArrayLength());
    }

    [Fact]
    public void Inspect()
    {
        CommandRun run = CommandRun.Good("inspect", taught.Model, "--blocks", "3");
        Assert.Matches(@"weights +[\d,]+ bytes, float32\n", run.Output);
        Assert.Contains("3 blocks of 1 layers: 0, 1, 2\n              the last 1 layers belong to no block", run.Output, StringComparison.Ordinal);

        JsonElement json = CommandRun.Good("inspect", taught.Model, "--json").Json;
        Assert.Equal(new FileInfo(Path.Combine(taught.Model, "model.safetensors")).Length, json.GetProperty("bytes").GetInt64());
        Assert.Equal((4, 450), (json.GetProperty("architecture").GetProperty("layers").GetInt32(), json.GetProperty("architecture").GetProperty("vocabularySize").GetInt32()));
        Assert.Equal(39, json.GetProperty("tensors").GetInt32());
        Assert.Equal(4, json.GetProperty("blockPlan").GetProperty("blocks").GetInt32());
        CommandRun.Bad(14, ["inspect", taught.Model, "--blocks", "5"], "4 layers cannot be cut into 5 blocks");
    }

    [Fact]
    public void TokenizeText()
    {
        CommandRun folder = CommandRun.Good("tokenize", "--tokenizer", taught.Model, "--text", "A. 1950");
        CommandRun file = CommandRun.Good("tokenize", "--tokenizer", Path.Combine(taught.Model, "tokenizer.json"), "--text", "A. 1950", "--json");

        Assert.Matches(@"\A\d+( \d+)*\n\z", folder.Output);
        Assert.Equal(folder.Output.Trim(), string.Join(' ', file.Json.GetProperty("ids").EnumerateArray()));
    }

    [Fact]
    public void TokenizeVectors()
    {
        using var folder = new TemporaryFolder();
        string ids = CommandRun.Good("tokenize", "--tokenizer", taught.Model, "--text", "Answer: B").Output.Trim().Replace(' ', ',');
        File.WriteAllText(folder.File("good.jsonl"), $$"""{"text": "Answer: B", "ids": [{{ids}}]}""" + "\n");
        File.WriteAllText(folder.File("bad.jsonl"), $$"""{"text": "Answer: B", "ids": [{{ids}}]}""" + "\n" + $$"""{"text": "Answer:\tB", "ids": [{{ids}}]}""" + "\n");

        Assert.Equal("1 of 1 match\n", CommandRun.Good("tokenize", "--tokenizer", taught.Model, "--vectors", folder.File("good.jsonl")).Output);
        CommandRun bad = CommandRun.Of("tokenize", "--tokenizer", taught.Model, "--vectors", folder.File("bad.jsonl"));
        Assert.Equal(18, bad.Code);
        Assert.Matches(@"\A1 of 2 match\nline 2: ""Answer:\\tB"": from id \d+ on expected \[[\d ]+\], got \[[\d ]+\]\n\z", bad.Output);
        Assert.Matches(@"\Ahybrid: .*bad.jsonl: 1 of 2 texts have other ids\n\z", bad.Error);
        CommandRun json = CommandRun.Of("tokenize", "--tokenizer", taught.Model, "--vectors", folder.File("bad.jsonl"), "--json");
        Assert.Equal((18, 2), (json.Code, json.Json.GetProperty("mismatches")[0].GetProperty("line").GetInt32()));

        File.WriteAllText(folder.File("bad.jsonl"), "{}\n");
        CommandRun.Bad(13, ["tokenize", "--tokenizer", taught.Model, "--vectors", folder.File("bad.jsonl")], "bad.jsonl:1:");
        CommandRun.Bad(19, ["tokenize", "--tokenizer", folder.File("none.json"), "--text", "a"], "none.json", "no such file");
    }

    [Fact]
    public void Parity()
    {
        string folder = RepositoryFolder.PathOf("tests/assets/parity");

        Assert.DoesNotContain("DIFFERS", CommandRun.Good("parity", folder).Output, StringComparison.Ordinal);
        JsonElement json = CommandRun.Good("parity", folder, "--json").Json;
        Assert.True(json.GetProperty("passed").GetBoolean());
        Assert.All(json.GetProperty("rows").EnumerateArray(), row => Assert.True(row.GetProperty("passed").GetBoolean()));
    }

    [Fact]
    public void ParityFailsWhereNumbersDiffer()
    {
        using var folder = new TemporaryFolder();
        string copy = TaughtFolder.Copy(RepositoryFolder.PathOf("tests/assets/parity"), folder.File("parity"));
        byte[] weights = File.ReadAllBytes(Path.Combine(copy, "model.safetensors"));
        weights[^2] ^= 0x40; // the exponent of the last element
        File.WriteAllBytes(Path.Combine(copy, "model.safetensors"), weights);

        CommandRun run = CommandRun.Of("parity", copy);

        Assert.Equal(18, run.Code);
        Assert.Contains("DIFFERS", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"\Ahybrid: .*: \d+ of \d+ quantities differ by more than the tolerance\n\z", run.Error);
    }
}
