using Hybrid.Interop;

namespace Hybrid.Faults;

/// <summary>
/// One thread calls an object again and again while another disposes it. A call in flight keeps the native object alive; every later call is
/// refused with an <see cref="ObjectDisposedException"/>.
/// </summary>
internal static class DisposedWhileCalled
{
    /// <summary>Rounds of one object each; the finding is good where every round ends in the refusal and no handle is left.</summary>
    /// <param name="what">What is disposed.</param>
    /// <param name="rounds">How often.</param>
    /// <param name="random">Chooses how long each round waits before it disposes.</param>
    /// <param name="make">A new object; it belongs to the round.</param>
    /// <param name="call">One call of it.</param>
    public static Finding Try<T>(string what, int rounds, Random random, Func<T> make, Action<T> call)
        where T : class, IDisposable
    {
        long handles = Runtime.LiveHandles, calls = 0;
        string? wrong = null;
        T current = null!;
        int given = 0, begun = 0, ended = 0; // rounds, counted from 1
        var caller = new Thread(Call) { IsBackground = true };
        caller.Start();
        for (int round = 1; round <= rounds; round++)
        {
            using TensorScope outside = TensorScope.Outside();
            current = make();
            Volatile.Write(ref given, round);
            WaitFor(ref begun, round); // else most objects would be gone before the first call
            Thread.SpinWait(random.Next(2000));
            current.Dispose();
            WaitFor(ref ended, round);
        }

        caller.Join();
        long left = Runtime.LiveHandles - handles;
        return new Finding(
            $"{what} disposed while another thread calls it",
            rounds,
            wrong ?? (left != 0 ? $"{left} native handles left" : $"{calls:N0} calls went through, then every one was refused; no handle left"),
            wrong is null && left == 0);

        void Call()
        {
            for (int round = 1; round <= rounds; round++)
            {
                WaitFor(ref given, round);
                try
                {
                    for (;;)
                    {
                        using TensorScope scope = TensorScope.Begin();
                        call(current);
                        calls++;
                        Volatile.Write(ref begun, round);
                    }
                }
                catch (ObjectDisposedException)
                {
                }
                catch (Exception error)
                {
                    wrong ??= $"round {round}: {error.GetType().Name}: {error.Message}";
                }

                Volatile.Write(ref begun, round);
                Volatile.Write(ref ended, round);
            }
        }
    }

    private static void WaitFor(ref int counter, int round)
    {
        while (Volatile.Read(ref counter) < round)
        {
            Thread.Yield();
        }
    }
}
