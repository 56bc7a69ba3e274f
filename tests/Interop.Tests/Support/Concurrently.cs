namespace Hybrid.Interop.Tests.Support;

/// <summary>Runs actions at once, each on a thread of its own.</summary>
internal static class Concurrently
{
    /// <exception cref="AggregateException">What the actions threw.</exception>
    /// <exception cref="TimeoutException">They are still running after a minute.</exception>
    public static void Run(params Action[] actions)
    {
        using var together = new Barrier(actions.Length);
        Task[] tasks = [.. actions.Select(action => Task.Factory.StartNew(
            () =>
            {
                together.SignalAndWait();
                action();
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];
        if (!Task.WaitAll(tasks, TimeSpan.FromMinutes(1)))
        {
            throw new TimeoutException("a thread hangs");
        }
    }
}
