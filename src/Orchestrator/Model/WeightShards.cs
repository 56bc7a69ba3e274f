using System.Text.RegularExpressions;
using Hybrid.Interop;

namespace Hybrid.Orchestrator.Model;

/// <summary>Writes weights as Hugging Face does: one file, or, where they are more than a shard may hold, several and an index.</summary>
internal static partial class WeightShards
{
    /// <summary>Bytes of elements that one file holds where nothing else is asked for: Hugging Face's 5 GB.</summary>
    public const long DefaultBytes = 5_000_000_000;

    /// <summary>Whether a file of that name belongs to weights: the single file, the index, or a shard.</summary>
    public static bool IsWeightsFile(string name) => name is ModelFolder.WeightsFile or ModelFolder.IndexFile || ShardName().IsMatch(name);

    /// <summary>
    /// Writes the tensors, in their order, into a folder in place of whatever weights lie there. Each file appears whole or not at all; while they
    /// are written, the folder holds the old weights, or none that can be opened, but never a mixture.
    /// </summary>
    /// <param name="folder">A folder that is there.</param>
    /// <param name="tensors">The tensors under their names.</param>
    /// <param name="shardBytes">The most bytes of elements in one file; a tensor that is larger has a file of its own.</param>
    /// <exception cref="NativeException">Io: a file cannot be written.</exception>
    public static void Write(string folder, IReadOnlyList<KeyValuePair<string, Tensor>> tensors, long shardBytes)
    {
        List<List<KeyValuePair<string, Tensor>>> shards = Cut(tensors, shardBytes);
        string[] names = shards.Count == 1
            ? [ModelFolder.WeightsFile]
            : [.. Enumerable.Range(1, shards.Count).Select(number => FormattableString.Invariant($"model-{number:D5}-of-{shards.Count:D5}.safetensors"))];
        if (shards.Count > 1)
        {
            File.Delete(Path.Combine(folder, ModelFolder.IndexFile)); // the old one must not name new shards
        }

        for (int i = 0; i < names.Length; i++)
        {
            SafetensorsFile.Write(Path.Combine(folder, names[i]), shards[i], [new("format", "pt")]);
        }

        if (shards.Count > 1)
        {
            var index = new WeightIndex
            {
                TotalSize = tensors.Sum(tensor => BytesOf(tensor.Value)),
                Files = shards.Zip(names).SelectMany(shard => shard.First.Select(tensor => (tensor.Key, shard.Second))).ToDictionary(StringComparer.Ordinal),
            };
            AtomicFile.WriteText(Path.Combine(folder, ModelFolder.IndexFile), index.Write());
            names = [.. names, ModelFolder.IndexFile];
        }

        foreach (string file in Directory.GetFiles(folder).Where(file => IsWeightsFile(Path.GetFileName(file)) && !names.Contains(Path.GetFileName(file))))
        {
            File.Delete(file);
        }
    }

    /// <summary>Fills one shard after another in the tensors' order.</summary>
    private static List<List<KeyValuePair<string, Tensor>>> Cut(IReadOnlyList<KeyValuePair<string, Tensor>> tensors, long shardBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shardBytes, 1);
        List<List<KeyValuePair<string, Tensor>>> shards = [[]];
        long filled = 0;
        foreach (KeyValuePair<string, Tensor> tensor in tensors)
        {
            long bytes = BytesOf(tensor.Value);
            if (filled > 0 && filled + bytes > shardBytes)
            {
                shards.Add([]);
                filled = 0;
            }

            shards[^1].Add(tensor);
            filled += bytes;
        }

        return shards;
    }

    private static long BytesOf(Tensor tensor) => tensor.Count * tensor.ElementType.Size();

    [GeneratedRegex(@"^model-\d{5,}-of-\d{5,}\.safetensors\z", RegexOptions.CultureInvariant)]
    private static partial Regex ShardName();
}
