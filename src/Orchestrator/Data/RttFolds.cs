namespace Hybrid.Orchestrator.Data;

/// <summary>What to do with a question of the held-out split that also stands in T.</summary>
public enum LeakPolicy
{
    /// <summary>Leave it out of V: getting it right would show what T just taught, not what the weights still hold.</summary>
    LeaveOut,

    /// <summary>Keep it, as the published RTT runs do.</summary>
    Keep,
}

/// <summary>Makes the folds of the RTT attack: one per forget split, which is held out as V while the others make T.</summary>
internal static class RttFolds
{
    /// <summary>Makes the folds.</summary>
    /// <param name="forgetSplits">The forget splits, at least two.</param>
    /// <param name="leaks">What to do with questions that stand in both T and V. They are told by the question's text alone, character for
    /// character, since a model trained on one answer to it has been taught about the other.</param>
    /// <param name="folds">The positions of the splits to hold out, in the order wanted; null for every split.</param>
    /// <returns>The folds, in the order asked for.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.EmptySplit"/> when T or V of a fold has no question, as with a single split;
    /// <see cref="ErrorKind.Config"/> when <paramref name="folds"/> names none, one that is not there, or one twice.</exception>
    public static IReadOnlyList<RelearningFold> Make(
        IReadOnlyList<QuestionSplit> forgetSplits, LeakPolicy leaks, IReadOnlyList<int>? folds = null)
    {
        ArgumentNullException.ThrowIfNull(forgetSplits);
        if (forgetSplits.Count < 2)
        {
            throw new HybridException(
                ErrorKind.EmptySplit,
                $"the RTT attack needs at least 2 forget splits, one to hold out and one to train on; found {forgetSplits.Count}");
        }

        int[] chosen = folds is null ? [.. Enumerable.Range(0, forgetSplits.Count)] : [.. folds];
        CheckChosen(chosen, forgetSplits.Count);
        return Array.AsReadOnly<RelearningFold>([.. chosen.Select(index => MakeFold(forgetSplits, index, leaks))]);
    }

    private static RelearningFold MakeFold(IReadOnlyList<QuestionSplit> splits, int index, LeakPolicy leaks)
    {
        QuestionSplit heldOut = splits[index];
        MultipleChoiceQuestion[] train = [.. splits.Where((_, other) => other != index).SelectMany(split => split.Questions)];
        HashSet<string> taught = [.. train.Select(question => question.Question)];
        MultipleChoiceQuestion[] clean = [.. heldOut.Questions.Where(question => !taught.Contains(question.Question))];
        int leaked = heldOut.Questions.Count - clean.Length;
        MultipleChoiceQuestion[] validation = leaks is LeakPolicy.LeaveOut ? clean : [.. heldOut.Questions];
        if (train.Length == 0)
        {
            throw new HybridException(
                ErrorKind.EmptySplit, $"fold {index} ({heldOut.Name}): T is empty; expected questions in the other splits");
        }

        if (validation.Length == 0)
        {
            throw new HybridException(
                ErrorKind.EmptySplit,
                $"fold {index} ({heldOut.Name}): V is empty, {leaked} of {heldOut.Questions.Count} questions stand in T and were left out");
        }

        return new()
        {
            Index = index,
            HeldOutSplit = heldOut.Name,
            Train = Array.AsReadOnly(train),
            Validation = Array.AsReadOnly(validation),
            LeakedCount = leaked,
            LeftOutCount = heldOut.Questions.Count - validation.Length,
        };
    }

    private static void CheckChosen(int[] chosen, int count)
    {
        if (chosen.Length == 0)
        {
            throw new HybridException(ErrorKind.Config, $"no fold was chosen; expected some of 0 to {count - 1}");
        }

        foreach (int index in chosen)
        {
            if (index < 0 || index >= count)
            {
                throw new HybridException(ErrorKind.Config, $"there is no fold {index}; expected 0 to {count - 1}");
            }

            if (chosen.Count(other => other == index) > 1)
            {
                throw new HybridException(ErrorKind.Config, $"fold {index} was chosen twice; expected it once");
            }
        }
    }
}
