using System.Runtime.InteropServices;

namespace Hybrid.Cli;

/// <summary>
/// Ctrl-C for a program that is talked to: it stops the answer that is coming, and leaves the program where none is. SIGTERM leaves at once.
/// </summary>
internal sealed class Interrupts : IDisposable
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource leave;
    private readonly PosixSignalRegistration[] registrations;
    private CancellationTokenSource? answer;

    /// <summary>Listens from now on; <paramref name="outer"/> leaves, too.</summary>
    public Interrupts(CancellationToken outer)
    {
        leave = CancellationTokenSource.CreateLinkedTokenSource(outer);
        registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Handle(signal, Interrupt)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Handle(signal, leave.Cancel)),
        ];
    }

    /// <summary>Cancelled where the program is to be left.</summary>
    public CancellationToken Leave => leave.Token;

    /// <summary>Runs what may be stopped on its own; its token is cancelled when it is to stop or the program is to be left.</summary>
    public T During<T>(Func<CancellationToken, T> answering)
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(leave.Token);
        Set(source);
        try
        {
            return answering(source.Token);
        }
        finally
        {
            Set(null);
        }
    }

    /// <summary>What Ctrl-C does.</summary>
    internal void Interrupt()
    {
        lock (gate)
        {
            (answer ?? leave).Cancel();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in registrations)
        {
            registration.Dispose();
        }

        leave.Dispose();
    }

    private static void Handle(PosixSignalContext signal, Action action)
    {
        signal.Cancel = true; // the process goes on
        action();
    }

    private void Set(CancellationTokenSource? source)
    {
        lock (gate)
        {
            answer = source;
        }
    }
}
