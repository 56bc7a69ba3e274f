using System.CommandLine;
using System.Globalization;
using Hybrid.Orchestrator.Data;
using Spectre.Console;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid data stats</c>: a dataset in numbers, and its lengths under a tokenizer.</summary>
internal static class DataStatsCommand
{
    // A bin with anything in it shows at least the lowest of these.
    private const string Levels = "▁▂▃▄▅▆▇█";

    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var dataset = new DatasetOptions();
        Option<string> tokenizer = CommonOptions.Tokenizer();
        Option<string?> json = CommonOptions.Json();
        var command = new Command("stats", """
            Counts a dataset's questions and texts, shows where the right answers stand, and measures how many tokens its
            examples have in each training form.

            Example:  hybrid data stats --dataset random-birthdays --data data --tokenizer models/taught
            """)
        {
            tokenizer, json,
        };
        dataset.AddTo(command);
        bind(command, (parsed, context) =>
        {
            JsonOutput.Check(parsed.GetValue(json));
            UnlearningDataset loaded = dataset.Load(parsed);
            DataStatistics statistics = DataStatistics.Of(loaded, CommonOptions.LoadTokenizer(parsed.GetValue(tokenizer)!));
            JsonOutput.Write(context, parsed.GetValue(json), statistics);
            if (parsed.GetValue(json) != JsonOutput.StandardOutput)
            {
                context.Output.Write(QuestionsOf(statistics));
                context.Output.Write(TextsOf(statistics));
                context.Output.Write(LengthsOf(statistics));
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static Table QuestionsOf(DataStatistics statistics)
    {
        Table table = Tables.New(["questions", "split", ">rows", ">distinct", .. McqPrompt.Letters.Select(letter => $">right: {letter}")]);
        foreach (QuestionStatistics split in statistics.Questions)
        {
            table.AddRow(
            [
                split.Part, split.Split == split.Part ? string.Empty : Markup.Escape(split.Split), Text(split.Questions), Text(split.Distinct),
                .. split.Answers.Select(count => Tables.Percent((double)count / split.Questions)),
            ]);
        }

        return table;
    }

    private static Table TextsOf(DataStatistics statistics)
    {
        Table table = Tables.New("texts", ">number", ">distinct");
        foreach (TextStatistics part in statistics.Texts)
        {
            table.AddRow(part.Part, Text(part.Texts), Text(part.Distinct));
        }

        return table;
    }

    private static Table LengthsOf(DataStatistics statistics)
    {
        Table table = Tables.New(
            "tokens of", "form", ">examples", ">min", ">median", ">95 %", ">max", $">over {ExampleEncoder.UsualMaximumTokens}", $"up to {string.Join(", ", TokenLengths.BinBounds)}, more");
        foreach (TokenLengths lengths in statistics.Lengths)
        {
            table.AddRow(
                lengths.Part, lengths.Form, Text(lengths.Examples), Text(lengths.Minimum), Text(lengths.Median), Text(lengths.Percentile95), Text(lengths.Maximum), Text(lengths.Cut),
                Bars(lengths.Histogram));
        }

        return table;
    }

    /// <summary>A bar a bin, the fullest at full height, an empty one blank.</summary>
    private static string Bars(IReadOnlyList<int> bins) => string.Concat(
        bins.Select(count => count == 0 ? ' ' : Levels[(int)Math.Ceiling((double)count * Levels.Length / bins.Max()) - 1]));

    private static string Text(int count) => count.ToString(CultureInfo.InvariantCulture);
}
