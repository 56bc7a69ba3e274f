using Xunit;

namespace Hybrid.Interop.Tests.Support;

/// <summary>
/// The leak ledger: when a test ends, as many native handles live as when it began. What the test dropped without disposing it is
/// given to the finalizers first; what a live object still holds is a leak.
/// </summary>
public abstract class LedgerTest : IDisposable
{
    private readonly long handles = Runtime.LiveHandles;

    /// <summary>Runs the finalizers of everything that is unreachable.</summary>
    public static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    public virtual void Dispose()
    {
        if (Runtime.LiveHandles != handles)
        {
            Collect();
        }

        Assert.Equal(handles, Runtime.LiveHandles);
        GC.SuppressFinalize(this);
    }
}
