using System.Text.Json;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>The commands that train, one after the other on what the one before left.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class PipelineTests(TaughtFolder taught) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void LearnMakesAModelThatTheOthersTake()
    {
        string[] line = ["learn", "--dataset", "random-birthdays", "--data", taught.Data, "--out", folder.File("m"), "--epochs", "1", "--seed", "9"];
        JsonElement json = CommandRun.Good([.. line, "--json"]).Json;
        Assert.Equal((1, 9, "tiny"), (json.GetProperty("epochs").GetInt32(), json.GetProperty("seed").GetInt32(), json.GetProperty("preset").GetString()));
        Assert.Equal(20, json.GetProperty("forget").GetProperty("questions").GetInt32());
        Assert.True(json.GetProperty("seconds").GetDouble() > 0);

        CommandRun run = CommandRun.Good([.. line, "--overwrite"]);
        Assert.Matches(@"m: [\d,]+ parameters, \d+ tokens, taught in 1 passes with preset tiny, [\d.]+ s\n", run.Output);
        Assert.Matches(@"^teach  1/\d+  loss \d", run.Error);
        Assert.Equal(["m"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName));
        Assert.Equal(json.GetProperty("parameters").GetInt64(), CommandRun.Good("inspect", folder.File("m"), "--json").Json.GetProperty("parameters").GetInt64());
    }

    [Fact]
    public void BFloat16WeightsAreTrainedAndSavedAsSuch()
    {
        string model = folder.File("half");
        JsonElement done = CommandRun.Good(taught.Line("unlearn", "--method", "gd", "--out", model, "--learning-rate", "1e-3", "--epochs", "2", "--batch-size", "5", "--dtype", "bfloat16", "--json")).Json;
        Assert.InRange(done.GetProperty("shareChanged").GetDouble(), 0.2, 1);

        JsonElement types = CommandRun.Good("inspect", model, "--json").Json.GetProperty("elementTypes");
        Assert.Equal(["bfloat16"], types.EnumerateArray().Select(type => type.GetString()));

        string[] input = ["--model", model, "--dataset", "random-birthdays", "--data", taught.Data];
        double wide = Accuracy("float32"), narrow = Accuracy("bfloat16");
        Assert.InRange(narrow, wide - 0.15, wide + 0.15);

        double Accuracy(string type) => CommandRun.Good(["evaluate", .. input, "--dtype", type, "--json"]).Json.GetProperty("forget").GetProperty("accuracy").GetDouble();
    }

    [Fact]
    public void GradientDifferenceThenAttackThenEvaluate()
    {
        string model = folder.File("gd");
        JsonElement done = CommandRun.Good(taught.Line("unlearn", "--method", "gd", "--out", model, "--learning-rate", "3e-3", "--epochs", "6", "--batch-size", "5", "--retain-coefficient", "1", "--json")).Json;
        Assert.Equal((24, 20, 20, "tiny"), (done.GetProperty("steps").GetInt32(), done.GetProperty("forgetExamples").GetInt32(), done.GetProperty("retainExamples").GetInt32(), done.GetProperty("preset").GetString()));
        Assert.InRange(done.GetProperty("shareChanged").GetDouble(), 0.5, 1);
        Assert.Equal(0, done.GetProperty("rounds").GetArrayLength());
        Assert.Equal(3e-3, done.GetProperty("settings").GetProperty("gd").GetProperty("optimizer").GetProperty("learning-rate").GetDouble());

        string[] input = ["--model", model, "--dataset", "random-birthdays", "--data", taught.Data];
        JsonElement after = CommandRun.Good(["evaluate", .. input, "--json"]).Json;
        double forget = after.GetProperty("forget").GetProperty("accuracy").GetDouble();
        Assert.True(forget < taught.Report.Forget.Accuracy, $"{forget}");

        byte[] bytes = File.ReadAllBytes(Path.Combine(model, "model.safetensors"));
        string[] attack = ["attack", .. input, "--folds", "0,3", "--learning-rates", "1e-3,1e-4", "--epochs", "2"];
        JsonElement report = CommandRun.Good([.. attack, "--json", "-"]).Json;
        Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(model, "model.safetensors")));
        Assert.Equal(forget, report.GetProperty("accuracyUnlearned").GetDouble(), 1e-9);
        double before = report.GetProperty("means")[0].GetProperty("accuracies")[0].GetDouble();
        Assert.Equal(before, report.GetProperty("accuracyBefore").GetDouble(), 1e-9);
        Assert.Equal(report.GetProperty("accuracy").GetDouble() - before, report.GetProperty("recovery").GetDouble(), 1e-9);
        Assert.Equal(4, report.GetProperty("curves").GetArrayLength());
        Assert.Equal([1e-4, 1e-3], report.GetProperty("means").EnumerateArray().Select(mean => mean.GetProperty("learningRate").GetDouble()));
        Assert.Equal([0, 3], report.GetProperty("folds").EnumerateArray().Select(fold => fold.GetProperty("fold").GetInt32()));
        Assert.Equal(0, report.GetProperty("folds")[0].GetProperty("leftOut").GetInt32());

        string text = CommandRun.Good(attack).Output;
        Assert.Matches(@"rate +│ +before +│ +epoch 1 +│ +epoch 2", text);
        Assert.Contains("fold 3: V is split_3, 4 questions (0 left out, they stand in T too); T has 16\n", text, StringComparison.Ordinal);
        Assert.Matches(@"recovery +[+-]?\d+\.\d points over [\d.]+ % before the attack on the same questions; preset tiny, [\d.]+ s\n", text);
    }

    [Fact]
    public void KunbrChoosesBlocksEveryRound()
    {
        string[] line = taught.Line(
            "unlearn", "--method", "kunbr", "--out", folder.File("k"), "--blocks", "4", "--selected-blocks", "2", "--ignore-head-layers", "1", "--rounds", "2", "--epochs", "1", "--batch-size", "10", "--seed", "4");
        CommandRun run = CommandRun.Good(line);
        Assert.Matches(@"k: kunbr with preset tiny, 10 steps, [\d.]+ s, [\d.]+ % of the parameters changed\nround 1: blocks re-inserted, in this order: \d, \d\nround 2: ", run.Output);

        byte[] first = File.ReadAllBytes(folder.File("k/model.safetensors"));
        JsonElement again = CommandRun.Good([.. line, "--overwrite", "--json"]).Json;
        Assert.Equal(first, File.ReadAllBytes(folder.File("k/model.safetensors"))); // the same seed, the same bytes
        Assert.Equal(2, again.GetProperty("rounds").GetArrayLength());
        Assert.Equal(4, again.GetProperty("rounds")[0].GetProperty("density").GetArrayLength());
        Assert.Equal(2, again.GetProperty("rounds")[1].GetProperty("blocks").GetArrayLength());
        Assert.Equal(["k"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("ga")]
    [InlineData("gd", "--retain-coefficient", "3")]
    [InlineData("rmu", "--retain-coefficient", "3", "--layer", "2", "--steering-coefficient", "9")]
    [InlineData("ria", "--retain-coefficient", "3")]
    [InlineData("npo", "--retain-coefficient", "3", "--beta", "0.2")]
    [InlineData("simnpo", "--retain-coefficient", "3", "--beta", "2", "--gamma", "0.5")]
    [InlineData("dpo", "--retain-coefficient", "3", "--beta", "0.2")]
    public void EveryMethodRunsWithItsOptions(string method, params string[] own)
    {
        JsonElement done = CommandRun.Good(taught.Line(
            "unlearn", ["--method", method, "--out", folder.File(method), "--epochs", "2", "--batch-size", "10", "--learning-rate", "2e-3", .. own, "--json"])).Json;

        JsonElement section = done.GetProperty("settings").GetProperty(method);
        Assert.Equal((2, 10, 2e-3), (section.GetProperty("epochs").GetInt32(), section.GetProperty("batch-size").GetInt32(), section.GetProperty("optimizer").GetProperty("learning-rate").GetDouble()));
        for (int i = 0; i < own.Length; i += 2)
        {
            Assert.Equal(own[i + 1], section.GetProperty(own[i][2..]).GetRawText());
        }

        Assert.Equal(4, done.GetProperty("steps").GetInt32());
        Assert.InRange(done.GetProperty("shareChanged").GetDouble(), 0.01, 1);
        File.WriteAllText(folder.File("settings.yaml"), done.GetProperty("settings").GetRawText());
        CommandRun.Good(taught.Line("unlearn", "--config", folder.File("settings.yaml"), "--out", folder.File("again"), "--json"));
        Assert.Equal(File.ReadAllBytes(folder.File($"{method}/model.safetensors")), File.ReadAllBytes(folder.File("again/model.safetensors")));
    }

    [Fact]
    public void TheReportedSettingsRunAgainAsAFile()
    {
        JsonElement first = CommandRun.Good(taught.Line(
            "unlearn", "--method", "kunbr", "--out", folder.File("a"), "--blocks", "2", "--selected-blocks", "1", "--strategy", "head", "--epochs-per-block", "1", "--no-pre-unlearn", "--json")).Json;
        File.WriteAllText(folder.File("settings.yaml"), first.GetProperty("settings").GetRawText());

        JsonElement second = CommandRun.Good(taught.Line("unlearn", "--config", folder.File("settings.yaml"), "--out", folder.File("b"), "--json")).Json;

        Assert.Equal(first.GetProperty("settings").GetRawText(), second.GetProperty("settings").GetRawText());
        Assert.Equal(JsonValueKind.Null, second.GetProperty("preset").ValueKind);
        Assert.Equal(File.ReadAllBytes(folder.File("a/model.safetensors")), File.ReadAllBytes(folder.File("b/model.safetensors")));
        Assert.Equal([1], first.GetProperty("rounds")[0].GetProperty("blocks").EnumerateArray().Select(block => block.GetInt32()));
        Assert.InRange(first.GetProperty("shareChanged").GetDouble(), 0.01, 0.5); // one block of two, and nothing else
    }

    [Fact]
    public void TheModelMayBeOverwrittenByItsOwnResult()
    {
        string model = TaughtFolder.Copy(taught.Model, folder.File("m"));
        string[] line = ["unlearn", "--model", model, "--dataset", "random-birthdays", "--data", taught.Data, "--method", "gd", "--epochs", "1", "--out", model];

        CommandRun.Bad(17, line, "is there and not empty");
        JsonElement json = CommandRun.Good([.. line, "--overwrite", "--json"]).Json;

        Assert.InRange(json.GetProperty("shareChanged").GetDouble(), 0.5, 1);
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(taught.Model, "model.safetensors")), File.ReadAllBytes(Path.Combine(model, "model.safetensors")));
    }

    public void Dispose() => folder.Dispose();
}
