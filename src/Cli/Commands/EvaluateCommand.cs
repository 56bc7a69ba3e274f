using System.CommandLine;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid evaluate</c>: what a model knows of what it is to forget and of what it is to retain.</summary>
internal static class EvaluateCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var input = new InputOptions();
        Option<bool> textNll = OptionKinds.Switch("--text-nll", "Also the mean NLL of the retain text's tokens, which takes a pass over all of it.");
        Option<string?> json = CommonOptions.Json();
        Command command = input.CommandWith(
            "evaluate",
            """
            Asks a model the forget and the retain questions and reports the accuracy, plain with its 95 % bootstrap interval,
            calibrated (each letter's mean logit subtracted first), and by likelihood: the choice whose text, after the question
            alone, has the least mean NLL a token. Guessing gives 25 %.

            Example:  hybrid evaluate --model models/taught --dataset random-birthdays --data data
            """,
            textNll, json);
        bind(command, (parsed, context) =>
        {
            JsonOutput.Check(parsed.GetValue(json));
            Input loaded = input.Open(parsed);
            using LlamaModel model = loaded.LoadModel();
            McqEvaluator evaluator = loaded.Evaluator();
            var likelihood = new LikelihoodEvaluator(loaded.Encoder());
            AccuracyReport forget = Ask([.. loaded.Dataset.ForgetQuestions]), retain = Ask(loaded.Dataset.RetainQuestions);
            TextLikelihood? text = parsed.GetValue(textNll) ? TextLikelihood.Of(model, loaded.Encoder(), loaded.Dataset.RetainText, context.Cancellation) : null;
            JsonOutput.Write(context, parsed.GetValue(json), new { model = loaded.Folder, dataset = loaded.Dataset.Name, forget, retain, retainTextNll = text?.MeanNll });
            if (parsed.GetValue(json) != JsonOutput.StandardOutput)
            {
                context.Output.Write(AccuracyReport.TableOf(("forget", forget), ("retain", retain)));
                if (text is not null)
                {
                    context.WriteLine(Tables.Text($"retain text: {text.MeanNll:F4} nats a token over {text.Tokens} tokens, perplexity {text.Perplexity:F2}"));
                }
            }

            AccuracyReport Ask(IReadOnlyList<MultipleChoiceQuestion> questions) => AccuracyReport.Of(evaluator.Evaluate(model, questions, context.Cancellation)) with
            {
                LikelihoodAccuracy = likelihood.Evaluate(model, questions, context.Cancellation).Accuracy,
            };

            return ExitCode.Success;
        });
        return command;
    }
}
