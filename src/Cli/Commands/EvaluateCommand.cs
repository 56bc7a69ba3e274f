using System.CommandLine;
using Hybrid.Orchestrator.Evaluation;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid evaluate</c>: what a model knows of what it is to forget and of what it is to retain.</summary>
internal static class EvaluateCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var input = new InputOptions();
        Option<string?> json = CommonOptions.Json();
        Command command = input.CommandWith(
            "evaluate",
            """
            Asks a model the forget and the retain questions and reports the accuracy, plain with its 95 % bootstrap interval,
            and calibrated: each letter's mean logit subtracted first. Guessing gives 25 %.

            Example:  hybrid evaluate --model models/taught --dataset random-birthdays --data data
            """,
            json);
        bind(command, (parsed, context) =>
        {
            JsonOutput.Check(parsed.GetValue(json));
            using Input loaded = input.Load(parsed);
            McqEvaluator evaluator = loaded.Evaluator();
            AccuracyReport forget = AccuracyReport.Of(evaluator.Evaluate(loaded.Model, [.. loaded.Dataset.ForgetQuestions], context.Cancellation));
            AccuracyReport retain = AccuracyReport.Of(evaluator.Evaluate(loaded.Model, loaded.Dataset.RetainQuestions, context.Cancellation));
            JsonOutput.Write(context, parsed.GetValue(json), new { model = loaded.Folder, dataset = loaded.Dataset.Name, forget, retain });
            if (parsed.GetValue(json) != JsonOutput.StandardOutput)
            {
                context.Output.Write(AccuracyReport.TableOf(("forget", forget), ("retain", retain)));
            }

            return ExitCode.Success;
        });
        return command;
    }
}
