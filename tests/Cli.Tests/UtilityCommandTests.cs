using System.Text.Json;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary><c>hybrid utility</c> on files made here.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class UtilityCommandTests : IDisposable
{
    private readonly TaughtFolder taught;
    private readonly TemporaryFolder folder = new();

    public UtilityCommandTests(TaughtFolder taught)
    {
        this.taught = taught;
        File.WriteAllText(folder.File("bbh.json"), """[{"task": "t", "question": "not true", "answer": "False", "cot": "Think."}, {"task": "t", "question": "first?", "answer": "(A)", "cot": "Think."}]""");
        File.WriteAllText(folder.File("truthfulqa.json"), """[{"question": "Why?", "mc1_targets": {"choices": ["So.", "Because."], "labels": [0, 1]}, "mc2_targets": {}}]""");
        File.WriteAllText(folder.File("triviaqa.json"), """[{"question": "Who?", "answers": ["He", "Him"]}]""");
        File.WriteAllText(folder.File("alpacaeval.json"), """[{"instruction": "Sing."}, {"instruction": "Count."}, {"instruction": "Tell."}]""");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void AllTasksInATableInJsonAndPromptByPrompt()
    {
        CommandRun run = CommandRun.Good(Line("--max-new-tokens", "5", "--items", folder.File("items.jsonl"), "--json", folder.File("result.json")));

        Assert.Matches(@"bbh +│ bbh_em +│ +[\d.]+ % │ +2 ", run.Output);
        Assert.Matches(@"bbh +│ bbh_em_rwku +│ +[\d.]+ % │ +2 ", run.Output);
        Assert.Matches(@"truthfulqa +│ truthfulqa_mc1 +│ +[\d.]+ % │ +1 ", run.Output);
        Assert.Matches(@"fluency +│ fluency_entropy +│ +[\d.]+ bits │ +3 ", run.Output);
        Assert.Contains("chat template: none\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("truthfulqa: 2 prompts were longer than the model allows and were cut; their scores say little\n", run.Output, StringComparison.Ordinal);
        Assert.StartsWith("bbh  2/2\n", run.Error, StringComparison.Ordinal);

        JsonElement json = JsonDocument.Parse(File.ReadAllText(folder.File("result.json"))).RootElement;
        JsonElement[] tasks = [.. json.GetProperty("tasks").EnumerateArray()];
        Assert.Equal(["bbh", "truthfulqa", "triviaqa", "fluency"], tasks.Select(task => task.GetProperty("task").GetString()));
        Assert.Equal([2, 1, 1, 3], tasks.Select(task => task.GetProperty("prompts").GetInt32()));
        Assert.Equal(2, tasks[1].GetProperty("cutPrompts").GetInt32());
        Assert.Equal(("none", 5, JsonValueKind.Null), (json.GetProperty("chatTemplate").GetString(), json.GetProperty("maximumNewTokens").GetInt32(), json.GetProperty("limit").ValueKind));

        JsonElement[] items = [.. File.ReadLines(folder.File("items.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(7, items.Length);
        Assert.Equal("(A)", items[1].GetProperty("gold")[0].GetString());
        double mean = items.Where(item => item.GetProperty("task").GetString() == "fluency").Average(item => item.GetProperty("scores").GetProperty("fluency_entropy").GetDouble());
        Assert.Equal(mean, tasks[3].GetProperty("metrics").GetProperty("fluency_entropy").GetDouble(), 1e-12);
    }

    [Fact]
    public void EvaluateRunsTheSuiteToo()
    {
        string[] line = taught.Line("evaluate", "--utility", folder.Path, "--utility-limit", "1");
        CommandRun run = CommandRun.Good([.. line, "--json", folder.File("both.json")]);
        Assert.Matches(@"(?s)forget .*retain .*bbh_em .*fluency_entropy", run.Output);

        JsonElement both = JsonDocument.Parse(File.ReadAllText(folder.File("both.json"))).RootElement;
        Assert.Equal(20, both.GetProperty("forget").GetProperty("questions").GetInt32());
        Assert.Equal(CommandRun.Good(Line("--limit", "1", "--json")).Json.GetProperty("tasks").ToString(), both.GetProperty("utility").ToString());
        Assert.Equal(JsonValueKind.Null, CommandRun.Good(taught.Line("evaluate", "--json")).Json.GetProperty("utility").ValueKind);
        CommandRun.Bad(2, taught.Line("evaluate", "--utility-limit", "1"), "--utility-limit", "--utility");
    }

    [Fact]
    public void SomeTasksAndRows()
    {
        JsonElement json = CommandRun.Good(Line("--tasks", "fluency,triviaqa", "--limit", "2", "--max-new-tokens", "3", "--chat-template", "zephyr", "--json")).Json;

        Assert.Equal([2, 1], json.GetProperty("tasks").EnumerateArray().Select(task => task.GetProperty("prompts").GetInt32()));
        Assert.Equal("zephyr", json.GetProperty("chatTemplate").GetString());
    }

    [Fact]
    public void WhatIsMissingOrWrongIsNamed()
    {
        CommandRun.Bad(2, Line("--tasks", "bbh,mmlu"), "--tasks: 'bbh,mmlu' is not some of bbh, truthfulqa, triviaqa, fluency with commas between, none twice");
        CommandRun.Bad(2, Line("--tasks", "bbh,bbh"), "--tasks: 'bbh,bbh' is not some of");
        CommandRun.Bad(2, Line("--chat-template", "vicuna"), "--chat-template: 'vicuna' is not one of llama3, chatml, zephyr, none");
        CommandRun.Bad(19, Line("--items", folder.File("no/items.jsonl")), "--items ", "there is no folder");
        CommandRun.Bad(12, Line("--chat-template", "llama3"), "chat template 'llama3' needs the token <|start_header_id|>");

        string model = TaughtFolder.Copy(taught.Model, folder.File("model"));
        File.WriteAllText(Path.Combine(model, "tokenizer_config.json"), """{"chat_template": "[INST] {{ content }} [/INST]"}""");
        CommandRun.Bad(12, ["utility", "--model", model, "--data", folder.Path], "tokenizer_config.json: chat_template: the chat template is no known one");

        File.WriteAllText(folder.File("triviaqa.json"), """[{"question": "Who?", "answers": []}]""");
        CommandRun.Bad(13, Line(), "triviaqa.json: [0].answers: expected a list that is not empty");
        File.Delete(folder.File("bbh.json"));
        CommandRun.Bad(13, Line(), $"{folder.File("bbh.json")}: no such file");
    }

    private string[] Line(params string[] more) => ["utility", "--model", taught.Model, "--data", folder.Path, .. more];
}
