using System.CommandLine;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid generate</c>: what a model says after a prompt.</summary>
internal static class GenerateCommand
{
    private const int UsualMaximumTokens = 128;

    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        Option<string> model = CommonOptions.Model(), device = CommonOptions.Device();
        var prompt = new Option<string?>("--prompt") { Description = "The text to continue; special tokens in it are not matched.", HelpName = "TEXT" };
        var file = new Option<string?>("--prompts") { Description = "Texts to continue: .txt with one a line, or .jsonl with {\"text\": …}.", HelpName = "FILE" };
        Option<int?> maximum = OptionKinds.Count("--maximum-tokens", $"Tokens to generate at most. Default: {UsualMaximumTokens}.");
        Option<double?> temperature = CommonOptions.Temperature(), topP = CommonOptions.TopP();
        Option<ulong> seed = CommonOptions.Seed();
        Option<string?> precision = CommonOptions.Precision(), json = CommonOptions.Json();
        Option<int?> threads = CommonOptions.Threads();
        var command = new Command("generate", """
            Continues a text, or every text of a file, until the model ends it or --maximum-tokens are reached. One text is shown
            as it comes into being.

            Example:  hybrid generate --model models/taught --prompt "When was Ada Lovelace born?" --temperature 0.7 --top-p 0.9
            """)
        {
            model, prompt, file, maximum, temperature, topP, seed, device, precision, threads, json,
        };
        command.Validators.Add(result =>
        {
            if ((result.GetResult(prompt) is null) == (result.GetResult(file) is null))
            {
                result.AddError("either --prompt or --prompts is needed");
            }
        });
        bind(command, (parsed, context) =>
        {
            JsonOutput.Check(parsed.GetValue(json));
            CommandContext.UseThreads(parsed.GetValue(threads));
            Device place = CommonOptions.ParseDevice(parsed.GetValue(device)!);
            SamplingOptions sampling = CommonOptions.Sampling("generate", parsed.GetValue(temperature), parsed.GetValue(topP), parsed.GetValue(seed));
            string folder = parsed.GetValue(model)!;
            LlamaConfig config = ModelFolder.LoadConfig(folder);
            IReadOnlyList<string> prompts = parsed.GetValue(file) is { } path ? TextCorpus.OfUserFiles([path]).Read() : [parsed.GetValue(prompt)!];
            Tokenizer tokenizer = ModelFolder.LoadTokenizer(folder, config);
            TokenSequence[] sequences = [.. prompts.Select(text => Encode(tokenizer, text))];
            var decoding = new DecodingOptions
            {
                MaximumNewTokens = parsed.GetValue(maximum) ?? UsualMaximumTokens,
                StopTexts = [],
                StopTokenIds = ChatTemplate.StopIds(tokenizer), // a chat model ends its turn, even where no template began it
                BatchSize = McqEvaluator.UsualBatchSize,
            };
            using LlamaModel loaded = ModelFolder.LoadModel(folder, CommonOptions.PrecisionOf(parsed.GetValue(precision), folder), place);

            var generator = new Generator(tokenizer, decoding, sampling);
            bool silent = parsed.GetValue(json) == JsonOutput.StandardOutput;
            IReadOnlyList<Completion> completions = sequences.Length == 1 && !silent
                ? [Show(context, onText => generator.Stream(loaded, sequences[0], onText, context.Cancellation))]
                : generator.Generate(loaded, sequences, context.Cancellation);
            JsonOutput.Write(context, parsed.GetValue(json), new
            {
                model = folder, sampling.Temperature, sampling.TopP, sampling.Seed,
                completions = prompts.Zip(completions, (text, completion) => new { prompt = text, completion.Text, tokens = completion.Tokens.Count, completion.StopReason }),
            });
            if (!silent && completions.Count > 1)
            {
                foreach ((string text, Completion completion) in prompts.Zip(completions))
                {
                    context.WriteLine($"> {text}\n{completion.Text}\n");
                }
            }

            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>The whole text: one that is too long is an error later, and never cut.</summary>
    private static TokenSequence Encode(Tokenizer tokenizer, string text) => text.Length > 0 || tokenizer.BeginOfText is not null
        ? new ExampleEncoder(tokenizer, int.MaxValue).EncodePrompt(text)
        : throw new HybridException(ErrorKind.Config, "--prompt: an empty text cannot be continued, as the tokenizer has no begin-of-text; expected some text");

    /// <summary>Writes the pieces of a text as they come.</summary>
    private static Completion Show(CommandContext context, Func<Action<string>, Completion> stream)
    {
        TextWriter writer = context.Output.Profile.Out.Writer;
        Completion completion = stream(piece =>
        {
            writer.Write(piece);
            writer.Flush();
        });
        writer.WriteLine();
        return completion;
    }
}
