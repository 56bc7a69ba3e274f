using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Hosting;

namespace UnlearningService;

/// <summary>
/// Runs what waits. When the host stops, runs under way are cancelled, which leaves checkpoints, and wait again; the next start goes on with them.
/// A run that fails is that run's matter; where a run's state cannot be written, the whole service stops.
/// </summary>
internal sealed partial class RunWorker(RunQueue queue, Admission admission, HybridEngine hybrid, ServiceSettings settings, ILogger<RunWorker> logger) : BackgroundService
{
    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stopping) => Parallel.ForEachAsync(
        queue.InTurn(stopping),
        new ParallelOptions { MaxDegreeOfParallelism = settings.SideBySide, CancellationToken = stopping },
        async (run, cancellation) =>
        {
            if (run.State.Starts >= settings.MostStarts)
            {
                run.End(RunStatus.Failed, $"began {run.State.Starts} times, and each time the process ended with it");
            }
            else if (run.TryBegin())
            {
                await RunAsync(run, cancellation);
            }
        });

    private async Task RunAsync(Run run, CancellationToken stopping)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(stopping, run.Unwanted);
        try
        {
            var options = new UnlearningRunOptions { Folder = run.WorkFolder, CheckpointInterval = settings.CheckpointInterval };
            await hybrid.CreateRun(admission.Read(run.ReadYaml()), options).RunAsync(run, cancel.Token);
            run.End(RunStatus.Finished);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            run.Requeue(); // which a client's cancelling has forestalled, where it was that
        }
        catch (Exception error) when (error is HybridException or NativeException)
        {
            run.End(RunStatus.Failed, error.Message);
        }
        catch (Exception error)
        {
            Unexpected(logger, error, run.Id);
            run.End(RunStatus.Failed, $"unexpected {error.GetType().Name}; the service's log has more");
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Run {Id} ended unexpectedly")]
    private static partial void Unexpected(ILogger logger, Exception error, string id);
}
