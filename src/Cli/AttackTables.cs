using Hybrid.Orchestrator.Attack;
using Spectre.Console;

namespace Hybrid.Cli;

/// <summary>What the attacks show to people.</summary>
internal static class AttackTables
{
    /// <summary>RTT.</summary>
    public static void Show(CommandContext context, string preset, RelearningReport report, double unlearned, double seconds)
    {
        context.WriteLine("Accuracy on the held-out split, mean over folds:");
        ShowMeans(context, report);
        foreach (FoldFacts fold in report.Folds)
        {
            context.WriteLine($"fold {fold.Fold}: V is {fold.HeldOutSplit}, {fold.Validation} questions ({fold.LeftOut} left out, they stand in T too); T has {fold.Train}");
        }

        context.WriteLine(Tables.Text($"A_Unlearn {Tables.Percent(unlearned)} (all forget questions)"));
        ShowBest(context, "A_RTT    ", report);
        context.WriteLine(Tables.Text(
            $"recovery  {report.Recovery * 100:+0.0;-0.0;0.0} points over {Tables.Percent(report.AccuracyBefore)} before the attack on the same questions; preset {preset}, {seconds:F1} s"));
    }

    /// <summary>Training on retain text.</summary>
    public static void ShowRetainRelearning(CommandContext context, string preset, RelearningReport report, double seconds)
    {
        context.WriteLine($"Accuracy on all {report.Folds[0].Validation} forget questions while {report.Folds[0].Train} retain texts are trained on:");
        ShowMeans(context, report);
        ShowBest(context, "best     ", report);
        context.WriteLine(Tables.Text($"recovery  {report.Recovery * 100:+0.0;-0.0;0.0} points over {Tables.Percent(report.AccuracyBefore)} before the attack; preset {preset}, {seconds:F1} s"));
    }

    private static void ShowMeans(CommandContext context, RelearningReport report)
    {
        int states = report.Means().Max(mean => mean.Accuracies.Count);
        Table table = Tables.New([">rate", ">before", .. Enumerable.Range(1, states - 1).Select(epoch => $">epoch {epoch}")]);
        foreach ((double rate, IReadOnlyList<double> accuracies) in report.Means())
        {
            table.AddRow([Tables.Short(rate), .. accuracies.Select(Tables.Percent), .. Enumerable.Repeat("diverged", states - accuracies.Count)]);
        }

        context.Output.Write(table);
    }

    private static void ShowBest(CommandContext context, string name, RelearningReport report)
    {
        (double low, double high) = AccuracyReport.IntervalOf(report);
        context.WriteLine(Tables.Text(
            $"{name} {Tables.Percent(report.Accuracy)} ({Tables.Percent(low)} – {Tables.Percent(high)}) at rate {Tables.Short(report.BestLearningRate)} after epoch {report.BestEpoch}; {Tables.Percent(report.LastEpochAccuracy)} after the last epoch"));
    }
}
