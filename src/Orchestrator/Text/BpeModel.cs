using System.Collections.Concurrent;
using System.Text;

namespace Hybrid.Orchestrator.Text;

/// <summary>Byte-level BPE: a vocabulary, the merges, and a cache of pieces seen before. Safe to use from several threads.</summary>
internal sealed class BpeModel
{
    // Pieces follow Zipf's law, so the first ones seen are the ones worth keeping: a full cache takes no more.
    private const int MostCachedPieces = 1 << 16;
    private const int LongestCachedPiece = 32;
    private const int LongestOnStack = 256;

    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> cache =
        new ConcurrentDictionary<string, int[]>(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();

    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> vocabularyLookup;
    private readonly IReadOnlySet<int> specialIds;
    private readonly MergeTable merges;
    private readonly bool ignoreMerges;
    private readonly int longestToken;
    private readonly int[] byteIds = new int[256];
    private int cached;

    /// <param name="vocabulary">Tokens in the byte-level alphabet, and their ids.</param>
    /// <param name="merges">The merges, over the same ids.</param>
    /// <param name="ignoreMerges">Whether a piece that is itself a token becomes that token without merging.</param>
    /// <param name="specialIds">Ids that ordinary text must never become, even where the vocabulary holds their text.</param>
    public BpeModel(Dictionary<string, int> vocabulary, MergeTable merges, bool ignoreMerges, IReadOnlySet<int> specialIds)
    {
        Vocabulary = vocabulary;
        vocabularyLookup = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        this.merges = merges;
        this.ignoreMerges = ignoreMerges;
        this.specialIds = specialIds;
        longestToken = vocabulary.Keys.Max(token => token.Length);
        for (int value = 0; value < byteIds.Length; value++)
        {
            byteIds[value] = vocabularyLookup.TryGetValue([ByteAlphabet.ToChar((byte)value)], out int id) ? id : -1;
        }
    }

    /// <summary>Tokens in the byte-level alphabet, and their ids.</summary>
    public IReadOnlyDictionary<string, int> Vocabulary { get; }

    /// <summary>Appends the ids of one piece.</summary>
    public void Encode(ReadOnlySpan<char> piece, List<int> output)
    {
        if (piece.Length > LongestCachedPiece)
        {
            EncodeUncached(piece, output);
            return;
        }

        if (!cache.TryGetValue(piece, out int[]? ids))
        {
            int start = output.Count;
            EncodeUncached(piece, output);
            if (Volatile.Read(ref cached) < MostCachedPieces
                && cache.TryAdd(piece, output.GetRange(start, output.Count - start).ToArray()))
            {
                Interlocked.Increment(ref cached);
            }

            return;
        }

        output.AddRange(ids);
    }

    private void EncodeUncached(ReadOnlySpan<char> piece, List<int> output)
    {
        // An unpaired surrogate becomes the three bytes of U+FFFD.
        int most = Encoding.UTF8.GetMaxByteCount(piece.Length);
        Span<byte> bytes = most <= LongestOnStack ? stackalloc byte[most] : new byte[most];
        bytes = bytes[..Encoding.UTF8.GetBytes(piece, bytes)];
        if (ignoreMerges && bytes.Length <= longestToken)
        {
            Span<char> characters = bytes.Length <= LongestOnStack ? stackalloc char[bytes.Length] : new char[bytes.Length];
            ByteAlphabet.ToChars(bytes, characters);
            if (vocabularyLookup.TryGetValue(characters, out int whole) && !specialIds.Contains(whole))
            {
                output.Add(whole);
                return;
            }
        }

        Span<int> ids = bytes.Length <= LongestOnStack ? stackalloc int[bytes.Length] : new int[bytes.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            ids[i] = byteIds[bytes[i]];
            if (ids[i] < 0)
            {
                throw new HybridException(
                    ErrorKind.Tokenizer,
                    $"The tokenizer's vocabulary has no token for the byte 0x{bytes[i]:X2} ({JsonSection.Quote(ByteAlphabet.ToChar(bytes[i]).ToString())}), which the text needs.");
            }
        }

        output.AddRange(ids[..merges.Apply(ids)]);
    }
}
