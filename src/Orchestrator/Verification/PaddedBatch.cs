using System.Text.Json;
using System.Text.Json.Serialization;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Verification;

/// <summary>A batch as the reference states it, padded on either side; packed here, and results padded again for comparison.</summary>
internal sealed class PaddedBatch
{
    private static readonly JsonSerializerOptions Strict = new() { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, AllowDuplicateProperties = false, RespectNullableAnnotations = true };

    private readonly int[] starts;
    private readonly int width;

    private PaddedBatch(string path, string name, Fields fields)
    {
        if (fields.Ids.Length == 0 || fields.Attend.Length != fields.Ids.Length || fields.Scored.Length != fields.Ids.Length)
        {
            throw new HybridException(ErrorKind.DataFile, $"{path}: {name}: ids, attend and scored must have equally many rows, at least one");
        }

        width = fields.Ids[0].Length;
        starts = new int[fields.Ids.Length];
        var sequences = new List<TokenSequence>();
        for (int row = 0; row < fields.Ids.Length; row++)
        {
            int[] attend = fields.Attend[row], scored = fields.Scored[row];
            if (fields.Ids[row].Length != width || attend.Length != width || scored.Length != width)
            {
                throw new HybridException(ErrorKind.DataFile, $"{path}: {name}: row {row} has not {width} columns everywhere");
            }

            int start = Array.IndexOf(attend, 1), length = attend.Sum();
            if (start < 0 || attend.AsSpan(start, Math.Min(length, width - start)).ContainsAnyExcept(1))
            {
                throw new HybridException(ErrorKind.DataFile, $"{path}: {name}: row {row}: attend must be one run of ones");
            }

            starts[row] = start;
            if (scored[start] == 1)
            {
                throw new HybridException(ErrorKind.DataFile, $"{path}: {name}: row {row}: nothing predicts the first token, it cannot be scored");
            }

            int[] positions = [.. Enumerable.Range(0, length).Where(position => scored[start + position] == 1)];
            sequences.Add(new TokenSequence(fields.Ids[row].AsMemory(start, length), positions));
        }

        Sequences = sequences;
        Packed = new PackedBatch(sequences);
    }

    /// <summary>The rows without their padding.</summary>
    public IReadOnlyList<TokenSequence> Sequences { get; }

    /// <summary>The rows packed.</summary>
    public PackedBatch Packed { get; }

    /// <summary>Reads the forget and the retain batch.</summary>
    /// <exception cref="HybridException">DataFile: missing or malformed.</exception>
    public static (PaddedBatch Forget, PaddedBatch Retain) LoadPair(string path)
    {
        try
        {
            Pair pair = JsonSerializer.Deserialize<Pair>(File.ReadAllBytes(path), Strict) ?? throw new JsonException("an object is expected");
            return (new PaddedBatch(path, "forget", pair.Forget), new PaddedBatch(path, "retain", pair.Retain));
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.DataFile, $"{path}: {(error is JsonException json ? JsonFault.Of(json) : error.Message)}", error);
        }
    }

    /// <summary>Rows [T,C] as [B,S,C], zeros on padding.</summary>
    public Tensor Pad(Tensor rows)
    {
        long columns = rows.Shape[1];
        double[] packed = rows.ToDoubles(), padded = new double[Sequences.Count * width * columns];
        for (int b = 0; b < Sequences.Count; b++)
        {
            Array.Copy(packed, Packed.Offsets[b] * columns, padded, ((b * width) + starts[b]) * columns, Sequences[b].Ids.Length * columns);
        }

        return Tensor.From<double>(padded, [Sequences.Count, width, columns], Device.Cpu);
    }

    private sealed record Pair
    {
        [JsonPropertyName("forget")]
        public required Fields Forget { get; init; }

        [JsonPropertyName("retain")]
        public required Fields Retain { get; init; }
    }

    private sealed record Fields
    {
        [JsonPropertyName("ids")]
        public required long[][] Ids { get; init; }

        [JsonPropertyName("attend")]
        public required int[][] Attend { get; init; }

        [JsonPropertyName("scored")]
        public required int[][] Scored { get; init; }
    }
}
