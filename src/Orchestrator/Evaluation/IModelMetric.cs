using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>
/// A figure of one's own of a model, which an experiment asks for by its name: <c>utility: { metrics: [ … ] }</c>. It is measured on the original models and on what was
/// picked of every method, and stands in the report.
/// </summary>
public interface IModelMetric
{
    /// <summary>The name: small letters, digits and hyphens.</summary>
    string Name { get; }

    /// <summary>Anything that changes when <see cref="Measure"/> would give another figure for the same model: what was measured by another version is measured anew.</summary>
    string Version { get; }

    /// <summary>Measures a model, which it leaves as it is. May be called from several threads, each with its own model.</summary>
    /// <returns>The figure, in whichever unit; NaN where there is none.</returns>
    double Measure(MeasuredModel model, CancellationToken cancellation);
}

/// <summary>A model that is measured, with what there is to measure it on.</summary>
public sealed record MeasuredModel
{
    /// <summary>The model.</summary>
    public required LlamaModel Model { get; init; }

    /// <summary>Its tokenizer.</summary>
    public required Tokenizer Tokenizer { get; init; }

    /// <summary>Makes token sequences.</summary>
    public required ExampleEncoder Encoder { get; init; }

    /// <summary>The facts to forget and what is to be retained.</summary>
    public required UnlearningDataset Dataset { get; init; }

    /// <summary>The experiment's chance for this figure: the same for every model of a seed.</summary>
    public required SeededRandom Random { get; init; }
}
