using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid tokenize</c>: the ids of a text, or a comparison with the ids of another implementation.</summary>
internal static class TokenizeCommand
{
    private const int ShownMismatches = 10;
    private const int ShownIds = 12;
    private const int ShownCharacters = 60;

    private static readonly JsonSerializerOptions AsJson = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        Option<string> tokenizer = CommonOptions.Tokenizer();
        var text = new Option<string?>("--text") { Description = "The text; special tokens in it are matched, and none is added.", HelpName = "TEXT" };
        var vectors = new Option<string?>("--vectors") { Description = "Lines of {\"text\": …, \"ids\": […]} to compare with.", HelpName = "FILE.jsonl" };
        Option<string?> json = CommonOptions.Json();
        var command = new Command("tokenize", """
            Prints the token ids of a text. With --vectors: encodes every text of the file, counts and shows the mismatches, and
            exits with 18 if there is any.

            Example:  hybrid tokenize --tokenizer models/taught --text "Answer: A"
            """)
        {
            tokenizer, text, vectors, json,
        };
        command.Validators.Add(result =>
        {
            if ((result.GetResult(text) is null) == (result.GetResult(vectors) is null))
            {
                result.AddError("either --text or --vectors is needed");
            }
        });
        bind(command, (parsed, context) =>
        {
            JsonOutput.Check(parsed.GetValue(json));
            Tokenizer loaded = CommonOptions.LoadTokenizer(parsed.GetValue(tokenizer)!);
            return parsed.GetValue(vectors) is { } file
                ? Compare(loaded, file, parsed.GetValue(json), context)
                : Encode(loaded, parsed.GetValue(text)!, parsed.GetValue(json), context);
        });
        return command;
    }

    private static int Encode(Tokenizer tokenizer, string text, string? json, CommandContext context)
    {
        int[] ids = tokenizer.Encode(text);
        JsonOutput.Write(context, json, new { text, ids });
        if (json != JsonOutput.StandardOutput)
        {
            context.WriteLine(string.Join(' ', ids));
        }

        return ExitCode.Success;
    }

    private static int Compare(Tokenizer tokenizer, string file, string? json, CommandContext context)
    {
        TokenizerVectorReport report = TokenizerVectors.Read(file).Compare(tokenizer);
        JsonOutput.Write(context, json, new
        {
            file, total = report.Total, matched = report.Matched,
            mismatches = report.Mismatches.Select(miss => new
            {
                line = miss.Vector.Line, text = miss.Vector.Text, expected = miss.Vector.Ids, actual = miss.Actual, firstDifference = miss.FirstDifference,
            }),
        });
        if (json != JsonOutput.StandardOutput)
        {
            context.WriteLine($"{report.Matched} of {report.Total} match");
            foreach (TokenizerVectorMismatch miss in report.Mismatches.Take(ShownMismatches))
            {
                int from = miss.FirstDifference;
                string ids = $"expected {Shorten(miss.Vector.Ids, from)}, got {Shorten(miss.Actual, from)}";
                context.WriteLine($"line {miss.Vector.Line}: {Shorten(miss.Vector.Text)}: from id {from} on {ids}");
            }

            if (report.Mismatches.Count > ShownMismatches)
            {
                context.WriteLine($"… and {report.Mismatches.Count - ShownMismatches} more");
            }
        }

        return report.Mismatches.Count == 0
            ? ExitCode.Success
            : throw new HybridException(ErrorKind.Mismatch, $"{file}: {report.Mismatches.Count} of {report.Total} texts have other ids");
    }

    private static string Shorten(string text) =>
        JsonSerializer.Serialize(text.Length <= ShownCharacters ? text : text[..ShownCharacters] + "…", AsJson);

    private static string Shorten(IReadOnlyList<int> ids, int from) =>
        $"[{string.Join(' ', ids.Skip(from).Take(ShownIds))}{(ids.Count - from > ShownIds ? " …" : string.Empty)}]";
}
