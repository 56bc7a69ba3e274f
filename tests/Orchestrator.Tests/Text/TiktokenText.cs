using System.Text;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Tests.Text;

/// <summary>Vocabularies in tiktoken's form, and merging by rank as tiktoken describes it, written as plainly as can be.</summary>
internal static class TiktokenText
{
    /// <summary>The lines of tokens in the byte-level alphabet; the rank of each is its index.</summary>
    public static byte[] Of(IEnumerable<string> tokens) =>
        Encoding.ASCII.GetBytes(string.Concat(tokens.Select((token, rank) => $"{Convert.ToBase64String(ByteAlphabet.ToBytes(token))} {rank}\n")));

    /// <summary>The 256 bytes in order, then tokens of printable ASCII.</summary>
    public static string[] Bytes(params IEnumerable<string> more) => [.. Enumerable.Range(0, 256).Select(value => ByteAlphabet.ToChar((byte)value).ToString()), .. more];

    /// <summary>A vocabulary of Llama 3's size: the bytes, all pairs of them, and as many triples as are left.</summary>
    public static IEnumerable<string> OfLlama3sSize()
    {
        string[] bytes = Bytes();
        IEnumerable<string> pairs = bytes.SelectMany(first => bytes.Select(second => first + second));
        return bytes.Concat(pairs).Concat(pairs.SelectMany(pair => bytes.Select(third => pair + third)).Take(128_000 - 256 - 65_536));
    }

    /// <summary>The ranks of a piece: itself where it is a token, else the neighbours of the lowest rank joined, the leftmost first, while there are any.</summary>
    public static List<int> Encode(IReadOnlyDictionary<string, int> ranks, string piece)
    {
        if (ranks.TryGetValue(piece, out int whole))
        {
            return [whole];
        }

        List<string> parts = [.. piece.Select(character => character.ToString())];
        while (true)
        {
            int best = -1, bestRank = int.MaxValue;
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                if (ranks.TryGetValue(parts[i] + parts[i + 1], out int rank) && rank < bestRank)
                {
                    (best, bestRank) = (i, rank);
                }
            }

            if (best < 0)
            {
                return [.. parts.Select(part => ranks[part])];
            }

            parts[best] += parts[best + 1];
            parts.RemoveAt(best + 1);
        }
    }
}
