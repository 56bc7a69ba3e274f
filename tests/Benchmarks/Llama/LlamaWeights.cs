using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Benchmarks.Llama;

/// <summary>
/// Fills a model's weights on its device from a block of numbers, over and over: no copy of them ever lies on the host, and both sides have the same
/// bits. Norms are ones; matrices that write to the residual stream are an eighth of the block's numbers, which is exact in every type.
/// </summary>
internal static class LlamaWeights
{
    public static LlamaModel Make(LlamaConfig config, int stride, byte[] numbers, ElementType type, Device device)
    {
        long count = numbers.Length / ElementType.BFloat16.Size();
        using TensorScope scope = TensorScope.Begin();
        Tensor block = Tensor.FromBytes(numbers, [count], ElementType.BFloat16, Device.Cpu).To(type, device), eighth = block.Affine(0.125, 0);
        var parameters = new List<KeyValuePair<string, Tensor>>();
        foreach ((string name, long[] shape) in ParameterNames.All(config))
        {
            Tensor tensor = Zeros(shape, type, device);
            if (shape.Length == 1)
            {
                using Tensor ones = tensor.Affine(1, 1);
                tensor.CopyFrom(ones);
            }
            else
            {
                bool residual = name.EndsWith("o_proj.weight", StringComparison.Ordinal) || name.EndsWith("down_proj.weight", StringComparison.Ordinal);
                Fill(tensor, residual ? eighth : block, count, (long)parameters.Count * stride % count);
            }

            parameters.Add(new(name, tensor));
        }

        return new LlamaModel(config, parameters);
    }

    private static Tensor Zeros(long[] shape, ElementType type, Device device)
    {
        using TensorScope outside = TensorScope.Outside();
        return Tensor.Zeros(shape, type, device);
    }

    private static void Fill(Tensor tensor, Tensor block, long blockCount, long start)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor flat = tensor.Reshape(-1);
        for (long done = 0, total = tensor.Count; done < total; start = 0)
        {
            long count = Math.Min(blockCount - start, total - done);
            flat.Narrow(0, done, count).CopyFrom(block.Narrow(0, start, count));
            done += count;
        }
    }
}
