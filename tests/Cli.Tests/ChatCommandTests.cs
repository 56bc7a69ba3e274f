using System.Diagnostics;
using System.Text.Json;
using Hybrid.Interop;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Spectre.Console;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary><c>hybrid chat</c>: lines are piped in; the model has 128 positions and no chat template.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class ChatCommandTests(TaughtFolder taught) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void EveryLineIsATurnAndItsAnswerALine()
    {
        string[] line = Line("--maximum-tokens", "8", "--chat-template", "zephyr", "--system", "Be brief.");

        CommandRun shown = CommandRun.Typed("When was\n\nWho is\n", [.. line, "--json", folder.File("out.json")]);

        JsonElement json = JsonDocument.Parse(File.ReadAllText(folder.File("out.json"))).RootElement;
        JsonElement[] messages = Messages(json, 0);
        Assert.Equal(["system", "user", "assistant", "user", "assistant"], messages.Select(message => Text(message, "role")));
        Assert.Equal(("Be brief.", "When was", "Who is"), (Text(messages[0], "content"), Text(messages[1], "content"), Text(messages[3], "content")));
        Assert.Equal($"{Text(messages[2], "content")}\n{Text(messages[4], "content")}\n", shown.Output);
        Assert.Equal((8, "maximum-tokens"), (messages[2].GetProperty("tokens").GetInt32(), Text(messages[2], "stopReason")));
        Assert.Equal("(cut after 8 tokens: --maximum-tokens)\n(cut after 8 tokens: --maximum-tokens)\n", shown.Error);
        Assert.Equal((taught.Model, "zephyr", 8, 0), (Text(json, "model"), Text(json, "chatTemplate"), json.GetProperty("maximumTokens").GetInt32(), json.GetProperty("temperature").GetInt32()));

        // What generate says after the same text, of which the second answer reads the new part only.
        Tokenizer tokenizer = ModelFolder.LoadTokenizer(taught.Model);
        int[] prompt = ChatTemplate.Zephyr.Encode(tokenizer, [new(ChatRole.System, "Be brief."), new(ChatRole.User, "When was")]);
        Assert.Equal(prompt.Length, messages[2].GetProperty("promptTokens").GetInt32());
        Assert.InRange(messages[4].GetProperty("readTokens").GetInt32(), 1, messages[4].GetProperty("promptTokens").GetInt32() - prompt.Length);
        Assert.Equal(JsonSerializer.Serialize(json), JsonSerializer.Serialize(JsonDocument.Parse(CommandRun.Typed("When was\nWho is", [.. line, "--json"]).Output).RootElement));
    }

    [Fact]
    public void WithoutATemplateAnAnswerIsWhatGenerateSaysOnTheNextLine()
    {
        string generated = JsonDocument.Parse(CommandRun.Good("generate", "--model", taught.Model, "--prompt", "When was\n", "--maximum-tokens", "10", "--json").Output)
            .RootElement.GetProperty("completions")[0].GetProperty("text").GetString()!;

        Assert.Equal(generated.Split('\n')[0] + "\n", CommandRun.Typed("When was\n", Line("--maximum-tokens", "10")).Output);
    }

    [Fact]
    public void CommandsAreObeyedAndNotSent()
    {
        CommandRun run = CommandRun.Typed(
            "/help\nWho\n/reset\n/system  Be kind. \nWho\n/system\n/quit\n/exit now\n /path\n/exit\nnever sent\n", Line("--maximum-tokens", "4", "--json", folder.File("out.json")));

        JsonElement json = JsonDocument.Parse(File.ReadAllText(folder.File("out.json"))).RootElement;
        Assert.Equal(2, json.GetProperty("conversations").GetArrayLength());
        Assert.Equal(["user: Who"], Messages(json, 0).SkipLast(1).Select(Said));
        JsonElement[] second = Messages(json, 1);
        Assert.Equal(["system: Be kind.", "user: Who", "system: ", "user:  /path"], second.Where(message => Text(message, "role") != "assistant").Select(Said));
        Assert.Equal(3, run.Output.Count(character => character == '\n'));
        Assert.StartsWith("/reset         forgets what was said; the system message stays\n", run.Error, StringComparison.Ordinal);
        Assert.Contains("(a new conversation)\n(system message set)\n", run.Error, StringComparison.Ordinal);
        Assert.Contains("(no system message)\nnot sent: /quit is no command; expected /reset, /system TEXT, /exit or /help\nnot sent: /exit with a text is no command; ", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("> ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void TheOldestTurnsAreLeftOutAloud()
    {
        CommandRun run = CommandRun.Typed(string.Concat(Enumerable.Repeat(new string('x', 30) + "\n", 4)), Line("--maximum-tokens", "20"));

        Assert.Contains("(the oldest 2 turns were left out: the conversation had become too long for the model)", run.Error, StringComparison.Ordinal);
        CommandRun tooLong = CommandRun.Typed(new string('x', 200) + "\n", 17, Line());
        Assert.Contains("hybrid: the message has ", tooLong.Error, StringComparison.Ordinal);
        Assert.Contains("expected at most 64, as the model has 128 positions and an answer may take 64\n", tooLong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void CtrlCStopsTheAnswerAndThenTheChat()
    {
        using LlamaModel model = ModelFolder.LoadModel(taught.Model, ElementType.Float32, Device.Cpu);
        using var conversation = new Conversation(model, ModelFolder.LoadTokenizer(taught.Model), ChatTemplate.Zephyr, 20, SamplingOptions.Greedy);
        using var interrupts = new Interrupts(CancellationToken.None);
        using var notes = new StringWriter();
        using var output = new InterruptingWriter(interrupts);
        using var reader = new InterruptingReader(interrupts, "Who\n");
        var loop = new ChatLoop(new CommandContext(reader, ConsoleOn(output), ConsoleOn(notes), default), conversation, interrupts, silent: false);

        Assert.ThrowsAny<OperationCanceledException>(loop.Run);

        ChatMessage[] messages = [.. Assert.Single(loop.Transcript.Conversations)];
        Assert.Equal(("Who", StopReason.Interrupted), (messages[0].Content, messages[1].StopReason));
        Assert.InRange(messages[1].Tokens!.Value, 1, 19);
        Assert.Equal(messages[1].Content + "\n", output.ToString());
        Assert.Equal("(stopped)\n", notes.ToString());
    }

    /// <summary>The program itself, whose standard input stays open.</summary>
    [Fact]
    public void CtrlCBetweenAnswersLeavesWith130()
    {
        var start = new ProcessStartInfo("dotnet", [typeof(CommandLine).Assembly.Location, .. Line("--maximum-tokens", "4", "--json", folder.File("out.json"))])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.WriteLine("Who");
        process.StandardInput.Flush();
        Assert.NotNull(process.StandardOutput.ReadLine()); // the answer is over

        using (Process kill = Process.Start("kill", ["-INT", $"{process.Id}"]))
        {
            kill.WaitForExit();
        }

        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(60)), "still running");
        Assert.Equal(ExitCode.Cancelled, process.ExitCode);
        Assert.EndsWith("hybrid: cancelled\n", process.StandardError.ReadToEnd(), StringComparison.Ordinal);
        Assert.Equal(2, Messages(JsonDocument.Parse(File.ReadAllText(folder.File("out.json"))).RootElement, 0).Length);
    }

    [Fact]
    public void WhatHasNoMeaningIsAnError()
    {
        CommandRun.Bad(17, Line("--maximum-tokens", "128"), "--maximum-tokens: 128 tokens of an answer leave no room for a question; expected fewer than the model's 128 positions");
        CommandRun.Bad(17, Line("--top-p", "1.5"), "chat: top-p 1.5 must be above 0 and at most 1");
        CommandRun.Bad(ExitCode.Usage, Line("--chat-template", "lama"), "--chat-template: 'lama' is not one of llama3, chatml, zephyr, none");
        CommandRun.Bad(12, Line("--chat-template", "llama3"), "chat template 'llama3' needs the token <|eot_id|>");
        CommandRun.Bad(10, ["chat", "--model", "/no/such"], "/no/such: no such model folder");
        CommandRun.Bad(19, Line("--json", folder.File("no/such/out.json")), "there is no folder");
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static string Said(JsonElement message) => $"{Text(message, "role")}: {Text(message, "content")}";

    private static JsonElement[] Messages(JsonElement json, int conversation) => [.. json.GetProperty("conversations")[conversation].GetProperty("messages").EnumerateArray()];

    private static IAnsiConsole ConsoleOn(TextWriter writer) => AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer), Ansi = AnsiSupport.No });

    private string[] Line(params string[] more) => ["chat", "--model", taught.Model, .. more];

    /// <summary>Ctrl-C at the first piece of an answer.</summary>
    private sealed class InterruptingWriter(Interrupts interrupts) : StringWriter
    {
        public override void Write(string? value)
        {
            base.Write(value);
            if (value != "\n")
            {
                interrupts.Interrupt();
            }
        }
    }

    /// <summary>Ctrl-C where the text has come to its end.</summary>
    private sealed class InterruptingReader(Interrupts interrupts, string text) : TextReader
    {
        private readonly StringReader reader = new(text);
        private readonly ManualResetEventSlim over = new();

        public override string? ReadLine()
        {
            if (reader.ReadLine() is { } line)
            {
                return line;
            }

            interrupts.Interrupt();
            over.Wait(); // as at a terminal, where nothing more is typed
            return null;
        }

        protected override void Dispose(bool disposing) => over.Set();
    }
}
