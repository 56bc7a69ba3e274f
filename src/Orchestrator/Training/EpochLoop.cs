using System.Diagnostics;
using Hybrid.Interop;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Training;

/// <summary>Shuffled passes over a set of examples, an optimizer step a batch, on the parameters of a model that are trainable.</summary>
public sealed record EpochLoop
{
    /// <summary>Name for progress and errors.</summary>
    public required string Stage { get; init; }

    /// <summary>The model.</summary>
    public required LlamaModel Model { get; init; }

    /// <summary>How parameters move; the state starts empty.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>Passes.</summary>
    public required int Epochs { get; init; }

    /// <summary>Number of examples.</summary>
    public required int Examples { get; init; }

    /// <summary>Examples a step; the last step of a pass may have fewer.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Where the order comes from.</summary>
    public required SeededRandom Random { get; init; }

    /// <summary>
    /// Whether a copy of the trainable parameters is kept, to be put back where training diverges; else they stay as they broke, for models that are
    /// thrown away then.
    /// </summary>
    public required bool KeepsLastGood { get; init; }

    /// <summary>What the run survives its process by; null for nothing.</summary>
    public RunJournal? Journal { get; init; }

    /// <summary>Every tensor that the run has changed so far or changes here, by name: what a checkpoint holds. Null for the model's trainable parameters.</summary>
    public Func<IEnumerable<KeyValuePair<string, Tensor>>>? Changed { get; init; }

    /// <summary>Told of every step.</summary>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>Stops the loop between two steps.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Optimizer steps of the whole loop.</summary>
    public int Steps => Epochs * BatchSampler.StepsPerEpoch(Examples, BatchSize);

    /// <summary>
    /// Runs it. <paramref name="loss"/> gets a batch and runs inside a tensor scope. <paramref name="afterEpoch"/>, told the number of the pass that
    /// ended, counted from 1, may end the loop by answering false; what it asks the model goes through the journal, too. Steps that the journal has
    /// are not computed again: <paramref name="replayed"/> gets their batches, and does what else the loss would have left behind.
    /// </summary>
    /// <returns>Steps taken, those of earlier processes among them.</returns>
    /// <exception cref="HybridException">Diverged: a loss, or a parameter at the end of a pass, is not finite. The parameters are as after the last pass that left them sound, where that is kept. Io: a checkpoint cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled, after a checkpoint where there is a journal.</exception>
    public int Run(Func<TrainingBatch, ForgetRetainLoss> loss, Func<int, bool>? afterEpoch = null, Action<TrainingBatch>? replayed = null)
    {
        JournalStage? kept = Journal?.Begin(Stage);
        int made = 0, before = kept?.StepsBefore ?? 0;
        using var training = new Training(this, kept);
        training.StartAfter(made, before);
        try
        {
            for (int epoch = 1; epoch <= Epochs; epoch++)
            {
                int drawn = (epoch - 1) * Examples;
                foreach (int[] batch in BatchSampler.Epoch(Examples, BatchSize, Random.Fork($"epoch {epoch}")))
                {
                    if (made < before)
                    {
                        StepLosses known = kept!.LossesOf(++made);
                        Progress?.Report(new TrainingProgress(Stage, made, Steps, known.Loss, known.Forget, known.Retain));
                        replayed?.Invoke(new TrainingBatch(batch, drawn));
                        training.StartAfter(made, before);
                    }
                    else
                    {
                        // The copy follows only once a loss has shown that the pass before left the model sound.
                        bool copies = epoch > 1 && drawn == (epoch - 1) * Examples;
                        training.Step(() => loss(new TrainingBatch(batch, drawn)), batch.Length, copies);
                        made++;
                    }

                    drawn += batch.Length;
                }

                training.RequireFiniteParameters(epoch);
                if (afterEpoch is not null && !afterEpoch(epoch))
                {
                    break;
                }
            }
        }
        catch (HybridException error) when (error.Kind == ErrorKind.Diverged)
        {
            training.RestoreLastGood();
            throw;
        }
        catch (OperationCanceledException)
        {
            training.Save();
            throw;
        }

        return made;
    }

    /// <summary>The part of the loop that computes. It takes up no memory before its first step, since loops that the journal knows have none.</summary>
    private sealed class Training(EpochLoop loop, JournalStage? kept) : IDisposable
    {
        private TrainingStep? step;
        private LastGoodState? lastGood;

        /// <summary>Starts once the steps of earlier processes are through, and the loop is not over for the run.</summary>
        public void StartAfter(int made, int before)
        {
            if (made < before || kept is { Place: StagePlace.BeforeCheckpoint })
            {
                return;
            }

            step = new TrainingStep(loop.Model, loop.Optimizer, loop.Random.Fork("rounding"), made);
            lastGood = loop.KeepsLastGood ? new LastGoodState(loop.Model) : null;
            if (kept is { Place: StagePlace.AtCheckpoint })
            {
                kept.Restore(Tensors());
            }
        }

        public void Step(Func<ForgetRetainLoss> loss, int examples, bool copies)
        {
            if (step is null)
            {
                throw new HybridException(ErrorKind.Config, $"{loop.Stage}: the checkpoint lacks steps of this stage, which it comes after: it is another run's; delete its folder to begin anew");
            }

            loop.Cancellation.ThrowIfCancellationRequested();
            long began = Stopwatch.GetTimestamp();
            TrainingProgress done = step.Run(loop.Stage, loop.Steps, loss, copies && lastGood is not null ? lastGood.Update : null);
            HybridTelemetry.Step(loop.Stage, examples, done.Loss, began);
            loop.Progress?.Report(done);
            kept?.Made(done);
            kept?.SaveIfDue(Tensors);
        }

        /// <summary>No loss follows the last update, so its result is looked at directly.</summary>
        public void RequireFiniteParameters(int epoch)
        {
            if (step is null)
            {
                return; // an earlier process has looked
            }

            using TensorScope scope = TensorScope.Begin();
            foreach (string name in loop.Model.Trainable())
            {
                if (!double.IsFinite(loop.Model[name].AbsMax().Item()))
                {
                    throw new HybridException(ErrorKind.Diverged, $"{loop.Stage}: parameter '{name}' is not finite after pass {epoch} of {loop.Epochs}; a smaller learning rate may help");
                }
            }
        }

        /// <summary>Writes a checkpoint, if there is anything that is not in one.</summary>
        public void Save()
        {
            if (step is not null)
            {
                kept?.Save(Tensors);
            }
        }

        public void RestoreLastGood() => lastGood?.Restore();

        public void Dispose()
        {
            step?.Dispose();
            lastGood?.Dispose();
        }

        /// <summary>All that the next step depends on.</summary>
        private IEnumerable<KeyValuePair<string, Tensor>> Tensors() =>
        [
            .. Named("model", loop.Changed?.Invoke() ?? loop.Model.Trainable().Select(name => KeyValuePair.Create(name, loop.Model[name]))),
            .. Named("optimizer", step!.State),
            .. Named("last-good", lastGood?.State ?? []),
        ];

        private static IEnumerable<KeyValuePair<string, Tensor>> Named(string prefix, IEnumerable<KeyValuePair<string, Tensor>> tensors) =>
            tensors.Select(tensor => KeyValuePair.Create($"{prefix}/{tensor.Key}", tensor.Value));
    }
}

/// <summary>What a step is made on.</summary>
/// <param name="Examples">Positions of its examples.</param>
/// <param name="Drawn">How many examples the loop has drawn before these.</param>
public readonly record struct TrainingBatch(int[] Examples, int Drawn);
