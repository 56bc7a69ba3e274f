namespace Hybrid.Interop;

/// <summary>Stops the recording of gradients on the calling thread: <c>using var _ = GradMode.Off();</c>.</summary>
public readonly unsafe ref struct GradMode
{
    private readonly int previous;

    private GradMode(int previous) => this.previous = previous;

    /// <summary>Whether the calling thread records.</summary>
    public static bool IsOn => NativeMethods.hyb_autograd_enabled() != 0;

    /// <summary>Off until the result is disposed, on the same thread.</summary>
    public static GradMode Off()
    {
        int previous;
        NativeException.ThrowIfFailed(NativeMethods.hyb_autograd_set_enabled(0, &previous));
        return new GradMode(previous);
    }

    /// <summary>Back to what it was.</summary>
    public void Dispose()
    {
        int ignored;
        NativeException.ThrowIfFailed(NativeMethods.hyb_autograd_set_enabled(previous, &ignored));
    }
}
