using System.CommandLine;
using System.Globalization;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Runs;
using Spectre.Console;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid data check</c>: everything that is wrong or peculiar in a dataset's files.</summary>
internal static class DataCheckCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var dataset = new DatasetOptions();
        Option<bool> strict = OptionKinds.Switch("--strict", "Exit with 13 after the report where anything was found.");
        Option<string?> json = CommonOptions.Json();
        var command = new Command("check", """
            Reads every file of a dataset and counts what is wrong or peculiar: faulty lines, repeated questions, leaks from T
            to V, conflicting answers, repeated choices, texts about other facts than the questions.

            Example:  hybrid data check --dataset random-birthdays --data data --strict
            """)
        {
            strict, json,
        };
        dataset.AddTo(command);
        bind(command, (parsed, context) =>
        {
            JsonOutput.Check(parsed.GetValue(json));
            DataCheckReport report = DataCheck.Inspect(dataset.Find(parsed));
            JsonOutput.Write(context, parsed.GetValue(json), report);
            if (parsed.GetValue(json) != JsonOutput.StandardOutput)
            {
                Print(report, context);
            }

            return parsed.GetValue(strict) && report.Findings.Count > 0
                ? throw new HybridException(ErrorKind.DataFile, $"{report.Folder}: dataset {report.Dataset} has {Summary(report)}")
                : ExitCode.Success;
        });
        return command;
    }

    private static void Print(DataCheckReport report, CommandContext context)
    {
        context.WriteLine($"{report.Dataset}: {report.Folder}: {report.Files} files, {report.Rows} rows, {(report.Findings.Count > 0 ? Summary(report) : "nothing found")}");
        context.Output.Write(CountsOf(report));
        context.Output.Write(FoldsOf(report));
        if (report.Texts.Count > 0)
        {
            context.Output.Write(TextsOf(report));
        }

        if (report.Findings.Count > 0)
        {
            context.Output.Write(FindingsOf(report));
        }

        foreach (string line in report.Faults.Select(fault => fault.Message)
            .Concat(report.EmptyFiles.Select(file => $"{file}: holds no line"))
            .Concat(report.UnknownFiles.Select(file => $"{file}: not read, it belongs to no part of the dataset")))
        {
            context.WriteLine(line);
        }
    }

    /// <summary>How many findings there are, and how many of each kind.</summary>
    private static string Summary(DataCheckReport report)
    {
        int count = report.Findings.Sum(finding => finding.Count);
        return $"{count} {(count == 1 ? "finding" : "findings")}: {string.Join(", ", report.Findings.Select(finding => $"{finding.Count} {NameOf(finding.Kind)}"))}";
    }

    private static string NameOf(DataFindingKind kind) => KebabCase.Of(kind.ToString());

    private static Table CountsOf(DataCheckReport report)
    {
        Table table = Tables.New("questions", ">rows", ">distinct", ">in several splits", ">conflicting answers", ">repeat a choice", ">repeat the right one");
        foreach ((string part, QuestionCounts counts) in new[] { ("forget", report.Forget), ("retain", report.Retain), ("together", report.All) })
        {
            table.AddRow(
                part, Text(counts.Questions), Text(counts.Distinct), Text(counts.InSeveralSplits), Text(counts.WithConflictingAnswers), Text(counts.RepeatingAChoice), Text(counts.RepeatingTheAnswer));
        }

        return table;
    }

    private static Table FoldsOf(DataCheckReport report)
    {
        Table table = Tables.New("held out as V", ">rows", ">stand in T too", ">V without them");
        foreach (FoldLeak fold in report.Folds)
        {
            table.AddRow(Markup.Escape(fold.HeldOutSplit), Text(fold.Questions), Text(fold.InTraining), Text(fold.Questions - fold.InTraining));
        }

        return table;
    }

    private static Table TextsOf(DataCheckReport report)
    {
        Table table = Tables.New("texts of", ">source questions", ">not in the split", ">questions without text");
        foreach (TextCoverage split in report.Texts)
        {
            table.AddRow(
                split.Split == TextCoverage.AllForgetSplits ? "all forget splits" : Markup.Escape(split.Split), Text(split.Sources), Text(split.OutsideSplit), Text(split.QuestionsWithoutText));
        }

        return table;
    }

    private static Table FindingsOf(DataCheckReport report)
    {
        Table table = Tables.New("found", ">count", "what it is");
        foreach (DataFinding finding in report.Findings)
        {
            table.AddRow(NameOf(finding.Kind), Text(finding.Count), Markup.Escape(Meaning(finding.Kind, report)));
        }

        return table;
    }

    private static string Meaning(DataFindingKind kind, DataCheckReport report) => kind switch
    {
        DataFindingKind.FaultyLine => string.Join(", ", report.Faults.CountBy(fault => fault.Kind).Select(faults => $"{faults.Value} {KebabCase.Of(faults.Key.ToString())}")),
        DataFindingKind.EmptyFile => "files without a line",
        DataFindingKind.RepeatedQuestion => "rows whose question stands in an earlier row",
        DataFindingKind.LeakedQuestion => "questions in more than one forget split: a leak from T to V",
        DataFindingKind.ConflictingAnswer => "questions with different right answers",
        DataFindingKind.RepeatedChoice => $"rows that repeat a choice, {report.All.RepeatingTheAnswer} of them the right one",
        DataFindingKind.ForgetAndRetain => "questions both to be forgotten and to be retained",
        DataFindingKind.DevInSplit => "few-shot questions that stand in a split",
        DataFindingKind.TextOutsideSplit => "questions that texts were made from and that their split does not ask",
        DataFindingKind.QuestionWithoutText => "questions that no text of their split was made from",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "unknown kind"),
    };

    private static string Text(int count) => count.ToString(CultureInfo.InvariantCulture);
}
