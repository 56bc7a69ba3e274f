using System.Diagnostics;
using System.Globalization;
using Hybrid.Orchestrator.Training;
using Spectre.Console;

namespace Hybrid.Cli;

/// <summary>
/// Shows the steps of long work: one line with a bar that is rewritten on a terminal, a plain line now and then elsewhere. Jobs side by side
/// may report from their own threads; each stage then has its own clock.
/// </summary>
internal sealed class ConsoleProgress(IAnsiConsole console) : IProgress<TrainingProgress>, IDisposable
{
    private const int BarWidth = 24;
    private static readonly TimeSpan TerminalInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private readonly bool onTerminal = console.Profile.Capabilities.Ansi;
    private readonly Stopwatch sinceShown = new();
    private readonly Dictionary<string, long> stageStarts = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        lock (gate)
        {
            Show(value);
        }
    }

    /// <summary>Clears the line.</summary>
    public void Dispose()
    {
        if (onTerminal && sinceShown.IsRunning)
        {
            console.Profile.Out.Writer.Write("\r\u001b[2K");
        }
    }

    private void Show(TrainingProgress value)
    {
        // A name that begins again at its first step is another stage, as in a second round.
        if (value.Step <= 1 || !stageStarts.ContainsKey(value.Stage))
        {
            stageStarts[value.Stage] = Stopwatch.GetTimestamp();
        }

        if (sinceShown.IsRunning && sinceShown.Elapsed < (onTerminal ? TerminalInterval : PlainInterval))
        {
            return;
        }

        sinceShown.Restart();
        string line = Describe(value);
        if (onTerminal)
        {
            int width = Math.Max(20, console.Profile.Width - 1);
            console.Profile.Out.Writer.Write($"\r\u001b[2K{(line.Length > width ? line[..width] : line)}");
        }
        else
        {
            console.Profile.Out.Writer.WriteLine(line);
        }
    }

    private string Describe(TrainingProgress value)
    {
        string parts = value is { ForgetNll: { } forget, RetainNll: { } retain }
            ? string.Create(CultureInfo.InvariantCulture, $"loss {value.Loss:F3} (forget {forget:F3}, retain {retain:F3})")
            : double.IsNaN(value.Loss) ? string.Empty : string.Create(CultureInfo.InvariantCulture, $"loss {value.Loss:F3}");
        // The first step carries what is done once, so it says nothing about the rest.
        string left = value.Step > 1 ? $"  {Clock(Stopwatch.GetElapsedTime(stageStarts[value.Stage]) / (value.Step - 1) * (value.TotalSteps - value.Step))} left" : string.Empty;
        int filled = BarWidth * value.Step / Math.Max(1, value.TotalSteps);
        string bar = onTerminal ? $"{new string('━', filled)}{new string('─', BarWidth - filled)}  " : string.Empty;
        return $"{value.Stage}  {bar}{value.Step}/{value.TotalSteps}  {parts}{left}";
    }

    private static string Clock(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalMinutes}:{time.Seconds:00}");
}
