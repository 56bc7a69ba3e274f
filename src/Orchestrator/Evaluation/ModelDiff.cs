using System.Globalization;
using System.Text.Json.Nodes;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>One tensor that both models have in one shape.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Part">The part of the model that it belongs to: "layer N", "embedding", "norm", "head", or its own name.</param>
/// <param name="Shape">Its sizes, outermost first.</param>
/// <param name="TypeA">Element type in the first model.</param>
/// <param name="TypeB">Element type in the second model.</param>
/// <param name="Difference">How far the second's elements lie from the first's.</param>
internal sealed record TensorDiff(string Name, string Part, IReadOnlyList<long> Shape, ElementType TypeA, ElementType TypeB, TensorDifference Difference);

/// <summary>All tensors of a layer, or of what else a model consists of, taken together.</summary>
/// <param name="Part">As in <see cref="TensorDiff"/>.</param>
/// <param name="Difference">Of all its tensors that both models have.</param>
internal sealed record PartDiff(string Part, TensorDifference Difference);

/// <summary>A field of the architecture, as JSON text, "absent" where a model has none.</summary>
/// <param name="Field">Its name in config.json.</param>
/// <param name="A">The first model's value.</param>
/// <param name="B">The second model's value.</param>
internal sealed record ConfigDifference(string Field, string A, string B);

/// <summary>A tensor that cannot be compared.</summary>
/// <param name="Tensor">Its name.</param>
/// <param name="Problem">Why.</param>
internal sealed record TensorMismatch(string Tensor, string Problem);

/// <summary>What distinguishes two model folders, element by element.</summary>
internal sealed record ModelDiff
{
    /// <summary>Fields of the architecture that differ.</summary>
    public required IReadOnlyList<ConfigDifference> Config { get; init; }

    /// <summary>Tensors that only one model has, or that have another shape.</summary>
    public required IReadOnlyList<TensorMismatch> Mismatches { get; init; }

    /// <summary>All other tensors, in the order of computation.</summary>
    public required IReadOnlyList<TensorDiff> Tensors { get; init; }

    /// <summary>The same by part of the model, in the order of computation.</summary>
    public IReadOnlyList<PartDiff> Parts => [.. Tensors.GroupBy(tensor => tensor.Part).Select(part => new PartDiff(part.Key, Sum(part)))];

    /// <summary>All of these tensors taken together.</summary>
    public TensorDifference Total => Sum(Tensors);

    /// <summary>Whether both have the same architecture, tensors, element types and bits.</summary>
    public bool Identical => Config.Count == 0 && Mismatches.Count == 0 && Tensors.All(tensor => tensor.TypeA == tensor.TypeB && tensor.Difference.Changed == 0);

    /// <summary>Compares two folders; one tensor of each is in memory at a time.</summary>
    /// <param name="folderA">The original.</param>
    /// <param name="folderB">What became of it.</param>
    /// <param name="cancellation">Checked before each tensor.</param>
    /// <exception cref="HybridException">ModelFile, UnsupportedModel: a folder cannot be read.</exception>
    public static ModelDiff Compare(string folderA, string folderB, CancellationToken cancellation = default)
    {
        LlamaConfig a = ModelFolder.LoadConfig(folderA), b = ModelFolder.LoadConfig(folderB);
        using WeightFiles filesA = WeightFiles.Open(folderA), filesB = WeightFiles.Open(folderB);
        HashSet<string> namesA = NamesOf(filesA), namesB = NamesOf(filesB);
        var mismatches = new List<TensorMismatch>();
        var tensors = new List<TensorDiff>();
        foreach (string name in ParameterNames.All(a).Select(parameter => parameter.Name).Union(filesA.Names).Union(filesB.Names))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!namesA.Contains(name) || !namesB.Contains(name))
            {
                if (namesA.Contains(name) || namesB.Contains(name))
                {
                    mismatches.Add(new TensorMismatch(name, $"only in {(namesA.Contains(name) ? folderA : folderB)}"));
                }

                continue;
            }

            (ElementType typeA, long[] shape) = filesA.Describe(name);
            (ElementType typeB, long[] other) = filesB.Describe(name);
            if (!shape.AsSpan().SequenceEqual(other))
            {
                mismatches.Add(new TensorMismatch(name, $"[{string.Join(", ", shape)}] in {folderA}, [{string.Join(", ", other)}] in {folderB}"));
                continue;
            }

            using TensorScope scope = TensorScope.Begin();
            TensorDifference difference = TensorDifference.Between(filesA.Read(name, typeA, Device.Cpu), filesB.Read(name, typeB, Device.Cpu));
            tensors.Add(new TensorDiff(name, PartOf(name), shape, typeA, typeB, difference));
        }

        return new ModelDiff { Config = [.. Differences(LlamaConfigJson.Architecture(a), LlamaConfigJson.Architecture(b))], Mismatches = mismatches, Tensors = tensors };
    }

    private static HashSet<string> NamesOf(WeightFiles files) => [.. files.Names.Where(name => !ParameterNames.IsComputed(name))];

    private static IEnumerable<ConfigDifference> Differences(JsonObject a, JsonObject b) =>
        from name in a.Select(field => field.Key).Union(b.Select(field => field.Key))
        let pair = (A: a[name]?.ToJsonString() ?? "absent", B: b[name]?.ToJsonString() ?? "absent")
        where pair.A != pair.B
        select new ConfigDifference(name, pair.A, pair.B);

    private static TensorDifference Sum(IEnumerable<TensorDiff> tensors) => tensors.Aggregate(TensorDifference.None, (sum, tensor) => sum.Plus(tensor.Difference));

    private static string PartOf(string name) => name switch
    {
        ParameterNames.Embedding => "embedding",
        ParameterNames.FinalNorm => "norm",
        ParameterNames.Head => "head",
        _ => ParameterNames.LayerOf(name) is { } layer ? string.Create(CultureInfo.InvariantCulture, $"layer {layer}") : name,
    };
}
