using System.Diagnostics;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Utility;

namespace Hybrid.Cli;

/// <summary>How far the utility suite is: a line now and then on standard error.</summary>
internal sealed class UtilityProgressLines(CommandContext context) : IProgress<UtilityProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly Stopwatch sinceShown = new();

    /// <inheritdoc/>
    public void Report(UtilityProgress value)
    {
        if (!sinceShown.IsRunning || sinceShown.Elapsed >= Interval)
        {
            sinceShown.Restart();
            context.Error.Profile.Out.Writer.WriteLine(Tables.Text($"{KebabCase.Of(value.Task.ToString())}  {value.Done}/{value.Total}"));
        }
    }
}
