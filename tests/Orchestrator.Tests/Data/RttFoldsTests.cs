using FsCheck;
using FsCheck.Fluent;
using Hybrid.Orchestrator.Data;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Data;

public sealed class RttFoldsTests
{
    // Few texts over several splits, so that most cases have leaks. A sixth text per split stands nowhere else and keeps V filled.
    private static readonly Arbitrary<QuestionSplit[]> Splits = (
        from count in Gen.Choose(2, 6)
        from texts in Gen.ArrayOf(Gen.ListOf(Gen.Choose(0, 30)), count)
        select texts.Select((numbers, index) => Split(index, [.. numbers.Select(number => $"q{number}"), $"own{index}"])).ToArray())
        .ToArbitrary();

    [Fact]
    public void NoQuestionStandsInBothTAndV() =>
        Prop.ForAll(Splits, splits => RttFolds.Make(splits, LeakPolicy.LeaveOut).All(fold =>
            !fold.Train.Select(question => question.Question).Intersect(fold.Validation.Select(question => question.Question)).Any()))
            .QuickCheckThrowOnFailure();

    [Fact]
    public void EveryRowIsInTOrVOrCountedAsLeftOut() =>
        Prop.ForAll(Splits, splits => RttFolds.Make(splits, LeakPolicy.LeaveOut).All(fold =>
        {
            MultipleChoiceQuestion[] others = [.. splits.Where((_, index) => index != fold.Index).SelectMany(split => split.Questions)];
            MultipleChoiceQuestion[] missing = [.. splits[fold.Index].Questions.Where(question => !fold.Validation.Contains(question))];
            return fold.Train.SequenceEqual(others)
                && fold.Validation.Count + fold.LeftOutCount == splits[fold.Index].Questions.Count
                && fold.LeftOutCount == fold.LeakedCount
                && missing.All(question => others.Any(other => other.Question == question.Question));
        })).QuickCheckThrowOnFailure();

    [Fact]
    public void KeptLeaksLeaveVAsItWasAndAreStillCounted() =>
        Prop.ForAll(Splits, splits =>
            RttFolds.Make(splits, LeakPolicy.Keep).Zip(RttFolds.Make(splits, LeakPolicy.LeaveOut)).All(pair =>
                pair.First.Validation.SequenceEqual(splits[pair.First.Index].Questions)
                && pair.First.LeftOutCount == 0
                && pair.First.LeakedCount == pair.Second.LeftOutCount)).QuickCheckThrowOnFailure();

    [Fact]
    public void ALeakIsLeftOutAndCounted()
    {
        QuestionSplit[] splits = [Split(0, ["a", "b", "b"]), Split(1, ["b", "c"]), Split(2, ["d", "d"])];

        IReadOnlyList<RelearningFold> folds = RttFolds.Make(splits, LeakPolicy.LeaveOut);

        Assert.Equal(["split_0", "split_1", "split_2"], folds.Select(fold => fold.HeldOutSplit));
        Assert.Equal([2, 1, 0], folds.Select(fold => fold.LeftOutCount));
        Assert.Equal(["a"], folds[0].Validation.Select(question => question.Question));
        Assert.Equal(["b", "c", "d", "d"], folds[0].Train.Select(question => question.Question));
        Assert.Equal(["d", "d"], folds[2].Validation.Select(question => question.Question));
    }

    [Fact]
    public void MakesTheFoldsAskedForInTheirOrder()
    {
        QuestionSplit[] splits = [Split(0, ["a"]), Split(1, ["b"]), Split(2, ["c"])];

        IReadOnlyList<RelearningFold> folds = RttFolds.Make(splits, LeakPolicy.LeaveOut, [2, 0]);

        Assert.Equal([2, 0], folds.Select(fold => fold.Index));
        Assert.Equal(["a", "b"], folds[0].Train.Select(question => question.Question));
    }

    [Theory]
    [InlineData(new int[0], "no fold was chosen; expected some of 0 to 1")]
    [InlineData(new[] { 2 }, "there is no fold 2; expected 0 to 1")]
    [InlineData(new[] { -1 }, "there is no fold -1; expected 0 to 1")]
    [InlineData(new[] { 1, 1 }, "fold 1 was chosen twice")]
    public void RefusesAChoiceOfFoldsThatMakesNoSense(int[] folds, string expected)
    {
        HybridException error = Assert.Throws<HybridException>(
            () => RttFolds.Make([Split(0, ["a"]), Split(1, ["b"])], LeakPolicy.LeaveOut, folds));

        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RefusesEmptyTOrVAndNamesTheFold()
    {
        AssertEmpty([Split(0, ["a"])], "at least 2 forget splits");
        AssertEmpty([], "at least 2 forget splits");
        AssertEmpty([Split(0, ["a"]), Split(1, [])], "fold 0 (split_0): T is empty");
        AssertEmpty([Split(0, ["a", "b"]), Split(1, ["a", "a"])], "fold 1 (split_1): V is empty, 2 of 2 questions stand in T");
    }

    private static void AssertEmpty(QuestionSplit[] splits, string expected)
    {
        HybridException error = Assert.Throws<HybridException>(() => RttFolds.Make(splits, LeakPolicy.LeaveOut));
        Assert.Equal(ErrorKind.EmptySplit, error.Kind);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private static QuestionSplit Split(int index, string[] texts) => new()
    {
        Name = $"split_{index}",
        Questions = [.. texts.Select(text => new MultipleChoiceQuestion { Question = text, Choices = ["1", "2", "3", "4"], Answer = index % 4 })],
    };
}
