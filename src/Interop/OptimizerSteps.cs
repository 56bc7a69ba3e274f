namespace Hybrid.Interop;

/// <summary>
/// One optimizer step over lists of parameters, gradients and states. A null gradient leaves its parameter and state untouched. 16-bit
/// parameters may have float32 master copies: the update is made there, its rounding goes into the parameter, and the states are float32.
/// bfloat16 parameters without them have bfloat16 states: the update is computed in float32, and weights and states are rounded
/// stochastically, to one of the two neighbours with the update as the expectation. That takes noise, a number for each parameter and
/// another in each step; equal noise gives equal bits. Elsewhere noise is not read and may be left out.
/// </summary>
public static unsafe class OptimizerSteps
{
    /// <summary>Lion (Chen et al. 2023) with decoupled weight decay.</summary>
    public static void Lion(IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor?> gradients, IReadOnlyList<Tensor> momenta, double learningRate, double beta1, double beta2, double weightDecay, IReadOnlyList<Tensor>? masters = null, ReadOnlySpan<ulong> noise = default)
    {
        CheckCounts(parameters.Count, gradients.Count, momenta.Count, masters?.Count ?? parameters.Count);
        CheckNoise(parameters.Count, noise);
        using var p = new BorrowedList(parameters);
        using var w = new BorrowedList(masters ?? []);
        using var g = new BorrowedList(gradients);
        using var m = new BorrowedList(momenta);
        fixed (nint* pp = p)
        fixed (nint* wp = w)
        fixed (nint* gp = g)
        fixed (nint* mp = m)
        fixed (ulong* np = noise)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_optim_lion_step((hyb_tensor**)pp, masters is null ? null : (hyb_tensor**)wp, (hyb_tensor**)gp, (hyb_tensor**)mp, np, p.Count, learningRate, beta1, beta2, weightDecay));
        }
    }

    /// <summary>AdamW (Loshchilov and Hutter 2019); <paramref name="step"/> counts from 1.</summary>
    public static void AdamW(IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor?> gradients, IReadOnlyList<Tensor> firstMoments, IReadOnlyList<Tensor> secondMoments, long step, double learningRate, double beta1, double beta2, double epsilon, double weightDecay, IReadOnlyList<Tensor>? masters = null, ReadOnlySpan<ulong> noise = default)
    {
        CheckCounts(parameters.Count, gradients.Count, firstMoments.Count, secondMoments.Count, masters?.Count ?? parameters.Count);
        CheckNoise(parameters.Count, noise);
        using var p = new BorrowedList(parameters);
        using var w = new BorrowedList(masters ?? []);
        using var g = new BorrowedList(gradients);
        using var m = new BorrowedList(firstMoments);
        using var v = new BorrowedList(secondMoments);
        fixed (nint* pp = p)
        fixed (nint* wp = w)
        fixed (nint* gp = g)
        fixed (nint* mp = m)
        fixed (nint* vp = v)
        fixed (ulong* np = noise)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_optim_adamw_step((hyb_tensor**)pp, masters is null ? null : (hyb_tensor**)wp, (hyb_tensor**)gp, (hyb_tensor**)mp, (hyb_tensor**)vp, np, p.Count, step, learningRate, beta1, beta2, epsilon, weightDecay));
        }
    }

    /// <summary>Plain stochastic gradient descent with decoupled weight decay.</summary>
    public static void Sgd(IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor?> gradients, double learningRate, double weightDecay, IReadOnlyList<Tensor>? masters = null, ReadOnlySpan<ulong> noise = default)
    {
        CheckCounts(parameters.Count, gradients.Count, masters?.Count ?? parameters.Count);
        CheckNoise(parameters.Count, noise);
        using var p = new BorrowedList(parameters);
        using var w = new BorrowedList(masters ?? []);
        using var g = new BorrowedList(gradients);
        fixed (nint* pp = p)
        fixed (nint* wp = w)
        fixed (nint* gp = g)
        fixed (ulong* np = noise)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_optim_sgd_step((hyb_tensor**)pp, masters is null ? null : (hyb_tensor**)wp, (hyb_tensor**)gp, np, p.Count, learningRate, weightDecay));
        }
    }

    private static void CheckCounts(int parameters, params ReadOnlySpan<int> others)
    {
        foreach (int count in others)
        {
            if (count != parameters)
            {
                throw new NativeException(NativeStatus.InvalidArgument, $"a list of {count} beside {parameters} parameters");
            }
        }
    }

    // An empty span is null on the other side.
    private static void CheckNoise(int parameters, ReadOnlySpan<ulong> noise)
    {
        if (noise.Length != 0 && noise.Length != parameters)
        {
            throw new NativeException(NativeStatus.InvalidArgument, $"noise for {noise.Length} beside {parameters} parameters");
        }
    }
}
