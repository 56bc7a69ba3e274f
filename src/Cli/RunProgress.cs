using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Cli;

/// <summary>The steps of long work on the console, and as TensorBoard events where a folder for them was named.</summary>
internal sealed class RunProgress : IProgress<TrainingProgress>, IDisposable
{
    private readonly ConsoleProgress console;
    private readonly TensorBoardWriter? writer;
    private readonly IProgress<TrainingProgress> first;

    /// <summary>Starts both.</summary>
    public RunProgress(ConsoleProgress console, string? eventsFolder)
    {
        this.console = console;
        writer = eventsFolder is null ? null : new TensorBoardWriter(eventsFolder);
        first = writer is null ? console : new TensorBoardProgress(writer, console);
    }

    /// <inheritdoc/>
    public void Report(TrainingProgress value) => first.Report(value);

    /// <inheritdoc/>
    public void Dispose()
    {
        console.Dispose();
        writer?.Dispose();
    }
}
