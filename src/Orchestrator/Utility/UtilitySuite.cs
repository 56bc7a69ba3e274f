using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Utility;

/// <summary>
/// What a model can still do besides what it was to forget: reasoning, truthfulness, factuality and fluency as RWKU measures them (Jin et al.
/// 2024). docs/utility.md defines prompts and scores.
/// </summary>
/// <param name="tasks">The tasks, in the order in which they run.</param>
/// <param name="options">Which rows, and how.</param>
internal sealed class UtilitySuite(IReadOnlyList<IUtilityTask> tasks, UtilityOptions options)
{
    /// <summary>Reads the files of the options' tasks; others may be missing.</summary>
    /// <exception cref="HybridException">Config: the options. DataFile, Io: the message names the file, the row and what was expected.</exception>
    public static UtilitySuite Load(string folder, UtilityOptions options)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(options);
        HybridException.ThrowIfAny(ErrorKind.Config, "utility", options.Validate());
        return new UtilitySuite([.. options.Tasks.Select(kind => LoadTask(kind, folder))], options);
    }

    /// <summary>The rows of a task that are asked: all, or as many as the limit, drawn by the seed and the task alone. Rising.</summary>
    public static IReadOnlyList<int> Draw(UtilityTaskKind task, int count, UtilityOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        int[] rows = [.. Enumerable.Range(0, count)];
        if (options.Limit is not { } limit || limit >= count)
        {
            return rows;
        }

        new SeededRandom(options.Seed).Fork($"utility/{task}").Shuffle(rows);
        return [.. rows.Take(limit).Order()];
    }

    /// <summary>Runs every task.</summary>
    /// <exception cref="HybridException">Diverged: the model gives no numbers. Tokenizer, Config: the template or the prompts do not fit the model.</exception>
    public UtilityReport Run(LlamaModel model, Tokenizer tokenizer, IProgress<UtilityProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);
        return new UtilityReport(options.ChatTemplate.Name, [.. tasks.Select(task => Run(task, new UtilityRunner(model, tokenizer, options, task.Kind, progress, cancellation)))]);
    }

    private UtilityTaskResult Run(IUtilityTask task, UtilityRunner runner)
    {
        IReadOnlyList<UtilityItem> items = task.Run(runner, Draw(task.Kind, task.Count, options));
        return new UtilityTaskResult
        {
            Task = task.Kind,
            Metrics = [.. task.Metrics.Select(name => new UtilityMetric(name, items.Average(item => item.Scores[name])))],
            CutPrompts = runner.CutPrompts,
            Items = items,
        };
    }

    private static IUtilityTask LoadTask(UtilityTaskKind kind, string folder) => kind switch
    {
        UtilityTaskKind.Bbh => BbhTask.Load(folder),
        UtilityTaskKind.TruthfulQA => TruthfulQaTask.Load(folder),
        UtilityTaskKind.TriviaQA => TriviaQaTask.Load(folder),
        UtilityTaskKind.Fluency => FluencyTask.Load(folder),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}
