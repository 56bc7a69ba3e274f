using System.Globalization;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Faults;

/// <summary>
/// A host's sessions, one after the other: opened, unlearned by gradient difference and KUnBR at once, attacked, disposed. Each call has a thread of its own, so this
/// also shows that what LibTorch and OpenMP keep for a thread goes with it.
/// </summary>
internal static class SessionsOpenedAndClosed
{
    /// <summary>Sessions after which everything is compiled and every pool is filled.</summary>
    private const int Early = 10;

    /// <summary>What the C library's allocator may hold more from then on, in MiB; a session's models, were one of its three left, are 1.8 each.</summary>
    private const double AllowedMib = 1;

    /// <summary>What the process may grow from then on, in MiB: .NET's heap alone was seen to hold 13 to 21.</summary>
    private const double AllowedResidentMib = 12;

    /// <summary>Threads of .NET's pool that may come up meanwhile; a session has six calls, each on a thread of its own, which computes with two.</summary>
    private const int AllowedThreads = 4;

    /// <summary>The finding is good where memory stays and no handle is left. At least twice <see cref="Early"/> sessions are opened.</summary>
    public static Finding Try(int sessions, string scratch, ulong seed)
    {
        sessions = Math.Max(sessions, 2 * Early);
        UnlearningDataset dataset = BirthdayMaker.Make(10, seed);
        string folder = Path.Combine(scratch, "hosted");
        (LlamaModel model, Tokenizer tokenizer) = FreshModel.Create(TeachingPresets.Find("tiny").Shape!, dataset, new SeededRandom(seed), ElementType.Float32, Device.Cpu);
        using (model)
        {
            ModelFolder.Save(folder, model, tokenizer);
        }

        long handles = Runtime.LiveHandles;
        (double allocated, double resident, int threads) = (0, 0, 0);
        for (int session = 1; session <= sessions; session++)
        {
            Work(new UnlearningSessionOptions { ModelFolder = folder, Dataset = dataset, Threads = 2, Seed = seed }).GetAwaiter().GetResult();
            if (session == Early)
            {
                (allocated, resident, threads) = (ProcessMemory.AllocatedMib(), ProcessMemory.TrimmedResidentMib(), ProcessMemory.Threads());
            }
        }

        (double allocatedLate, double residentLate, int threadsLate) = (ProcessMemory.AllocatedMib(), ProcessMemory.TrimmedResidentMib(), ProcessMemory.Threads());
        long left = Runtime.LiveHandles - handles;
        return new Finding(
            "a session opened, unlearned twice, attacked and disposed",
            sessions,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{allocated:F2} MiB allocated natively, {resident:F1} resident and {threads} threads after {Early}, {allocatedLate:F2}, {residentLate:F1} and {threadsLate} after {sessions}; {left} handles left"),
            allocatedLate - allocated <= AllowedMib && residentLate - resident <= AllowedResidentMib && threadsLate - threads <= AllowedThreads && left == 0);
    }

    private static async Task Work(UnlearningSessionOptions options)
    {
        using UnlearningSession session = await UnlearningSession.OpenAsync(options).ConfigureAwait(false);
        var gd = (GradientDifferenceOptions)UnlearningPresets.Find("tiny", "gd").Options with { Epochs = 1, BatchSize = 5 };
        var kunbr = (KUnBROptions)UnlearningPresets.Find("tiny", "kunbr").Options with { PreUnlearning = gd, SelectedBlocks = 1 };
        Task<UnlearnedModel> first = session.UnlearnAsync(UnlearningPresets.With("tiny", gd)), second = session.UnlearnAsync(UnlearningPresets.With("tiny", kunbr));
        using UnlearnedModel one = await first.ConfigureAwait(false), other = await second.ConfigureAwait(false);
        RelearningOptions rtt = RelearningPresets.Find("tiny", DatasetCatalog.RandomBirthdays) with { Folds = [0], Epochs = 1, LearningRates = [1e-4] };
        await session.AttackAsync(other.Model, rtt).ConfigureAwait(false);
        await session.AttackAsync(one.Model, new QuantizationOptions { Bits = [4], GroupSize = 32 }).ConfigureAwait(false);
    }
}
