using Microsoft.Extensions.Logging;

namespace Hybrid.Orchestrator.Runs;

/// <summary>What is told to loggers.</summary>
internal static partial class RunLog
{
    [LoggerMessage(1, LogLevel.Information, "Run '{Run}' started in {Folder}")]
    public static partial void Started(ILogger logger, string run, string folder);

    [LoggerMessage(2, LogLevel.Information, "Run '{Run}' finished after {Seconds} s of jobs")]
    public static partial void Finished(ILogger logger, string run, double seconds);

    [LoggerMessage(3, LogLevel.Warning, "Run '{Run}' was cancelled; the same run in {Folder} goes on from its checkpoints")]
    public static partial void Cancelled(ILogger logger, string run, string folder);

    [LoggerMessage(4, LogLevel.Error, "Run '{Run}' in {Folder} failed")]
    public static partial void Failed(ILogger logger, Exception error, string run, string folder);

    [LoggerMessage(5, LogLevel.Information, "{Phase}: {Jobs} jobs to do")]
    public static partial void Phase(ILogger logger, string phase, int jobs);

    [LoggerMessage(6, LogLevel.Debug, "Job {Job} started")]
    public static partial void JobStarted(ILogger logger, string job);

    [LoggerMessage(7, LogLevel.Information, "Job {Job} finished in {Seconds} s")]
    public static partial void JobFinished(ILogger logger, string job, double seconds);
}
