using Hybrid.Interop;

namespace Hybrid.Faults;

/// <summary>Ownership of native memory under stress: disposal during calls, and whole runs and loaded models that leave nothing.</summary>
internal sealed class NativeTrial : ITrial
{
    private static readonly long[] Offsets = [0, 2];

    /// <inheritdoc/>
    public string Name => "native";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Surroundings surroundings)
    {
        var random = new Random((int)(surroundings.Seed % int.MaxValue));
        int rounds = surroundings.Times(5000);
        string file = Path.Combine(surroundings.Scratch, "x.safetensors");
        using (Tensor x = Values())
        {
            SafetensorsFile.Write(file, [new("x", x)], []);
        }

        yield return DisposedWhileCalled.Try("a tensor", rounds, random, Values, tensor => _ = tensor * tensor);
        yield return DisposedWhileCalled.Try("a density accumulator", rounds, random, () => new DensityAccumulator(Offsets, 1), density => density.Values());
        yield return DisposedWhileCalled.Try("a safetensors file", rounds / 4 + 1, random, () => SafetensorsFile.Open(file), opened => opened.Read("x", ElementType.Float32, Device.Cpu));
        surroundings.Tell("whole runs, sessions, models");
        yield return WholeRuns.Try(surroundings.Times(8), surroundings.Scratch);
        yield return SessionsOpenedAndClosed.Try(surroundings.Times(30), surroundings.Scratch, surroundings.Seed);
        yield return ModelsLoadedAndFreed.Try(surroundings.Times(1000), surroundings.Scratch, surroundings.Seed);
    }

    private static Tensor Values()
    {
        using TensorScope outside = TensorScope.Outside();
        return Tensor.From<float>([1, 2, 3, 4], [2, 2], Device.Cpu);
    }
}
