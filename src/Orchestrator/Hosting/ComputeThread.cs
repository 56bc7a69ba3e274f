using System.Globalization;
using Hybrid.Interop;

namespace Hybrid.Orchestrator.Hosting;

/// <summary>
/// Runs work on a thread of its own. LibTorch keeps its number of threads and whether it records gradients for each thread, and numbers in files are
/// to look the same everywhere; on a thread that nobody else uses, all this is set without the host's noticing.
/// </summary>
internal static class ComputeThread
{
    /// <summary>Starts the work; the task ends as it does.</summary>
    /// <param name="name">The thread's name, for debuggers.</param>
    /// <param name="threads">Threads of each native operation.</param>
    /// <param name="work">The work. It sees the caller's <see cref="System.Diagnostics.Activity"/> and other flowing context, and invariant culture.</param>
    public static Task<T> Run<T>(string name, int threads, Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously); // else who awaits would go on here
        new Thread(Work) { IsBackground = true, Name = name }.Start();
        return done.Task;

        void Work()
        {
            try
            {
                CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
                Runtime.Threads = threads;
                done.SetResult(work());
            }
            catch (OperationCanceledException cancelled)
            {
                done.SetCanceled(cancelled.CancellationToken);
            }
            catch (Exception error)
            {
                done.SetException(error);
            }
        }
    }
}
