using System.Text.Json;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Benchmarks.Llama;

/// <summary>A tokenizer with a token for every row of the output matrix and none that ends a text, since what random weights say is not text.</summary>
internal static class MadeUpTokenizer
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyz";

    public static Tokenizer Make(int vocabularySize)
    {
        Dictionary<string, int> vocabulary = Enumerable.Range(0, vocabularySize).ToDictionary(id => id < 256 ? ByteAlphabet.ToChar((byte)id).ToString() : Spell(id), id => id);
        var byteLevel = new { type = "ByteLevel", use_regex = true, add_prefix_space = false, trim_offsets = false };
        var file = new Dictionary<string, object>
        {
            ["pre_tokenizer"] = byteLevel,
            ["decoder"] = byteLevel,
            ["model"] = new { type = "BPE", vocab = vocabulary, merges = Array.Empty<string>() },
        };
        return Tokenizer.FromJson("the benchmark's tokenizer", JsonSerializer.SerializeToUtf8Bytes(file));
    }

    /// <summary>Four letters, as many as a common token has.</summary>
    private static string Spell(int id) => string.Concat(Enumerable.Range(0, 4).Select(place => Letters[id / (int)Math.Pow(Letters.Length, place) % Letters.Length]));
}
