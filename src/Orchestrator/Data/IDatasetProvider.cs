namespace Hybrid.Orchestrator.Data;

/// <summary>A dataset of one's own, which an experiment calls by its name: <c>dataset: { name: … }</c>.</summary>
public interface IDatasetProvider
{
    /// <summary>The name: small letters, digits and hyphens.</summary>
    string Name { get; }

    /// <summary>Anything that changes when <see cref="Load"/> would give something else for the same request: what an experiment has found with another version is found anew.</summary>
    string Version { get; }

    /// <summary>Makes the dataset. Equal requests give equal datasets; may be asked more than once, and from several threads.</summary>
    /// <exception cref="HybridException">Any kind; the message is told as it is.</exception>
    UnlearningDataset Load(DatasetRequest request);
}

/// <summary>What an experiment asks a dataset for.</summary>
/// <param name="Seed">The seed that the experiment repeats; a dataset that is not made up need not look at it.</param>
/// <param name="Data">The experiment's <c>dataset.data</c>; null where it gives none.</param>
public sealed record DatasetRequest(ulong Seed, string? Data);
