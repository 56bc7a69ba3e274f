using System.CommandLine;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid chat</c>: a conversation with a model.</summary>
internal static class ChatCommand
{
    /// <summary>Its name on the command line.</summary>
    public const string Name = "chat";

    private const int UsualMaximumTokens = 512;

    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        Option<string> model = CommonOptions.Model(), device = CommonOptions.Device();
        Option<string?> template = CommonOptions.ChatTemplateName();
        var system = new Option<string?>("--system") { Description = "How the assistant is to behave. Default: nothing is said about it.", HelpName = "TEXT" };
        Option<int?> maximum = OptionKinds.Count(
            "--maximum-tokens", $"Tokens of an answer at most. Default: {UsualMaximumTokens}, but no more than half of the model's positions.");
        Option<double?> temperature = CommonOptions.Temperature(), topP = CommonOptions.TopP();
        Option<ulong> seed = CommonOptions.Seed();
        Option<string?> precision = CommonOptions.Precision(), json = CommonOptions.Json();
        Option<int?> threads = CommonOptions.Threads();
        var command = new Command(Name, """
            Talks with a model: a line is a turn, and its answer is shown as it comes into being. /help lists the commands of a chat.

            Example:  hybrid chat --model models/taught --system "Answer in one word." --temperature 0.7
            """)
        {
            model, template, system, maximum, temperature, topP, seed, device, precision, threads, json,
        };
        bind(command, (parsed, context) =>
        {
            JsonOutput.Check(parsed.GetValue(json));
            CommandContext.UseThreads(parsed.GetValue(threads));
            Device place = CommonOptions.ParseDevice(parsed.GetValue(device)!);
            SamplingOptions sampling = CommonOptions.Sampling(Name, parsed.GetValue(temperature), parsed.GetValue(topP), parsed.GetValue(seed));
            string folder = parsed.GetValue(model)!;
            LlamaConfig config = ModelFolder.LoadConfig(folder);
            int tokens = parsed.GetValue(maximum) ?? Math.Min(UsualMaximumTokens, config.MaximumPositions / 2);
            if (tokens >= config.MaximumPositions)
            {
                throw new HybridException(ErrorKind.Config, $"--maximum-tokens: {tokens} tokens of an answer leave no room for a question; expected fewer than the model's {config.MaximumPositions} positions");
            }

            Tokenizer tokenizer = ModelFolder.LoadTokenizer(folder, config);
            ChatTemplate chosen = parsed.GetValue(template) is { } name ? ChatTemplate.Find(name) : ChatTemplateFile.Recognize(folder, tokenizer);
            _ = chosen.Encode(tokenizer, []); // a token that is missing is told before the weights are read
            using LlamaModel loaded = ModelFolder.LoadModel(folder, CommonOptions.PrecisionOf(parsed.GetValue(precision), folder), place);

            using var interrupts = new Interrupts(context.Cancellation);
            using var conversation = new Conversation(loaded, tokenizer, chosen, tokens, sampling) { System = parsed.GetValue(system) };
            var loop = new ChatLoop(context, conversation, interrupts, silent: parsed.GetValue(json) == JsonOutput.StandardOutput);
            if (context.Interactive)
            {
                context.Error.Profile.Out.Writer.WriteLine($"chat template: {chosen.Name}; /help lists the commands");
            }

            try
            {
                loop.Run();
            }
            finally
            {
                JsonOutput.Write(context, parsed.GetValue(json), new
                {
                    model = folder, chatTemplate = chosen.Name, sampling.Temperature, sampling.TopP, sampling.Seed, maximumTokens = tokens,
                    conversations = loop.Transcript.Conversations.Select(messages => new { messages }),
                });
            }

            return ExitCode.Success;
        });
        return command;
    }
}
