using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>
/// The loop that the methods share: shuffled passes over the forget set, and with each of its batches as many retain examples, taken in a
/// cyclic order. What is trained, and on which loss, is the method's.
/// </summary>
public sealed record ForgetRetainLoop
{
    /// <summary>Key of the order of batches; all methods share it, so that those that are compared see the same.</summary>
    public const string BatchOrder = "gradient difference";

    /// <summary>Name for progress and errors.</summary>
    public required string Stage { get; init; }

    /// <summary>Sets, chance, progress and cancellation.</summary>
    public required UnlearningContext Context { get; init; }

    /// <summary>The model whose trainable parameters move: the context's, or the original while a block stands in it.</summary>
    public required LlamaModel Model { get; init; }

    /// <summary>Names the stream of chance: the same key, seed and sets give the same order of batches.</summary>
    public required string RandomKey { get; init; }

    /// <summary>Passes over the forget set.</summary>
    public required int Epochs { get; init; }

    /// <summary>Forget examples a step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>How parameters move.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>Whether the loss has a retain part, so that there must be something to retain.</summary>
    public required bool NeedsRetain { get; init; }

    /// <summary>What a checkpoint holds of the model; null for the trainable parameters, where nothing else has changed.</summary>
    public Func<IEnumerable<KeyValuePair<string, Tensor>>>? Changed { get; init; }

    /// <summary>The loop of a method that trains the context's model in one stage. Its sets are looked at now, before any work.</summary>
    /// <exception cref="HybridException">EmptySplit, as for <see cref="Run"/>.</exception>
    public static ForgetRetainLoop OneStage(UnlearningContext context, PassOptions passes, bool needsRetain)
    {
        var loop = new ForgetRetainLoop
        {
            Stage = "unlearn",
            Context = context,
            Model = context.Model,
            RandomKey = BatchOrder,
            Epochs = passes.Epochs,
            BatchSize = passes.BatchSize,
            Optimizer = passes.Optimizer,
            NeedsRetain = needsRetain,
        };
        loop.RequireExamples();
        return loop;
    }

    /// <summary>Runs it as the only stage of a method: the context is told of every pass.</summary>
    public UnlearningOutcome RunStage(Func<int[], int[], ForgetRetainLoss> loss, Action<int[], int[]>? replayed = null) =>
        new(Run(loss, pass => Context.AfterPass?.Invoke(new UnlearningPass(Stage, pass)), replayed), []);

    /// <summary>Runs it. <paramref name="loss"/> gets the positions of a batch's forget and retain examples.</summary>
    /// <param name="loss">The method's loss; runs inside a tensor scope.</param>
    /// <param name="afterEpoch">Told the number of the pass that ended, counted from 1.</param>
    /// <param name="replayed">Gets the same of steps that the journal has, and does what else the loss would have left behind.</param>
    /// <returns>Steps taken.</returns>
    /// <exception cref="HybridException">EmptySplit: nothing to forget, or nothing to retain where the loss asks for it. Diverged.</exception>
    public int Run(Func<int[], int[], ForgetRetainLoss> loss, Action<int>? afterEpoch = null, Action<int[], int[]>? replayed = null)
    {
        RequireExamples();
        SeededRandom random = Context.Random.Fork(RandomKey);
        var retain = new CyclicOrder(Context.Retain.Count, random.Fork("retain"));
        var loop = new EpochLoop
        {
            Stage = Stage,
            Model = Model,
            Optimizer = Optimizer,
            Epochs = Epochs,
            Examples = Context.Forget.Count,
            BatchSize = BatchSize,
            Random = random,
            KeepsLastGood = true,
            Journal = Context.Journal,
            Changed = Changed,
            Progress = Context.Progress,
            Cancellation = Context.Cancellation,
        };
        return loop.Run(
            batch => loss(batch.Examples, RetainOf(batch)),
            epoch =>
            {
                afterEpoch?.Invoke(epoch);
                return true;
            },
            batch => replayed?.Invoke(batch.Examples, RetainOf(batch)));

        int[] RetainOf(TrainingBatch batch) => NeedsRetain ? retain.Take(batch.Drawn, batch.Examples.Length) : [];
    }

    private void RequireExamples()
    {
        if (Context.Forget.Count == 0 || (Context.Retain.Count == 0 && NeedsRetain))
        {
            throw new HybridException(ErrorKind.EmptySplit, $"{Stage}: there is no example to {(Context.Forget.Count == 0 ? "forget" : "retain")}");
        }
    }
}
