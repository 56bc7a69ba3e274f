namespace Hybrid.Interop.Tests.Support;

/// <summary>Runs a check on every set of hand-written CPU kernels that this CPU can run, on two threads.</summary>
internal static class InstructionSets
{
    /// <summary>The names of those this CPU has; "baseline" always, last.</summary>
    public static IReadOnlyList<string> Available { get; } = [.. new[] { "avx512_bf16", "avx512", "avx2", "baseline" }.Where(IsAvailable)];

    public static void ForEach(Action<string> check)
    {
        int threads = Runtime.Threads;
        try
        {
            Runtime.Threads = 2;
            foreach (string name in Available)
            {
                Runtime.SelectInstructionSet(name);
                check(name);
            }
        }
        finally
        {
            Runtime.SelectInstructionSet("auto");
            Runtime.Threads = threads;
        }
    }

    private static bool IsAvailable(string name)
    {
        try
        {
            Runtime.SelectInstructionSet(name);
            return true;
        }
        catch (NativeException failure) when (failure.Status == NativeStatus.NotImplemented)
        {
            return false;
        }
        finally
        {
            Runtime.SelectInstructionSet("auto");
        }
    }
}
