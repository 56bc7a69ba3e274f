using Hybrid.Interop;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Checkpoints;

/// <summary>One training loop of a run, as the journal sees it.</summary>
/// <param name="journal">The run's.</param>
/// <param name="losses">Of the steps that were made before, by this process or one that died; grows.</param>
/// <param name="place">Where the checkpoint that is gone on from stands.</param>
internal sealed class JournalStage(RunJournal journal, List<StepLosses> losses, StagePlace place)
{
    /// <summary>Steps that an earlier process made.</summary>
    public int StepsBefore { get; } = place == StagePlace.AfterCheckpoint ? 0 : losses.Count;

    /// <summary>Where the checkpoint that is gone on from stands.</summary>
    public StagePlace Place => place;

    /// <summary>What a step of an earlier process told; steps count from 1.</summary>
    public StepLosses LossesOf(int step) => losses[step - 1];

    /// <summary>Puts the checkpoint's values into the tensors.</summary>
    public void Restore(IEnumerable<KeyValuePair<string, Tensor>> tensors) => journal.Restore(tensors);

    /// <summary>Takes note of a step.</summary>
    public void Made(TrainingProgress step) => losses.Add(new StepLosses(step.Loss, step.ForgetNll, step.RetainNll));

    /// <summary>Writes a checkpoint if the last one is long ago.</summary>
    public void SaveIfDue(Func<IEnumerable<KeyValuePair<string, Tensor>>> tensors)
    {
        if (journal.IsDue)
        {
            Save(tensors);
        }
    }

    /// <summary>Writes a checkpoint.</summary>
    public void Save(Func<IEnumerable<KeyValuePair<string, Tensor>>> tensors) => journal.Save(tensors());
}

/// <summary>Where the checkpoint that a run goes on from stands, seen from a stage.</summary>
internal enum StagePlace
{
    /// <summary>In a later stage: nothing of this one is done again, and its weights are of no interest.</summary>
    BeforeCheckpoint,

    /// <summary>In this stage.</summary>
    AtCheckpoint,

    /// <summary>In an earlier stage, or there is none.</summary>
    AfterCheckpoint,
}

/// <summary>What is kept of a step.</summary>
/// <param name="Loss">The loss.</param>
/// <param name="Forget">Its forget part, if any.</param>
/// <param name="Retain">Its retain part, if any.</param>
internal readonly record struct StepLosses(double Loss, double? Forget, double? Retain);
