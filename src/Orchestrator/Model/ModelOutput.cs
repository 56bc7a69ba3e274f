using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Model;

/// <summary>
/// The folder that a long piece of work will leave its model in. It is checked before the work, so that hours are not lost at its end, and
/// appears whole or not at all: the files are written into a folder beside it, which is then renamed.
/// </summary>
public sealed class ModelOutput : IDisposable
{
    private const string LastGoodSuffix = ".last-good";

    private readonly string staging;

    private ModelOutput(string folder, string staging)
    {
        Folder = folder;
        this.staging = staging;
    }

    /// <summary>The folder, as it was named.</summary>
    public string Folder { get; }

    /// <summary>Where <see cref="SaveLastGood"/> puts the model.</summary>
    public string LastGoodFolder => Path.TrimEndingDirectorySeparator(Folder) + LastGoodSuffix;

    /// <summary>Makes sure that the folder can be written, and is absent, empty, or a model that may be overwritten.</summary>
    /// <param name="folder">The folder to be.</param>
    /// <param name="overwrite">Whether a model that is there may be replaced. Nothing but files of the names that a model and the record of its run are saved under ever is.</param>
    /// <exception cref="HybridException">Config: something is there. Io: it cannot be written.</exception>
    public static ModelOutput Reserve(string folder, bool overwrite)
    {
        ArgumentNullException.ThrowIfNull(folder);
        CheckTarget(folder, overwrite);
        CheckTarget(Path.TrimEndingDirectorySeparator(folder) + LastGoodSuffix, overwrite);
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        string staging = Path.Combine(Path.GetDirectoryName(full) ?? full, $".{Path.GetFileName(full)}.partial-{Guid.NewGuid():N}");
        Guarded(folder, () => Directory.CreateDirectory(staging));
        return new ModelOutput(folder, staging);
    }

    /// <summary>Writes the model into the folder; <see cref="ModelFolder.Save"/> says what source and shardBytes are.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="source">The folder that it came from, if any.</param>
    /// <param name="shardBytes">The most bytes of weights in one file.</param>
    /// <param name="record">Told where the model's files lie, to write the record of the run beside them; then the folder is put in its place.</param>
    /// <exception cref="HybridException">Io. ModelFile: the source's config.json cannot be read any more.</exception>
    public void Save(LlamaModel model, Tokenizer tokenizer, string? source = null, long shardBytes = WeightShards.DefaultBytes, Action<string>? record = null) =>
        SaveAs(Folder, model, tokenizer, source, shardBytes, record);

    /// <summary>Writes a model that training had to be stopped on into <see cref="LastGoodFolder"/>; the folder itself stays as it was.</summary>
    /// <exception cref="HybridException">As <see cref="Save"/>.</exception>
    public void SaveLastGood(LlamaModel model, Tokenizer tokenizer, string? source = null) => SaveAs(LastGoodFolder, model, tokenizer, source, WeightShards.DefaultBytes, record: null);

    /// <summary>Removes what was not finished.</summary>
    public void Dispose()
    {
        if (Directory.Exists(staging))
        {
            Directory.Delete(staging, recursive: true);
        }
    }

    private void SaveAs(string target, LlamaModel model, Tokenizer tokenizer, string? source, long shardBytes, Action<string>? record)
    {
        ModelFolder.Save(staging, model, tokenizer, source, shardBytes);
        Guarded(target, () => record?.Invoke(staging));
        Guarded(target, () => AtomicFile.ReplaceFolder(target, staging));
    }

    private static void CheckTarget(string folder, bool overwrite)
    {
        if (File.Exists(folder))
        {
            throw new HybridException(ErrorKind.Config, $"{folder}: is a file; expected a folder or nothing");
        }

        if (!Directory.Exists(folder))
        {
            return;
        }

        string[] entries = [.. Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal)];
        if (entries.Length > 0 && !overwrite)
        {
            throw new HybridException(ErrorKind.Config, $"{folder}: is there and not empty; name another folder, or allow overwriting (--overwrite)");
        }

        if (entries.FirstOrDefault(entry => !ModelFolder.IsSavedFile(Path.GetFileName(entry))) is { } foreign)
        {
            throw new HybridException(ErrorKind.Config, $"{foreign}: only a folder with the files of a model and nothing else is overwritten");
        }
    }

    private static void Guarded(string folder, Action write)
    {
        try
        {
            write();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.Io, $"{folder}: cannot be written: {error.Message}", error);
        }
    }
}
