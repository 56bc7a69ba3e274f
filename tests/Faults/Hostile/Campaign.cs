using Hybrid.Orchestrator;

namespace Hybrid.Faults.Hostile;

/// <summary>Many inputs of one kind, one after another.</summary>
/// <param name="Read">How many were read.</param>
/// <param name="Refused">How many were refused.</param>
/// <param name="Faults">What went wrong, each kind of fault once, with its input.</param>
/// <param name="Interesting">One input for every outcome of its own, the shortest met.</param>
/// <param name="MostBytes">The most bytes of the managed heap that one took.</param>
internal sealed record Campaign(long Read, long Refused, IReadOnlyList<(string Fault, byte[] Input)> Faults, IReadOnlyCollection<byte[]> Interesting, long MostBytes)
{
    /// <summary>Breaks the kind's samples so many times and reads every one.</summary>
    /// <param name="kind">What is read.</param>
    /// <param name="folder">An empty folder to work in.</param>
    /// <param name="random">Where chance comes from.</param>
    /// <param name="times">How many inputs.</param>
    /// <param name="more">Broken inputs to break further beside the samples.</param>
    public static Campaign Run(ReaderKind kind, string folder, SeededRandom random, long times, IEnumerable<byte[]> more)
    {
        using var file = new InputFile(kind, folder);
        Mutator mutator = new(random, kind.Samples, more);
        Dictionary<string, byte[]> shapes = [];
        Dictionary<string, (string Fault, byte[] Input)> faults = [];
        long read = 0, most = 0;
        foreach (byte[] sample in kind.Samples)
        {
            if (Judge.Read(file, sample) is { Accepted: false } verdict)
            {
                faults.Add(verdict.Shape, ($"a sound file is refused: {verdict.Shape}", sample));
            }
        }

        for (long i = 0; i < times; i++)
        {
            byte[] input = mutator.Next();
            Verdict verdict = Judge.Read(file, input);
            read += verdict.Accepted ? 1 : 0;
            most = Math.Max(most, verdict.Bytes);
            if (verdict.Fault is { } fault)
            {
                faults.TryAdd(verdict.Shape, (fault, input));
            }

            if (!shapes.TryGetValue(verdict.Shape, out byte[]? known))
            {
                mutator.Keep(input);
            }

            if (known is null || input.Length < known.Length)
            {
                shapes[verdict.Shape] = input;
            }
        }

        return new(read, times - read, [.. faults.Values], shapes.Values, most);
    }
}
