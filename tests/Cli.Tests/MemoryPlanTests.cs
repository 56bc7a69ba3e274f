using System.Text.Json;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>--plan, and the ways of taking less memory.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class MemoryPlanTests(TaughtFolder taught) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void APlanShowsEveryStageAndWritesNothing()
    {
        string[] line = Unlearn("--plan");
        string text = CommandRun.Good(line).Output;
        Assert.Matches(@"stage +│ +weights +│ +second model +│ +gradients +│ +optimizer +│ +activations +│ +kept prefix +│ +last good copy +│ +together", text);
        Assert.Matches(@"(?s)pre-unlearn .*density .*re-insert ", text);
        Assert.Matches(@"cpu has [\d.]+ GB free: it fits, without saving measures\.", text);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));

        JsonElement json = CommandRun.Good([.. line, "--json"]).Json;
        Assert.True(json.GetProperty("fits").GetBoolean());
        JsonElement stages = json.GetProperty("plan").GetProperty("stages");
        Assert.Equal(["pre-unlearn", "density", "re-insert", "save"], stages.EnumerateArray().Select(stage => stage.GetProperty("stage").GetString()));
        foreach (JsonElement stage in stages.EnumerateArray())
        {
            JsonElement device = stage.GetProperty("device");
            Assert.Equal(device.GetProperty("total").GetInt64(), device.EnumerateObject().Where(entry => entry.Name != "total").Sum(entry => entry.Value.GetInt64()));
        }
    }

    [Fact]
    public void APlanNeedsNoWeightsAndNoDevice()
    {
        string bare = folder.File("bare");
        Directory.CreateDirectory(bare);
        foreach (string file in (string[])["config.json", "tokenizer.json"])
        {
            File.Copy(Path.Combine(taught.Model, file), Path.Combine(bare, file));
        }

        string[] line = ["unlearn", "--model", bare, "--dataset", "random-birthdays", "--data", taught.Data, "--method", "kunbr", "--blocks", "4", "--selected-blocks", "2", "--ignore-head-layers", "0", "--out", folder.File("out"), "--plan", "--device", "cuda:3", "--dtype", "bfloat16"];
        JsonElement roomy = CommandRun.Good([.. line, "--device-memory", "1GB", "--json"]).Json.GetProperty("plan");
        Assert.False(roomy.GetProperty("activationCheckpointing").GetBoolean());
        Assert.False(roomy.GetProperty("secondModelOnHost").GetBoolean());

        // Where not everything fits, the quickest way that does is taken.
        long all = Fullest(roomy), least = Fullest(CommandRun.Good([.. line, "--device-memory", "1GB", "--json", "--activation-checkpointing", "on", "--second-model-on-host", "on"]).Json.GetProperty("plan"));
        Assert.True(least < all);
        JsonElement tight = CommandRun.Good([.. line, "--device-memory", $"{(long)(least * 1.06)}", "--json"]).Json.GetProperty("plan");
        Assert.True(tight.GetProperty("activationCheckpointing").GetBoolean());
        Assert.InRange(Fullest(tight), 1, (long)(least * 1.06));

        CommandRun refused = CommandRun.Of([.. line, "--device-memory", "1MB"]);
        Assert.Equal(21, refused.Code);
        Assert.Contains("does not fit, with activation checkpointing and the second model on the host", refused.Output, StringComparison.Ordinal);
        Assert.Matches(@"^hybrid: stage 'pre-unlearn' takes [\d.]+ MB of cuda:3 and 5 ?% beside that, 1.0 MB are free; a smaller batch size", refused.Error);
    }

    [Fact]
    public void WhatWasTakenIsWhatWasPlannedAndSavingChangesNothing()
    {
        string[] savings = ["--activation-checkpointing", "on", "--second-model-on-host", "on"];
        JsonElement plain = CommandRun.Good(Unlearn("--json")).Json.GetProperty("memory");
        JsonElement saving = CommandRun.Good([.. Unlearn("--json", output: "saving"), .. savings]).Json.GetProperty("memory");
        Assert.InRange(plain.GetProperty("planned").GetDouble() / plain.GetProperty("measured").GetDouble(), 0.9, 1.1);
        Assert.InRange(saving.GetProperty("planned").GetDouble() / saving.GetProperty("measured").GetDouble(), 0.9, 1.1);
        Assert.True(saving.GetProperty("measured").GetInt64() < plain.GetProperty("measured").GetInt64());
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder.File("out"), "model.safetensors")), File.ReadAllBytes(Path.Combine(folder.File("saving"), "model.safetensors")));
        Assert.Matches(@"memory of tensors at the fullest: [\d.]+ MB, planned [\d.]+ MB \(stage pre-unlearn\), with activation checkpointing and the second model on the host\n",
            CommandRun.Good([.. Unlearn("--overwrite"), .. savings]).Output);
    }

    [Fact]
    public void DensityAndAttacksHavePlansToo()
    {
        string[] input = ["--model", taught.Model, "--dataset", "random-birthdays", "--data", taught.Data];
        Assert.Contains("density", CommandRun.Good(["density", .. input, "--plan"]).Output, StringComparison.Ordinal);
        JsonElement density = CommandRun.Good(["density", .. input, "--json", "--activation-checkpointing", "on"]).Json;
        Assert.Equal(CommandRun.Good(["density", .. input, "--json"]).Json.GetProperty("layers").ToString(), density.GetProperty("layers").ToString());
        Assert.InRange(density.GetProperty("memory").GetProperty("planned").GetDouble() / density.GetProperty("memory").GetProperty("measured").GetDouble(), 0.9, 1.1);

        string[] attack = ["attack", .. input, "--folds", "1", "--learning-rates", "1e-4", "--epochs", "1", "--json"];
        JsonElement here = CommandRun.Good(attack).Json, there = CommandRun.Good([.. attack, "--second-model-on-host", "on", "--activation-checkpointing", "on"]).Json;
        Assert.Equal(here.GetProperty("curves").ToString(), there.GetProperty("curves").ToString());
        Assert.InRange(here.GetProperty("memory").GetProperty("planned").GetDouble() / here.GetProperty("memory").GetProperty("measured").GetDouble(), 0.9, 1.1);
        foreach (string kind in (string[])["quantization", "retain-relearning"])
        {
            Assert.Equal("attack", CommandRun.Good(["attack", .. input, "--attack", kind, "--plan", "--json"]).Json.GetProperty("plan").GetProperty("stages")[0].GetProperty("stage").GetString());
        }

        Assert.True(Planned(2) > 1.5 * Planned(1)); // jobs side by side share the second model only

        long Planned(int jobs) => Fullest(CommandRun.Good(["attack", .. input, "--plan", "--json", "--jobs", $"{jobs}"]).Json.GetProperty("plan"));
    }

    [Fact]
    public void WhatIsNotTrainedIsNotPlannedAsTraining()
    {
        string[] shape = ["learn", "--shape", taught.Model, "--tokenizer", taught.Model, "--dataset", "random-birthdays", "--data", taught.Data, "--out", folder.File("fresh"), "--plan", "--json"];
        JsonElement untaught = CommandRun.Good([.. shape, "--untaught"]).Json.GetProperty("plan"), teaching = CommandRun.Good(shape).Json.GetProperty("plan");
        Assert.Equal("make", untaught.GetProperty("stages")[0].GetProperty("stage").GetString());
        Assert.Equal("teach", teaching.GetProperty("stages")[0].GetProperty("stage").GetString());
        Assert.True(Fullest(untaught) * 3 < Fullest(teaching)); // weights alone against gradients, two moments and a copy beside them
        JsonElement learned = CommandRun.Good("learn", "--model", taught.Model, "--dataset", "random-birthdays", "--data", taught.Data, "--out", folder.File("again"), "--epochs", "1", "--preset", "tiny", "--json").Json;
        // Questions are long and texts are scored whole: a plan takes the longest and the most scored at once, which no batch has.
        Assert.InRange(learned.GetProperty("memory").GetProperty("planned").GetDouble() / learned.GetProperty("memory").GetProperty("measured").GetDouble(), 1, 1.6);
    }

    [Fact]
    public void StochasticRoundingTakesLessAndMovesWeights()
    {
        string[] half = ["--dtype", "bfloat16", "--json"];
        JsonElement masters = CommandRun.Good([.. Unlearn("--overwrite"), .. half]).Json, random = CommandRun.Good([.. Unlearn("--overwrite"), .. half, "--rounding", "stochastic"]).Json;
        Assert.True(random.GetProperty("memory").GetProperty("measured").GetInt64() < masters.GetProperty("memory").GetProperty("measured").GetInt64());
        Assert.InRange(random.GetProperty("shareChanged").GetDouble(), 0.01, 1);
        Assert.Equal("stochastic", random.GetProperty("settings").GetProperty("kunbr").GetProperty("pre-unlearning").GetProperty("optimizer").GetProperty("rounding").GetString());
    }

    [Fact]
    public void WrongOptionsAreNamed()
    {
        CommandRun.Bad(2, Unlearn("--plan", "--device-memory", "lots"), "--device-memory", "24GB");
        CommandRun.Bad(17, Unlearn("--device-memory", "24GB"), "--device-memory", "--plan");
        CommandRun.Bad(2, Unlearn("--activation-checkpointing", "yes"), "auto, on, off");
        CommandRun.Bad(22, Unlearn("--plan", "--device", "cuda:3"), "cuda:3", "--device-memory");
    }

    private static long Fullest(JsonElement plan) => plan.GetProperty("stages").EnumerateArray().Max(stage => stage.GetProperty("device").GetProperty("total").GetInt64());

    private string[] Unlearn(string first, string second = "", string third = "", string output = "out") =>
    [
        .. taught.Line("unlearn", "--method", "kunbr", "--blocks", "4", "--selected-blocks", "2", "--ignore-head-layers", "0", "--out", folder.File(output), "--epochs", "1", "--learning-rate", "1e-4"),
        .. ((string[])[first, second, third]).Where(part => part.Length > 0),
    ];
}
