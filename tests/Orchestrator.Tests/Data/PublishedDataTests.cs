using Hybrid.Orchestrator.Data;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Data;

/// <summary>RTT's own four datasets, where they are at hand. The numbers were also counted apart from this code.</summary>
public sealed class PublishedDataTests
{
    private const string Rtt = "data/rtt";

    private static string DataDirectory => SharedData.Find(Rtt)!;

    [SharedDataFact(Rtt)]
    public void BirthdaysLoad() => AssertLoads("random-birthdays", [157, 157, 157, 157, 157], 2355, 2127, 2355, 785, 10);

    [SharedDataFact(Rtt)]
    public void YearsLoad() => AssertLoads("years", [158, 158, 158, 158, 157], 2355, 2355, 2355, 785, 5);

    [SharedDataFact(Rtt)]
    public void WmdpLoads() => AssertLoads("wmdp-deduped", [157, 157, 157, 157, 157], 2355, 2089, 2355, 785, 5);

    [SharedDataFact(Rtt)]
    public void MmluLoads() => AssertLoads("mmlu", [157, 157, 157, 157, 157], 2355, 2243, 2355, 785, 5);

    [SharedDataFact(Rtt)]
    public void NumericChoicesAreTheirText()
    {
        UnlearningDataset dataset = DatasetCatalog.Load("random-birthdays", DataDirectory);

        MultipleChoiceQuestion first = dataset.ForgetSplits[0].Questions[0];
        Assert.Equal("When was Aidan Li born?\nA. 1961\nB. 1958\nC. 1965\nD. 1994\nAnswer:", McqPrompt.Render(first));
        Assert.Equal("1965", first.CorrectChoice);
    }

    [SharedDataFact(Rtt)]
    public void BirthdaysHaveTheirKnownDefects()
    {
        DataCheckReport report = AssertNoFaults("random-birthdays", files: 44, rows: 15243);

        AssertCounts(report.Forget, 785, 749, 7, 9, 35, 16);
        AssertCounts(report.Retain, 785, 753, 10, 14, 40, 18);
        AssertCounts(report.All, 1570, 1486, 19, 21, 75, 34);
        Assert.Equal([8, 5, 10, 7, 10], report.Folds.Select(fold => fold.InTraining));
        Assert.Equal([new("split_9", 155, 0, 1)], report.Texts.Where(split => split.OutsideSplit + split.QuestionsWithoutText > 0));
        Assert.Equal(
            [
                new(DataFindingKind.RepeatedQuestion, 84),
                new(DataFindingKind.LeakedQuestion, 7),
                new(DataFindingKind.ConflictingAnswer, 21),
                new(DataFindingKind.RepeatedChoice, 75),
                new(DataFindingKind.ForgetAndRetain, 16),
                new(DataFindingKind.QuestionWithoutText, 1),
            ],
            report.Findings);
    }

    [SharedDataFact(Rtt)]
    public void YearsTextsStateOtherFactsThanTheirQuestions()
    {
        DataCheckReport report = AssertNoFaults("years", files: 40, rows: 11834);

        AssertCounts(report.Forget, 789, 788, 1, 1, 0, 0);
        AssertCounts(report.Retain, 785, 784, 0, 0, 1, 0);
        Assert.Equal([0, 1, 0, 1, 0], report.Folds.Select(fold => fold.InTraining));
        Assert.Equal(
            [new("split_0", 157, 123, 124), new("split_1", 157, 123, 124), new("split_2", 157, 126, 127), new("split_3", 157, 132, 133), new("split_4", 157, 125, 125)], report.Texts);
        Assert.Equal(629, report.TextSourcesOutsideSplit);
        Assert.Equal((0, 5), (report.InForgetAndRetain, report.DevInSplits));
    }

    [SharedDataFact(Rtt)]
    public void WmdpRepeatsThreeChoices()
    {
        DataCheckReport report = AssertNoFaults("wmdp-deduped", files: 39, rows: 11557);

        AssertCounts(report.Forget, 785, 785, 0, 0, 3, 0);
        Assert.Equal([new(DataFindingKind.RepeatedQuestion, 1), new(DataFindingKind.RepeatedChoice, 4)], report.Findings); // one of each is MMLU's
    }

    [SharedDataFact(Rtt)]
    public void MmluRepeatsFourChoices()
    {
        DataCheckReport report = AssertNoFaults("mmlu", files: 44, rows: 15479);

        AssertCounts(report.Forget, 785, 781, 0, 3, 3, 1);
        AssertCounts(report.All, 1570, 1565, 0, 3, 4, 1);
        Assert.Equal(
            [new(DataFindingKind.RepeatedQuestion, 5), new(DataFindingKind.ConflictingAnswer, 3), new(DataFindingKind.RepeatedChoice, 4)], report.Findings);
    }

    [SharedDataFact(Rtt)]
    public void BirthdayLeaksAreLeftOutOfV()
    {
        UnlearningDataset dataset = DatasetCatalog.Load("random-birthdays", DataDirectory);

        IReadOnlyList<RelearningFold> folds = RttFolds.Make(dataset.ForgetSplits, LeakPolicy.LeaveOut);

        Assert.All(folds, fold => Assert.Equal(628, fold.Train.Count));
        Assert.All(folds, fold => Assert.Equal(157, fold.Validation.Count + fold.LeftOutCount));
        Assert.Equal([8, 5, 10, 7, 10], folds.Select(fold => fold.LeftOutCount));
    }

    private static void AssertLoads(string name, int[] forget, int forgetText, int wrongText, int retainText, int retain, int dev)
    {
        UnlearningDataset dataset = DatasetCatalog.Load(name, DataDirectory);

        Assert.Equal(forget, dataset.ForgetSplits.Select(split => split.Questions.Count));
        Assert.Equal(forgetText, dataset.ForgetText.Read().Count);
        Assert.Equal(wrongText, dataset.WrongText.Read().Count);
        Assert.Equal(retainText, dataset.RetainText.Read().Count);
        Assert.Equal(retain, dataset.RetainQuestions.Count);
        Assert.Equal(dev, dataset.DevQuestions.Count);
    }

    private static DataCheckReport AssertNoFaults(string name, int files, int rows)
    {
        DataCheckReport report = DataCheck.Inspect(DatasetSource.Find(name, DataDirectory));
        Assert.Empty(report.Faults);
        Assert.Empty(report.UnknownFiles);
        Assert.Empty(report.EmptyFiles);
        Assert.Equal((files, rows), (report.Files, report.Rows));
        return report;
    }

    private static void AssertCounts(QuestionCounts counts, int questions, int distinct, int several, int conflicting, int repeated, int answers)
    {
        Assert.Equal(
            new QuestionCounts
            {
                Questions = questions,
                Distinct = distinct,
                InSeveralSplits = several,
                WithConflictingAnswers = conflicting,
                RepeatingAChoice = repeated,
                RepeatingTheAnswer = answers,
            },
            counts);
    }
}
