using Hybrid.Orchestrator;

namespace Hybrid.Faults.Hostile;

/// <summary>
/// Makes broken files of sound ones: bytes changed, put in and taken out, files spliced, and tokens (numbers, words, quoted texts) replaced,
/// repeated and exchanged. What turned out to be of interest can be given back to be broken further.
/// </summary>
internal sealed class Mutator
{
    private const int LongestInput = 1 << 16;
    private const int LongestKept = 1 << 12;
    private const int MostKept = 600;

    private readonly SeededRandom random;
    private readonly byte[][] samples;
    private readonly List<byte[]> pool;

    /// <param name="random">Where chance comes from; equal streams give equal inputs.</param>
    /// <param name="samples">Sound files, at least one.</param>
    /// <param name="broken">Further files to begin with.</param>
    public Mutator(SeededRandom random, IEnumerable<byte[]> samples, IEnumerable<byte[]> broken)
    {
        this.random = random;
        this.samples = [.. samples];
        pool = [.. samples, .. broken];
    }

    /// <summary>Takes an input among those that are broken further, where it is small and there is room.</summary>
    public void Keep(byte[] input)
    {
        if (input.Length <= LongestKept && pool.Count < MostKept)
        {
            pool.Add(input);
        }
    }

    /// <summary>The next input.</summary>
    public byte[] Next()
    {
        byte[] input = random.NextInt(2) == 0 ? Pick(samples) : Pick(pool); // what is kept is mostly refused, and broken further still is
        do
        {
            input = Mutate(input);
        }
        while (random.NextInt(5) < 2 && input.Length < LongestInput);
        return input;
    }

    private byte[] Mutate(byte[] input) => random.NextInt(12) switch
    {
        0 when input.Length > 0 => With(input, Place(input), bit => (byte)(bit ^ (1 << random.NextInt(8)))),
        1 when input.Length > 0 => With(input, Place(input), _ => (byte)random.NextInt(256)),
        2 => Splice(input, Place(input), 0, [(byte)random.NextInt(256)]),
        3 => Remove(input),
        4 => input[..random.NextInt(input.Length + 1)],
        5 => Crossed(input, Pick(pool)),
        6 => Splice(input, Place(input), 0, Pick(Tricks.Tokens)),
        7 or 8 => OverToken(input, _ => Pick(Tricks.Tokens)),
        9 => OverToken(input, token => [.. token, .. token]),
        10 => OverToken(input, _ => TokenOf(input)),
        _ => Repeated(input),
    };

    private T Pick<T>(IReadOnlyList<T> items) => items[random.NextInt(items.Count)];

    private int Place(byte[] input) => random.NextInt(Math.Max(1, input.Length));

    private static byte[] With(byte[] input, int at, Func<byte, byte> change)
    {
        byte[] changed = [.. input];
        changed[at] = change(changed[at]);
        return changed;
    }

    private static byte[] Splice(byte[] input, int at, int removed, ReadOnlySpan<byte> inserted) => [.. input.AsSpan(0, at), .. inserted, .. input.AsSpan(at + removed)];

    private byte[] Remove(byte[] input)
    {
        int at = Place(input);
        return Splice(input, at, Math.Min(input.Length - at, 1 + random.NextInt(16)), []);
    }

    private byte[] Crossed(byte[] first, byte[] second) => [.. first.AsSpan(0, Place(first)), .. second.AsSpan(Place(second))];

    private byte[] OverToken(byte[] input, Func<byte[], byte[]> change)
    {
        (int start, int length) = FindToken(input);
        return Splice(input, start, length, change(input[start..(start + length)]));
    }

    private byte[] TokenOf(byte[] input)
    {
        (int start, int length) = FindToken(input);
        return input[start..(start + length)];
    }

    /// <summary>A stretch up to a comma or the end of a line comes twice: keys, elements and lines are repeated so.</summary>
    private byte[] Repeated(byte[] input)
    {
        int start = Place(input), end = start;
        while (start > 0 && input[start - 1] is not ((byte)',' or (byte)'\n' or (byte)'{' or (byte)'['))
        {
            start--;
        }

        while (end < input.Length && input[end] is not ((byte)',' or (byte)'\n' or (byte)'}' or (byte)']'))
        {
            end++;
        }

        byte[] stretch = [.. input.AsSpan(start, end - start), (byte)(input.Contains((byte)'{') ? ',' : '\n')];
        return Splice(input, start, 0, random.NextInt(8) == 0 ? [.. Enumerable.Repeat(stretch, 50).SelectMany(copy => copy)] : stretch);
    }

    /// <summary>The quoted text or the run of letters and digits nearest after a random place; nothing where none follows.</summary>
    private (int Start, int Length) FindToken(byte[] input)
    {
        int start = Place(input);
        while (start < input.Length && !IsWord(input[start]) && input[start] != '"')
        {
            start++;
        }

        if (start == input.Length)
        {
            return (start, 0);
        }

        int end = start + 1;
        if (input[start] == '"')
        {
            int close = Array.IndexOf(input, (byte)'"', end);
            return (start, (close < 0 ? input.Length : close + 1) - start);
        }

        while (end < input.Length && IsWord(input[end]))
        {
            end++;
        }

        return (start, end - start);
    }

    private static bool IsWord(byte value) => char.IsAsciiLetterOrDigit((char)value) || value is (byte)'_' or (byte)'.' or (byte)'-' or >= 0x80;
}
