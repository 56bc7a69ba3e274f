using System.Text.Json;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary><c>hybrid generate</c>.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class GenerateCommandTests(TaughtFolder taught) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void OnePromptIsShownAsItIsInTheJson()
    {
        string[] line = ["generate", "--model", taught.Model, "--prompt", "When was", "--maximum-tokens", "12"];

        CommandRun shown = CommandRun.Good([.. line, "--json", folder.File("out.json")]);

        JsonElement file = JsonDocument.Parse(File.ReadAllText(folder.File("out.json"))).RootElement, json = CommandRun.Good([.. line, "--json"]).Json;
        JsonElement completion = Assert.Single(json.GetProperty("completions").EnumerateArray());
        Assert.Equal(JsonSerializer.Serialize(file), JsonSerializer.Serialize(json));
        Assert.Equal(completion.GetProperty("text").GetString() + "\n", shown.Output);
        Assert.Equal("When was", completion.GetProperty("prompt").GetString());
        Assert.Equal(("maximum-tokens", 12), (completion.GetProperty("stopReason").GetString(), completion.GetProperty("tokens").GetInt32()));
        Assert.Equal((0, 1, 1), (json.GetProperty("temperature").GetDouble(), json.GetProperty("topP").GetDouble(), json.GetProperty("seed").GetInt32()));
    }

    [Fact]
    public void PromptsOfAFile()
    {
        File.WriteAllText(folder.File("a.txt"), "When was\n\nWho is\n");
        File.WriteAllText(folder.File("b.jsonl"), "{\"text\": \"When was\"}\n{\"text\": \"Who is\"}\n");
        string[] line = ["generate", "--model", taught.Model, "--maximum-tokens", "8", "--temperature", "2", "--top-p", "0.9", "--prompts"];

        CommandRun run = CommandRun.Good([.. line, folder.File("a.txt")]);

        Assert.Equal(run.Output, CommandRun.Good([.. line, folder.File("b.jsonl")]).Output);
        JsonElement[] completions = [.. CommandRun.Good([.. line, folder.File("a.txt"), "--json"]).Json.GetProperty("completions").EnumerateArray()];
        Assert.Equal(["When was", "Who is"], completions.Select(completion => completion.GetProperty("prompt").GetString()));
        Assert.Equal(string.Concat(completions.Select(completion => $"> {completion.GetProperty("prompt").GetString()}\n{completion.GetProperty("text").GetString()}\n\n")), run.Output);
        Assert.NotEqual(run.Output, CommandRun.Good([.. line, folder.File("a.txt"), "--seed", "5"]).Output);
    }

    [Fact]
    public void WhatHasNoMeaningIsAnError()
    {
        string[] line = ["generate", "--model", taught.Model];
        CommandRun.Bad(ExitCode.Usage, line, "either --prompt or --prompts is needed");
        CommandRun.Bad(ExitCode.Usage, [.. line, "--prompt", "a", "--prompts", "b"], "either --prompt or --prompts is needed");
        CommandRun.Bad(ExitCode.Usage, [.. line, "--prompt", "a", "--temperature", "-1"], "--temperature: '-1' is not a number of at least 0");
        CommandRun.Bad(17, [.. line, "--prompt", "a", "--top-p", "1.5"], "generate: top-p 1.5 must be above 0 and at most 1");
        CommandRun.Bad(17, [.. line, "--prompt", new string('x', 200)], "prompt 1 of 1 has ", " tokens, the model has 128 positions");
        CommandRun.Bad(13, [.. line, "--prompts", folder.File("none.txt")], folder.File("none.txt"));
        File.WriteAllText(folder.File("empty.txt"), "\n");
        CommandRun.Bad(15, [.. line, "--prompts", folder.File("empty.txt")], "empty.txt: holds no text");
        CommandRun.Bad(10, ["generate", "--model", "/no/such", "--prompt", "a"], "/no/such: no such model folder");
    }
}
