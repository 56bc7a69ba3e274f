using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Tests.Reporting;

/// <summary>A made-up experiment with everything in it that a report can show, and texts that try to break out of it.</summary>
internal static class SampleReport
{
    /// <summary>Ends a script, opens an element, and holds every character that HTML, Markdown and CSV treat specially.</summary>
    public const string Nasty = "</script><b>&\"'`|*_\u2028,\nnext line";

    private static readonly string[] Kinds = ["ga", "gd", "rmu", "npo", "kunbr", "kunbr"];
    private static readonly string[] Labels = ["GA", "GD", "RMU", "NPO | <i>β</i>", "KUnBR", "KUnBR, head blocks"];

    public static ExperimentReport Make() => new()
    {
        Name = "sample",
        Title = "Sample & <test>",
        Dataset = "random-birthdays",
        DatasetSource = "made up for tests",
        IsAblation = false,
        Model = "taught/" + Nasty,
        Parameters = 453_696,
        Layers = 8,
        Seeds = [1, 2],
        Chance = 0.25,
        ForgetQuestions = 157,
        RetainQuestions = 157,
        Selection = new SelectionFacts(0.05, [0, 1], 6),
        ReportingFolds = [2, 3, 4],
        ForgetBefore = new Figure([0.98, 0.96], 0.95, 0.99),
        RetainBefore = new Figure([0.97, 0.97], 0.94, 0.99),
        Density = [0.20, 0.18, 0.16, 0.14, 0.12, 0.10, 0.06, 0.04],
        Methods = [.. Enumerable.Range(0, Labels.Length).Select(Method)],
        Cases =
        [
            new CaseQuestion("When was " + Nasty + " born?", "1950", "In 1950.", [.. Labels.Select((label, i) => new CaseAnswer(label, i == 0 ? Nasty : "In 1931.", i == 4 ? new string('x', 200) : "It was 1950"))]),
            new CaseQuestion("When was Ada Mora born?", "1988", "1988", [.. Labels.Select(label => new CaseAnswer(label, string.Empty, "1988"))]),
        ],
        Provenance = new Provenance("0.1.0", "hybrid 0.1.0, LibTorch 1.13.1", "10.0.0", "2 × Example CPU, Linux", "cpu, float32", 2, 1, new DateTime(2026, 2, 3, 4, 5, 6, DateTimeKind.Utc), 7_530, "name: sample\ntitle: \"" + Nasty + "\"\n"),
    };

    /// <summary>A method whose figures follow from its index, so that tests can work them out.</summary>
    private static MethodReport Method(int i)
    {
        double forget = 0.30 + (0.02 * i), rtt = 0.80 - (0.05 * i);
        bool kept = i != 2;
        return new MethodReport
        {
            Label = Labels[i],
            Method = Kinds[i],
            Picked =
            [
                new PickedSetting(1, Point("4", "3e-4"), true, 480, 12.5, 0.75, 1e-4, 3),
                new PickedSetting(2, Point("8", "6e-4"), kept, 480, 13.5, 0.5, 3e-4, 4),
            ],
            Forget = new Figure([forget, forget + 0.1], forget - 0.02, forget + 0.12),
            Rtt = new Figure([rtt, rtt + 0.04], rtt - 0.03, rtt + 0.07),
            RttLast = new Figure([rtt - 0.02, rtt], rtt - 0.05, rtt + 0.05),
            Recovery = new Figure([rtt - forget, rtt - forget - 0.06]),
            RecoveryRate = new Figure([i == 1 ? double.NaN : 0.7 - (0.1 * i), 0.5]),
            Retain = new Figure(kept ? [0.94, 0.96] : [0.60, 0.62], 0.58, 0.99),
            ForgetCalibrated = new Figure([0.4, 0.5], 0.35, 0.55),
            RetainTextNll = i == 0 ? null : new Figure([1.25, 1.75]),
            RttCurves = [.. new[] { 1e-4, 3e-4 }.Select((rate, k) => new RateCurve(rate, [forget, forget + (0.1 * (k + 1)), forget + (0.15 * (k + 1)), rtt - 0.01, rtt]))],
            ForgetByPass = [.. Enumerable.Range(0, 13).Select(pass => new PassPoint(pass, pass == 0 ? "original" : i > 3 && pass > 9 ? $"re-insert block {pass - 10}" : "pre-unlearn", 0.97 - ((0.97 - forget) * pass / 12)))],
            Losses = [.. Enumerable.Range(1, i == 0 ? 480 : 60).Select(step => new LossPoint(step, step <= 40 ? "pre-unlearn" : "re-insert", Math.Cos(step / 40.0) - (step / 100.0), step / 50.0, i == 0 ? null : 1.5 - (step / 500.0)))],
            Quantization = [new QuantizationFigure(8, new Figure([forget, forget + 0.1]), new Figure([0.94, 0.95])), new QuantizationFigure(4, new Figure([forget + 0.05, forget + 0.12]), new Figure([0.90, 0.92]))],
            RetainRelearning = new Figure([forget + 0.03, forget + 0.13], forget, forget + 0.2),
            Rounds = i switch
            {
                4 => [new ChosenBlocks([0.22, 0.18, 0.15, 0.14, 0.12, 0.09, 0.06, 0.04], 4, 2, [1, 0]), new ChosenBlocks([0.12, 0.14, 0.18, 0.18, 0.15, 0.12, 0.07, 0.04], 4, 2, [1, 2])],
                5 => [new ChosenBlocks([], 3, 2, [2, 1])],
                _ => [],
            },
            Candidates =
            [
                new CandidateReport(1, Point("4", "3e-4"), forget, 0.94, rtt, true, null),
                new CandidateReport(1, Point("2", "6e-4"), null, null, null, false, "the loss is NaN at step 12 of 480"),
            ],
        };
    }

    private static Dictionary<string, string> Point(string alpha, string rate) => new() { ["retain-coefficient"] = alpha, ["learning-rate"] = rate };
}
