using System.Text.RegularExpressions;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator;

/// <summary>
/// Everything that a configuration may call by name: what Hybrid brings, and what a program adds. Does not change; each <c>With…</c> gives
/// another one. docs/adding-a-method.md walks through all of them.
/// </summary>
public sealed partial record HybridRegistry
{
    private HybridRegistry()
    {
    }

    /// <summary>What Hybrid brings.</summary>
    public static HybridRegistry BuiltIn { get; } = new();

    /// <summary>Names of the unlearning methods, Hybrid's first.</summary>
    public IReadOnlyList<string> MethodNames => [.. UnlearningPresets.Methods, .. OwnMethods.Select(method => method.Method)];

    /// <summary>Names of the datasets, Hybrid's first.</summary>
    public IReadOnlyList<string> DatasetNames => [.. DatasetCatalog.All.Select(known => known.Name), .. Datasets.Select(dataset => dataset.Name)];

    /// <summary>Datasets that were added.</summary>
    public IReadOnlyList<IDatasetProvider> Datasets { get; private init; } = [];

    /// <summary>Metrics that were added.</summary>
    public IReadOnlyList<IModelMetric> Metrics { get; private init; } = [];

    /// <summary>Attacks that were added.</summary>
    public IReadOnlyList<IModelAttack> Attacks { get; private init; } = [];

    private IReadOnlyList<IMethodOptions> OwnMethods { get; init; } = [];

    /// <summary>The same with an unlearning method more.</summary>
    /// <param name="usual">Options that it usually has: what a configuration with a preset does not give is taken from them. They also say the method's name and which keys its section has.</param>
    /// <exception cref="ArgumentException">The name is taken or no name, the options' type cannot be read from a configuration, or the options have no meaning.</exception>
    public HybridRegistry WithMethod(IMethodOptions usual)
    {
        ArgumentNullException.ThrowIfNull(usual);
        RequireNew(usual.Method, MethodNames, "method");
        if (usual.GetType().GetConstructor(Type.EmptyTypes) is null)
        {
            throw new ArgumentException($"options {usual.GetType()} of method '{usual.Method}' have no public constructor without parameters, so that no configuration could hold them", nameof(usual));
        }

        return usual.Validate().FirstOrDefault() is { } problem
            ? throw new ArgumentException($"the usual options of method '{usual.Method}': {problem}", nameof(usual))
            : this with { OwnMethods = [.. OwnMethods, usual] };
    }

    /// <summary>The same with a dataset more.</summary>
    /// <exception cref="ArgumentException">The name is taken or no name.</exception>
    public HybridRegistry WithDataset(IDatasetProvider dataset)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        RequireNew(dataset.Name, DatasetNames, "dataset");
        return this with { Datasets = [.. Datasets, dataset] };
    }

    /// <summary>The same with a metric more.</summary>
    /// <exception cref="ArgumentException">The name is taken or no name.</exception>
    public HybridRegistry WithMetric(IModelMetric metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        RequireNew(metric.Name, Metrics.Select(known => known.Name), "metric");
        return this with { Metrics = [.. Metrics, metric] };
    }

    /// <summary>The same with an attack more.</summary>
    /// <exception cref="ArgumentException">The name is taken or no name.</exception>
    public HybridRegistry WithAttack(IModelAttack attack)
    {
        ArgumentNullException.ThrowIfNull(attack);
        RequireNew(attack.Name, Attacks.Select(known => known.Name), "attack");
        return this with { Attacks = [.. Attacks, attack] };
    }

    /// <summary>A preset's settings of a method, of Hybrid's or one's own.</summary>
    internal UnlearningSettings Preset(string preset, string method) =>
        OwnMethods.FirstOrDefault(own => own.Method == method) is { } usual ? UnlearningPresets.With(preset, usual) : UnlearningPresets.Find(preset, method);

    /// <summary>The type of a method's options.</summary>
    internal Type OptionsOf(string method) => Preset(UnlearningPresets.Names[0], method).Options.GetType();

    private static void RequireNew(string name, IEnumerable<string> known, string what)
    {
        if (!Name().IsMatch(name))
        {
            throw new ArgumentException($"{what} '{name}': a name is small letters, digits and single hyphens, with a letter first");
        }

        if (known.Contains(name, StringComparer.Ordinal))
        {
            throw new ArgumentException($"{what} '{name}': the name is taken");
        }
    }

    [GeneratedRegex(@"\A[a-z][a-z0-9]*(-[a-z0-9]+)*\z")]
    private static partial Regex Name();
}
