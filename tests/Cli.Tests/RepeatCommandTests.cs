using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hybrid.Cli.Commands;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>Records of runs, and <c>hybrid repeat</c>, which runs them again in a process of its own.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class RepeatCommandTests(TaughtFolder taught) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Model => folder.File("gd");

    private string Weights => Path.Combine(Model, "model.safetensors");

    private string RecordFile => Path.Combine(Model, "run.json");

    [Fact]
    public void TheRecordSaysWhatRepeatingTakes()
    {
        Unlearn("--events", folder.File("events"), "--json", folder.File("result.json"), "--seed", "7");

        JsonNode record = Record();
        string data = taught.Data;
        Assert.Equal("unlearn", Text(record, "command"));
        Assert.Equal(
            [$"--model={taught.Model}", "--dataset=random-birthdays", $"--data={data}", "--method=gd", "--epochs=1", "--threads=1", "--seed=7"],
            record["arguments"]!.AsArray().Select(argument => argument!.GetValue<string>()));
        Assert.Equal((Directory.GetCurrentDirectory(), "finished", "cpu", "float32"), (Text(record, "workingFolder"), Text(record, "status"), Text(record, "device"), Text(record, "elementType")));
        Assert.Equal((1, 7), (record["threads"]!.GetValue<int>(), record["seeds"]![0]!.GetValue<int>()));
        Assert.Equal(("gd", 1), (Text(record["configuration"]!, "method"), record["configuration"]!["gd"]!["epochs"]!.GetValue<int>()));
        Assert.Contains("LibTorch", Text(record["versions"]!, "native"), StringComparison.Ordinal);
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json"], record["outputs"]!.AsArray().Select(file => Text(file!, "path")));
        Assert.All(record["outputs"]!.AsArray(), file => Assert.Equal(Sha256(Path.Combine(Model, Text(file!, "path"))), Text(file!, "sha256")));
        string[] inputs = [.. record["inputs"]!.AsArray().Select(file => Text(file!, "path"))];
        Assert.Contains(Path.Combine(taught.Model, "model.safetensors"), inputs);
        Assert.Contains(Path.Combine(data, "random_bd", "split_0.jsonl"), inputs);
        Assert.All(record["inputs"]!.AsArray(), file => Assert.Equal(Sha256(Text(file!, "path")), Text(file!, "sha256")));
        Assert.Equal(Json(folder.File("result.json"))["steps"]!.GetValue<int>(), record["result"]!["steps"]!.GetValue<int>());
    }

    [Fact]
    public void AFolderWithARecordIsAModelLikeAnyOther()
    {
        Unlearn();
        byte[] weights = File.ReadAllBytes(Weights);

        CommandRun.Good("inspect", Model);
        Unlearn("--overwrite");
        Assert.Equal(weights, File.ReadAllBytes(Weights));
        CommandRun.Good("unlearn", "--model", Model, "--dataset", "random-birthdays", "--data", taught.Data, "--method", "ga", "--epochs", "1", "--threads", "1", "--out", folder.File("ga"));
        Assert.Equal("--method=ga", Json(folder.File("ga/run.json"))["arguments"]![3]!.GetValue<string>()); // its own record, not the source's
        CommandRun.Bad(17, ["attack", "--model", Model, "--dataset", "random-birthdays", "--data", taught.Data, "--out", Model], "run.json: is not the record of a run of attack; name another folder");
    }

    [Fact]
    public void ARunComesOutTheSameAndAnotherMachineIsTold()
    {
        Unlearn();
        Edit(record => record["machine"] = "another one");

        CommandRun run = CommandRun.Good("repeat", Model, "--json", folder.File("repeat.json"));

        Assert.Matches(@"gd: unlearn came out the same: 3 files, [\d.]+ s \(then [\d.]+ s\); not compared: seconds, ", run.Output);
        Assert.Contains("hybrid: note: machine is ", run.Error, StringComparison.Ordinal);
        JsonNode json = Json(folder.File("repeat.json"));
        Assert.True(json["same"]!.GetValue<bool>());
        Assert.Equal("another one", Text(json["changes"]!.AsArray().Single(change => Text(change!, "field") == "machine")!, "then"));
        Assert.Empty(json["models"]!.AsArray());
    }

    [Fact]
    public void WhatDiffersIsNamedByTensorAndField()
    {
        Unlearn();
        byte[] weights = File.ReadAllBytes(Weights);
        weights[^1] ^= 0x01; // of the last tensor's last element
        File.WriteAllBytes(Weights, weights);
        Edit(record =>
        {
            record["outputs"]!.AsArray().Single(file => Text(file!, "path") == "model.safetensors")!["sha256"] = Sha256(Weights);
            record["result"]!["steps"] = 99;
        });

        CommandRun run = CommandRun.Of("repeat", Model, "--keep", folder.File("kept"), "--json");

        Assert.Equal(23, run.Code);
        Assert.Matches(@"\nhybrid: .*gd: did not come out the same: 1 of 3 files, the first is model\.safetensors, 1 values of run\.json, the first is result\.steps\n\z", "\n" + run.Error);
        JsonElement tensor = Assert.Single(run.Json.GetProperty("models")[0].GetProperty("tensors").EnumerateArray());
        Assert.Equal(1, tensor.GetProperty("difference").GetProperty("changed").GetInt64());
        JsonElement field = Assert.Single(run.Json.GetProperty("record").EnumerateArray());
        Assert.Equal(("result.steps", "99"), (field.GetProperty("field").GetString(), field.GetProperty("then").GetString()));
        weights[^1] ^= 0x01;
        Assert.Equal(weights, File.ReadAllBytes(folder.File("kept/model.safetensors")));
        Assert.Equal(["gd", "kept"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void FilesThatChangedAreAnErrorBeforeAnyWork()
    {
        string data = TaughtFolder.Copy(taught.Data, folder.File("data"));
        CommandRun.Good("unlearn", "--model", taught.Model, "--dataset", "random-birthdays", "--data", data, "--method", "gd", "--epochs", "1", "--threads", "1", "--out", Model);

        string config = Path.Combine(Model, "config.json"), text = File.ReadAllText(config);
        File.AppendAllText(config, "\n");
        CommandRun.Bad(18, ["repeat", Model], $"{config}: output of the run: has {text.Length + 1} bytes, then it had {text.Length}");
        File.WriteAllText(config, text);
        string split = Path.Combine(data, "random_bd", "split_3.jsonl"), questions = File.ReadAllText(split);
        File.WriteAllText(split, questions.Replace('1', '2'));
        CommandRun.Bad(18, ["repeat", Model], $"{split}: input of the run: has SHA-256 ");
        File.Delete(split);
        CommandRun.Bad(18, ["repeat", Model], $"{split}: input of the run: is not there any more");
    }

    [Fact]
    public void AnAttackIsRepeatedIntoAFolderOfItsOwn()
    {
        string[] line = taught.Line("attack", "--folds", "1,", "--epochs", "1", "--threads", "1", "--out", folder.File("attack"), "--learning-rates");
        CommandRun.Good([.. line, "1e-3"]);
        CommandRun.Good([.. line, "1e-4"]); // the record is of this one, and the other's file is no part of it

        CommandRun run = CommandRun.Good("repeat", folder.File("attack"));

        Assert.Contains("attack came out the same: 1 files", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("command", "\"sh\"", "command 'sh' is none that can be repeated")]
    [InlineData("command", "\"data\"", "command 'data' is none")]
    [InlineData("command", "\"\\u001b[2J\"", "command: expected a command, found '?[2J'")]
    [InlineData("arguments", "[\"--out=/tmp/elsewhere\"]", "--out says where results go")]
    [InlineData("arguments", "[\"--overwrite\"]", "--overwrite says where results go")]
    [InlineData("arguments", "[\"--json=/tmp/elsewhere\"]", "--json says where results go")]
    [InlineData("arguments", "[\"--json:/tmp/elsewhere\"]", "--json says where results go")]
    [InlineData("arguments", "[\"--events=/tmp/elsewhere\"]", "--events says where results go")]
    [InlineData("arguments", "[\"--resume\"]", "--resume says where results go")]
    [InlineData("arguments", "[\"@/etc/passwd\"]", "arguments: expected --name or --name=value, found '@/etc/passwd'")]
    [InlineData("arguments", "[\"evaluate\"]", "found 'evaluate'")]
    [InlineData("arguments", "[\"--\"]", "found '--'")]
    [InlineData("arguments", "[null]", "found 'null'")]
    [InlineData("arguments", "[\"--model=a\\nb\"]", "found '--model=a?b'")]
    [InlineData("arguments", "[\"--help\"]", "--help")]
    [InlineData("arguments", "[\"--frobnicate=3\"]", "--frobnicate")]
    [InlineData("arguments", "[]", "arguments: --method or --config is needed")]
    [InlineData("arguments", "null", "not the record of a run of this version")]
    [InlineData("status", "\"running\"", "the run is running; expected a finished one")]
    [InlineData("status", "3.5", "not the record of a run of this version")]
    [InlineData("workingFolder", "\"here\"", "workingFolder: expected a full path, found 'here'")]
    [InlineData("workingFolder", "\"/no/such/folder\"", "workingFolder: there is no folder /no/such/folder, where the run was started")]
    [InlineData("outputs", "[{\"path\": \"../taught\", \"bytes\": 1, \"sha256\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}]", "outputs: expected a path in the run's folder with length and SHA-256, found '../taught'")]
    [InlineData("outputs", "[{\"path\": \"/etc/passwd\", \"bytes\": 1, \"sha256\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}]", "found '/etc/passwd'")]
    [InlineData("outputs", "[null]", "outputs: expected a path")]
    [InlineData("inputs", "[{\"path\": \"a\", \"bytes\": 1, \"sha256\": \"\"}]", "inputs: expected a full path with length and SHA-256, found 'a'")]
    [InlineData("inputs", "[{\"path\": \"/a\", \"bytes\": -1, \"sha256\": null}]", "inputs: expected")]
    [InlineData("threads", "0", "seeds and threads: expected at least one of each")]
    [InlineData("seeds", "[]", "seeds and threads: expected at least one of each")]
    [InlineData("environment", "{\"OMP_A\": null}", "versions, machine and environment: expected lines of text")]
    [InlineData("machine", "\"\\u001b[2J\"", "versions, machine and environment: expected lines of text")]
    [InlineData("configuration", "null", "not the record of a run of this version")]
    [InlineData("surprise", "1", "not the record of a run of this version")]
    public void ARecordIsOnlyData(string field, string value, string said)
    {
        WriteRecord(record => record[field] = JsonNode.Parse(value));

        CommandRun.Bad(17, ["repeat", Model], RecordFile, said);
        Assert.Equal(["run.json"], Directory.GetFileSystemEntries(Model).Select(Path.GetFileName));
        Assert.False(Path.Exists("/tmp/elsewhere"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"command\": \"unlearn\", \"command\": \"learn\"}")]
    [InlineData("\u0000\u0001")]
    public void WhatIsNoRecordIsOneLine(string text)
    {
        Directory.CreateDirectory(Model);
        File.WriteAllText(RecordFile, text);

        CommandRun.Bad(17, ["repeat", Model], $"{RecordFile}: not the record of a run of this version: ");
    }

    [Fact]
    public void DeepAndLargeRecordsAreRefused()
    {
        Directory.CreateDirectory(Model);
        CommandRun.Bad(17, ["repeat", Model], $"{RecordFile}: no such file; expected a folder that a run of this version made");
        File.WriteAllText(RecordFile, new string('[', 100_000));
        CommandRun.Bad(17, ["repeat", Model], RecordFile);
        File.WriteAllText(RecordFile, new string(' ', 17_000_000));
        CommandRun.Bad(17, ["repeat", Model], "17000000 bytes are more than any record has");
        File.WriteAllText(folder.File("taken"), string.Empty);
        WriteRecord(_ => { });
        CommandRun.Bad(17, ["repeat", Model, "--keep", folder.File("taken")], "taken: is there and not empty");
    }

    /// <summary>A new option must be known to change nothing but the result, or be left out of records.</summary>
    [Fact]
    public void EveryOptionIsKnownToBeHarmlessInARecordOrIsLeftOut()
    {
        string[] harmless =
        [
            "--model", "--dataset", "--data", "--retain-text", "--retain-questions", "--device", "--dtype", "--threads", "--seed", "--preset", "--shard-size", "--activation-checkpointing", "--second-model-on-host",
            "--shape", "--tokenizer", "--untaught", "--epochs", "--target-accuracy", "--batch-size", "--optimizer", "--learning-rate", "--rounding",
            "--method", "--config", "--forget-form", "--retain-form", "--retain-coefficient", "--beta", "--gamma", "--layer", "--steering-coefficient", "--blocks", "--selected-blocks", "--strategy",
            "--epochs-per-block", "--rounds", "--ignore-head-layers", "--reestimate", "--mlp-only", "--no-reinsert", "--no-pre-unlearn",
            "--attack", "--folds", "--learning-rates", "--form", "--keep-leaks", "--max-examples", "--bits", "--group-size", "--jobs",
        ];
        Command[] commands = [LearnCommand.Create((_, _) => { }), UnlearnCommand.Create((_, _) => { }), AttackCommand.Create((_, _) => { })];

        Assert.Empty(commands.SelectMany(command => command.Options).Select(option => option.Name).Except(harmless).Except(RunRecorder.LeftOut));
        Assert.Empty(harmless.Intersect(RunRecorder.LeftOut));
    }

    private void Unlearn(params string[] more) => CommandRun.Good(taught.Line("unlearn", ["--method", "gd", "--epochs", "1", "--threads", "1", "--out", Model, .. more]));

    /// <summary>A record of a run that made nothing, changed by the test.</summary>
    private void WriteRecord(Action<JsonNode> change)
    {
        Directory.CreateDirectory(Model);
        File.WriteAllText(RecordFile, $$"""
            {
              "command": "unlearn", "arguments": ["--model=/no/such/model", "--dataset=random-birthdays", "--data={{taught.Data}}", "--method=gd"], "workingFolder": "/", "status": "finished", "error": null,
              "seeds": [1], "configuration": {}, "device": "cpu", "elementType": "float32", "threads": 1, "versions": { "hybrid": "0", "native": "0", "dotnet": "0" }, "machine": "m", "environment": {},
              "inputs": [], "outputs": [], "result": null, "started": "2026-01-01T00:00:00Z", "wallSeconds": 1, "peakMemoryBytes": 1
            }
            """);
        Edit(change);
    }

    private void Edit(Action<JsonNode> change)
    {
        JsonNode record = Record();
        change(record);
        File.WriteAllText(RecordFile, record.ToJsonString());
    }

    private JsonNode Record() => Json(RecordFile);

    private static JsonNode Json(string path) => JsonNode.Parse(File.ReadAllText(path))!;

    private static string Text(JsonNode node, string field) => node[field]!.GetValue<string>();

    private static string Sha256(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
}
