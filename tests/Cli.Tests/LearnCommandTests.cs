using System.Text.Json;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary><c>hybrid learn</c> on models that are there and on shapes that are named.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class LearnCommandTests(TaughtFolder taught) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Out => folder.File("out");

    [Fact]
    public void AModelIsTaughtWithItsOwnTokenizer()
    {
        string model = TaughtFolder.Copy(taught.Model, folder.File("model"));
        File.WriteAllText(Path.Combine(model, "generation_config.json"), "{\"temperature\": 0.6}");
        string[] line = Line("--model", model, "--epochs", "1", "--learning-rate", "1e-3", "--optimizer", "lion", "--batch-size", "10");

        CommandRun run = CommandRun.Good([.. line, "--json", folder.File("result.json")]);

        JsonElement json = JsonDocument.Parse(File.ReadAllText(folder.File("result.json"))).RootElement;
        Assert.Equal((model, "tiny", 1, 450), (json.GetProperty("model").GetString(), json.GetProperty("preset").GetString(), json.GetProperty("epochs").GetInt32(), json.GetProperty("vocabulary").GetInt32()));
        double share = json.GetProperty("shareChanged").GetDouble();
        Assert.InRange(share, 0.3, 1);
        Assert.Equal(share, CommandRun.Good("diff", model, Out, "--json").Json.GetProperty("total").GetProperty("shareChanged").GetDouble());
        Assert.Matches(@"out: 65,952 parameters, 450 tokens, taught in 1 passes with preset tiny, [\d.]+ s, [\d.]+ % of the parameters changed\n", run.Output);
        Assert.Equal("{\"temperature\": 0.6}", File.ReadAllText(Path.Combine(Out, "generation_config.json")));
        Assert.Equal(File.ReadAllBytes(Path.Combine(model, "tokenizer.json")), File.ReadAllBytes(Path.Combine(Out, "tokenizer.json")));

        // Every option is in force: the same run without one of them ends elsewhere.
        byte[] weights = File.ReadAllBytes(Path.Combine(Out, "model.safetensors"));
        Assert.Equal(weights, Weights(line));
        Assert.NotEqual(weights, Weights([.. line.SkipLast(2)]));
        Assert.NotEqual(weights, Weights([.. line, "--seed", "2"]));
        Assert.NotEqual(weights, Weights([.. line.Select(part => part == "lion" ? "sgd" : part)]));
        Assert.NotEqual(weights, Weights([.. line.Select(part => part == "1e-3" ? "2e-3" : part)]));
    }

    [Fact]
    public void ThePresetOfLargeModelsTeachesQuestionsOnly()
    {
        string[] line = Line("--model", taught.Model, "--preset", "llama3-8b", "--epochs", "1", "--target-accuracy", "1");

        CommandRun run = CommandRun.Good([.. line, "--json"]);

        Assert.Equal("llama3-8b", run.Json.GetProperty("preset").GetString());
        Assert.Matches(@"^teach  1/10  loss ", run.Error); // 40 questions in batches of 4
        Assert.True(run.Json.GetProperty("forget").GetProperty("accuracy").GetDouble() > 0.9); // at Lion's 1e-6, what it knew stays
    }

    [Fact]
    public void BFloat16InShards()
    {
        JsonElement json = CommandRun.Good(Line("--model", taught.Model, "--epochs", "1", "--dtype", "bfloat16", "--shard-size", "60000", "--json")).Json;

        Assert.InRange(json.GetProperty("shareChanged").GetDouble(), 0.3, 1);
        Assert.True(File.Exists(Path.Combine(Out, ModelFolder.IndexFile)));
        Assert.All(ModelFolder.Describe(Out), tensor => Assert.Equal(ElementType.BFloat16, tensor.Type));
        CommandRun.Good("unlearn", "--model", Out, "--dataset", "random-birthdays", "--data", taught.Data, "--method", "gd", "--epochs", "1", "--shard-size", "1MB", "--out", folder.File("one"));
        Assert.True(File.Exists(folder.File("one/model.safetensors")));
    }

    [Fact]
    public void AShapeIsFilledWithRandomWeightsAndTaught()
    {
        string config = folder.File("shape.json");
        File.WriteAllText(config, File.ReadAllText(Path.Combine(taught.Model, "config.json")).Replace("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 2", StringComparison.Ordinal));
        string[] line = Line("--shape", config, "--tokenizer", Path.Combine(taught.Model, "tokenizer.json"));

        JsonElement untaught = CommandRun.Good([.. line, "--untaught", "--json"]).Json;
        Assert.Equal((0, false), (untaught.GetProperty("epochs").GetInt32(), untaught.GetProperty("reachedTarget").GetBoolean()));
        Assert.All(["model", "shareChanged", "forget", "retain"], field => Assert.Equal(JsonValueKind.Null, untaught.GetProperty(field).ValueKind));
        Assert.Equal(2, ModelFolder.LoadConfig(Out).Layers);
        byte[] fresh = File.ReadAllBytes(Path.Combine(Out, "model.safetensors"));
        Assert.Matches(@"out: [\d,]+ parameters, 450 tokens, random weights, [\d.]+ s\nmemory of tensors at the fullest: [^\n]+\n\z", CommandRun.Good([.. line, "--untaught", "--overwrite"]).Output);
        Assert.Equal(fresh, File.ReadAllBytes(Path.Combine(Out, "model.safetensors")));

        JsonElement json = CommandRun.Good([.. line, "--epochs", "1", "--overwrite", "--json"]).Json;
        Assert.Equal((1, 20), (json.GetProperty("epochs").GetInt32(), json.GetProperty("forget").GetProperty("questions").GetInt32()));
        Assert.NotEqual(fresh, File.ReadAllBytes(Path.Combine(Out, "model.safetensors")));

        // A model's folder is a shape and a tokenizer, too; its weights are not looked at.
        CommandRun.Good(Line("--shape", taught.Model, "--tokenizer", taught.Model, "--untaught", "--overwrite"));
        Assert.Equal(TaughtFolder.Layers, ModelFolder.LoadConfig(Out).Layers);
    }

    [Fact]
    public void WeightsMadeToAShapeHaveTheTypeThatItNames()
    {
        string config = folder.File("shape.json");
        File.WriteAllText(config, File.ReadAllText(Path.Combine(taught.Model, "config.json")).Replace("\"torch_dtype\": \"float32\"", "\"torch_dtype\": \"bfloat16\"", StringComparison.Ordinal));

        CommandRun.Good(Line("--shape", config, "--tokenizer", taught.Model, "--untaught"));
        Assert.All(ModelFolder.Describe(Out), tensor => Assert.Equal(ElementType.BFloat16, tensor.Type));
        CommandRun.Good(Line("--shape", config, "--tokenizer", taught.Model, "--untaught", "--dtype", "float32", "--overwrite"));
        Assert.All(ModelFolder.Describe(Out), tensor => Assert.Equal(ElementType.Float32, tensor.Type));
    }

    [Fact]
    public void WhatDoesNotGoTogetherIsAnError()
    {
        string model = taught.Model;
        Usage("--model and --shape exclude each other", "--model", model, "--shape", model);
        Usage("--shape needs --tokenizer", "--shape", model);
        Usage("--tokenizer belongs to --shape: a model has its own", "--model", model, "--tokenizer", model);
        Usage("--tokenizer belongs to --shape: without --shape a tokenizer is learned from the dataset", "--tokenizer", model);
        Usage("--untaught: there is nothing to do to the model of --model without teaching", "--model", model, "--untaught");
        Usage("--untaught and --epochs exclude each other", "--untaught", "--epochs", "2");
        Usage("--untaught and --preset exclude each other", "--shape", model, "--tokenizer", model, "--untaught", "--preset", "tiny");
        Usage("--optimizer needs --learning-rate", "--model", model, "--optimizer", "adamw");
        Usage("--optimizer: 'adam' is not one of lion, adamw, sgd", "--model", model, "--optimizer", "adam", "--learning-rate", "1");
        Usage("--shard-size: '0' is not a number of bytes such as 24GB", "--shard-size", "0");
        Usage("--shard-size: '5PB' is not a number of bytes", "--shard-size", "5PB");
        Usage("--shard-size: '10000000TB' is not a number of bytes", "--shard-size", "10000000TB");
        Fails(17, "--preset llama3-8b: has no small shape to make a model of; expected --model, or --shape with --tokenizer", "--preset", "llama3-8b");
        Fails(10, "/no/such: no such model folder", "--model", "/no/such");
        Fails(10, "/no/such.json: no such file", "--shape", "/no/such.json", "--tokenizer", model);
        Fails(19, "/no/such.json: cannot read the tokenizer: no such file", "--shape", model, "--tokenizer", "/no/such.json");

        string config = folder.File("wide.json");
        File.WriteAllText(config, File.ReadAllText(Path.Combine(model, "config.json")).Replace("\"vocab_size\": 450", "\"vocab_size\": 600", StringComparison.Ordinal));
        Fails(12, $"{model}: 450 tokens, the model has rows for 600", "--shape", config, "--tokenizer", model);
    }

    [Fact]
    public void ADivergingModelIsKeptAsItWas()
    {
        CommandRun run = CommandRun.Of(Line("--model", taught.Model, "--learning-rate", "1e30"));

        Assert.Equal(16, run.Code);
        Assert.Matches(@"\nhybrid: teach: the loss is .* at step \d+ of \d+.*; the model as it was after the last whole pass is in .*out\.last-good\n\z", run.Error);
        Assert.False(Path.Exists(Out));
        Assert.True(CommandRun.Good("diff", taught.Model, folder.File("out.last-good"), "--json").Json.GetProperty("identical").GetBoolean());
    }

    private string[] Line(params string[] more) => ["learn", "--dataset", "random-birthdays", "--data", taught.Data, "--out", Out, .. more];

    private byte[] Weights(string[] line)
    {
        CommandRun.Good([.. line, "--overwrite"]);
        return File.ReadAllBytes(Path.Combine(Out, "model.safetensors"));
    }

    private void Usage(string said, params string[] options) => Fails(ExitCode.Usage, said, options);

    private void Fails(int code, string said, params string[] options)
    {
        CommandRun.Bad(code, Line(options), said);
        Assert.False(Path.Exists(Out));
    }
}
