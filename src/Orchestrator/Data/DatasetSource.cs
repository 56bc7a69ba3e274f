namespace Hybrid.Orchestrator.Data;

/// <summary>
/// Finds a dataset by what the user calls it: a name of <see cref="DatasetCatalog"/>, or a folder of their own with a
/// <c>dataset.yaml</c>. A name wins over a folder that is called the same.
/// </summary>
public static class DatasetSource
{
    /// <summary>Finds a dataset's files.</summary>
    /// <param name="dataset">A name in the catalog, or a folder.</param>
    /// <param name="dataDirectory">The folder that holds the catalogued datasets' folders. A folder of the user's own does not need it and
    /// does not look at it.</param>
    /// <param name="retainText">A .txt or .jsonl file in place of the dataset's own retain text, or null.</param>
    /// <param name="retainQuestions">A .jsonl file in place of the dataset's own retain questions, or null.</param>
    /// <returns>The files.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.Config"/> for an unknown name, a missing data directory or a malformed
    /// <c>dataset.yaml</c>; <see cref="ErrorKind.DataFile"/> for a missing folder or file.</exception>
    internal static DatasetFiles Find(string dataset, string? dataDirectory, string? retainText = null, string? retainQuestions = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        return With(IsFolder(dataset) ? DatasetYaml.Load(dataset) : FindCatalogued(dataset, dataDirectory), retainText, retainQuestions);
    }

    /// <summary>The files of a folder of the user's own, whatever it is called.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="retainText">As for <see cref="Find"/>.</param>
    /// <exception cref="HybridException">As for <see cref="Find"/>.</exception>
    internal static DatasetFiles FindFolder(string folder, string? retainText = null) => With(DatasetYaml.Load(folder), retainText, retainQuestions: null);

    /// <summary>Finds a dataset and reads its questions; texts are read when they are first asked for.</summary>
    /// <param name="dataset">As for <see cref="Find"/>.</param>
    /// <param name="dataDirectory">As for <see cref="Find"/>.</param>
    /// <param name="retainText">As for <see cref="Find"/>.</param>
    /// <param name="retainQuestions">As for <see cref="Find"/>.</param>
    /// <returns>The dataset.</returns>
    /// <exception cref="HybridException">As for <see cref="Find"/> and <see cref="DatasetFiles.Load"/>.</exception>
    public static UnlearningDataset Load(string dataset, string? dataDirectory, string? retainText = null, string? retainQuestions = null) =>
        Find(dataset, dataDirectory, retainText, retainQuestions).Load();

    private static DatasetFiles With(DatasetFiles files, string? retainText, string? retainQuestions) => files with
    {
        RetainText = retainText is null ? files.RetainText : TextFiles.OfUser(retainText),
        RetainQuestions = retainQuestions is null ? files.RetainQuestions : [retainQuestions],
    };

    private static bool IsFolder(string dataset) =>
        DatasetCatalog.All.All(definition => definition.Name != dataset) && (dataset.Contains(Path.DirectorySeparatorChar) || Directory.Exists(dataset));

    private static DatasetFiles FindCatalogued(string name, string? dataDirectory)
    {
        DatasetDefinition definition = DatasetCatalog.Find(name);
        return dataDirectory is not null
            ? DatasetCatalog.Files(name, dataDirectory)
            : throw new HybridException(ErrorKind.Config, $"dataset '{name}' is one of the catalog's and needs --data, the folder that holds {definition.Folder}/");
    }
}
