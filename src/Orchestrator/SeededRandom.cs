using System.Numerics;
using System.Text;

namespace Hybrid.Orchestrator;

/// <summary>
/// The one source of chance in this library: xoshiro256** (Blackman and Vigna 2018), its state filled from a 64-bit seed by SplitMix64.
/// The integers and doubles are the same on every machine and .NET version, which <see cref="Random"/> does not promise.
/// Not for cryptography. An instance belongs to one thread; give each its own with <see cref="Fork"/>.
/// </summary>
public sealed class SeededRandom
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;

    private ulong s0;
    private ulong s1;
    private ulong s2;
    private ulong s3;

    /// <summary>Starts a stream. Equal seeds give equal streams; every seed is good, 0 included.</summary>
    /// <param name="seed">Any 64-bit number.</param>
    public SeededRandom(ulong seed)
    {
        Seed = seed;
        ulong state = seed;
        s0 = SplitMix64(ref state);
        s1 = SplitMix64(ref state);
        s2 = SplitMix64(ref state);
        s3 = SplitMix64(ref state);
    }

    /// <summary>Sets the raw state, so that tests can compare with the published sequence.</summary>
    internal SeededRandom(ulong s0, ulong s1, ulong s2, ulong s3)
    {
        (this.s0, this.s1, this.s2, this.s3) = (s0, s1, s2, s3);
    }

    /// <summary>The seed this stream started from.</summary>
    public ulong Seed { get; }

    /// <summary>The next 64 uniform bits.</summary>
    /// <returns>A number from 0 to 2^64 − 1.</returns>
    public ulong NextUInt64()
    {
        ulong result = BitOperations.RotateLeft(s1 * 5, 7) * 9;
        ulong shifted = s1 << 17;
        s2 ^= s0;
        s3 ^= s1;
        s1 ^= s2;
        s0 ^= s3;
        s2 ^= shifted;
        s3 = BitOperations.RotateLeft(s3, 45);
        return result;
    }

    /// <summary>A uniform integer without the bias of a remainder (Lemire 2019: multiply, reject the short residue).</summary>
    /// <param name="bound">The number of possible values, at least 1.</param>
    /// <returns>A number from 0 to <paramref name="bound"/> − 1.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bound"/> is less than 1.</exception>
    public int NextInt(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        uint range = (uint)bound;
        uint residue = (uint)(-range) % range;
        while (true)
        {
            ulong product = (NextUInt64() >> 32) * range;
            if ((uint)product >= residue)
            {
                return (int)(product >> 32);
            }
        }
    }

    /// <summary>A uniform double made of the 53 highest bits.</summary>
    /// <returns>A number in [0, 1).</returns>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>
    /// A standard normal number by Box–Muller. Two uniforms are used for each and none is kept, so that the stream's position does not
    /// depend on what was drawn before. Its last bit may differ between C runtimes, whose logarithm and cosine do.
    /// </summary>
    /// <returns>A number of mean 0 and variance 1.</returns>
    public double NextGaussian()
    {
        double radius = Math.Sqrt(-2.0 * Math.Log(1.0 - NextDouble())); // 1 − u is in (0, 1]: the logarithm is finite
        return radius * Math.Cos(2.0 * Math.PI * NextDouble());
    }

    /// <summary>Puts the items into a uniformly random order, in place (Fisher–Yates).</summary>
    /// <typeparam name="T">The items' type.</typeparam>
    /// <param name="items">A list or array that can be written to.</param>
    public void Shuffle<T>(IList<T> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        for (int last = items.Count - 1; last > 0; last--)
        {
            int other = NextInt(last + 1);
            (items[last], items[other]) = (items[other], items[last]);
        }
    }

    /// <summary>
    /// An independent stream named by a label. It depends on this stream's seed and the label only, not on how much was drawn, so that a
    /// draw added in one place leaves the numbers of every other place as they were.
    /// </summary>
    /// <param name="label">What the stream is for, for example <c>shuffle</c>.</param>
    /// <returns>A stream whose seed is a hash of this one's seed and the label.</returns>
    public SeededRandom Fork(string label)
    {
        ArgumentNullException.ThrowIfNull(label);
        ulong parent = Seed;
        ulong mixed = SplitMix64(ref parent) ^ Fnv1A(label);
        return new SeededRandom(SplitMix64(ref mixed));
    }

    /// <summary>One step of SplitMix64 (Steele, Lea and Flood 2014).</summary>
    internal static ulong SplitMix64(ref ulong state)
    {
        state += GoldenGamma;
        ulong z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    // string.GetHashCode differs from run to run, so labels are hashed by FNV-1a over their UTF-8 bytes.
    private static ulong Fnv1A(string label)
    {
        ulong hash = 0xCBF29CE484222325;
        foreach (byte octet in Encoding.UTF8.GetBytes(label))
        {
            hash = (hash ^ octet) * 0x100000001B3;
        }

        return hash;
    }
}
