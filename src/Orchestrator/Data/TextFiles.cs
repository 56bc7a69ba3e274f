namespace Hybrid.Orchestrator.Data;

/// <summary>The files of one part of a dataset's texts. None means that the dataset does not have the part.</summary>
internal sealed record TextFiles
{
    /// <summary>The files in order.</summary>
    public required IReadOnlyList<string> Paths { get; init; }

    /// <summary>
    /// True for files in RTT's layout, whose fields are all known; false for files of the user's own, <c>.txt</c> or <c>.jsonl</c>, whose
    /// fields beside <c>text</c> are ignored.
    /// </summary>
    public required bool HaveKnownFields { get; init; }

    /// <summary>A file that the user names, checked to be there.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The file alone.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.Config"/> for an ending other than .txt and .jsonl,
    /// <see cref="ErrorKind.DataFile"/> when there is no such file.</exception>
    public static TextFiles OfUser(string path) => !TextCorpus.IsPlain(path) && !path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase)
        ? throw new HybridException(ErrorKind.Config, $"{path}: expected a text file that ends in .txt or .jsonl")
        : !File.Exists(path)
        ? throw new HybridException(ErrorKind.DataFile, $"{path}: no such file")
        : new() { Paths = [path], HaveKnownFields = false };
}
