using System.Globalization;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Faults;

/// <summary>Loads a model folder, computes with it and frees it, again and again: the process does not grow.</summary>
internal static class ModelsLoadedAndFreed
{
    /// <summary>Models after which everything is compiled and every pool is filled.</summary>
    private const int Early = 100;

    /// <summary>What the process may grow from then on, in MiB: the heaps of .NET and of the C library breathe.</summary>
    private const double AllowedMib = 4;

    /// <summary>The finding is good where the resident memory stays and no handle is left. At least twice <see cref="Early"/> models are loaded.</summary>
    public static Finding Try(int models, string scratch, ulong seed)
    {
        models = Math.Max(models, 2 * Early);
        string data = Path.Combine(scratch, "data"), folder = Path.Combine(scratch, "model");
        MakeModel(folder, data, seed);
        long handles = Runtime.LiveHandles;
        double early = 0;
        for (int model = 1; model <= models; model++)
        {
            LoadAndCompute(folder);
            if (model == Early)
            {
                early = ProcessMemory.ResidentMib();
            }
        }

        double late = ProcessMemory.ResidentMib();
        long left = Runtime.LiveHandles - handles;
        return new Finding(
            "a model folder loaded, computed with and freed",
            models,
            string.Create(CultureInfo.InvariantCulture, $"resident memory {early:F1} MiB after {Early}, {late:F1} MiB after {models}; {left} handles left"),
            late - early <= AllowedMib && left == 0);
    }

    // The shape of preset tiny: 8 layers of width 64, 1.8 MB of float32.
    private static void MakeModel(string folder, string data, ulong seed)
    {
        BirthdayMaker.Write(data, 20, seed);
        (LlamaModel model, Tokenizer tokenizer) = FreshModel.Create(
            TeachingPresets.Find("tiny").Shape!, DatasetCatalog.Load("random-birthdays", data), new SeededRandom(seed), ElementType.Float32, Device.Cpu);
        using (model)
        {
            ModelFolder.Save(folder, model, tokenizer);
        }
    }

    private static void LoadAndCompute(string folder)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        using LlamaModel model = ModelFolder.LoadModel(folder, ElementType.Float32, Device.Cpu);
        _ = model.HiddenStates(new PackedBatch([new TokenSequence(new long[] { 1, 2, 3, 4, 5, 6, 7, 8 }, 1)]));
    }
}
