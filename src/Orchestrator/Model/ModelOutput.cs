using Hybrid.Interop;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Model;

/// <summary>
/// The folder that a long piece of work will leave its model in. It is checked before the work, so that hours are not lost at its end, and
/// appears whole or not at all: the files are written into a folder beside it, which is then renamed. What the model takes over from its
/// source is read before the work, too: at its end, the source may be gone.
/// </summary>
internal sealed class ModelOutput : IDisposable
{
    private const string LastGoodSuffix = ".last-good";

    private readonly StagingFolder staging;
    private readonly string? carried;

    private ModelOutput(string folder, StagingFolder staging, string? carried)
    {
        Folder = folder;
        this.staging = staging;
        this.carried = carried;
        LastGoodFolder = Path.TrimEndingDirectorySeparator(Folder) + LastGoodSuffix;
    }

    /// <summary>The folder, as it was named.</summary>
    public string Folder { get; }

    /// <summary>Where <see cref="SaveLastGood"/> has put the model, or would: a name that was free then, for it replaces nothing.</summary>
    public string LastGoodFolder { get; private set; }

    /// <summary>Makes sure that the folder can be written, and is absent, empty, or a model that may be overwritten.</summary>
    /// <param name="folder">The folder to be.</param>
    /// <param name="overwrite">Whether a model that is there may be replaced. Nothing but files of the names that a model and the record of its run are saved under ever is.</param>
    /// <param name="source">The folder that the model will come from, if any; <see cref="ModelFolder.Save"/> says what is taken over from it.</param>
    /// <exception cref="HybridException">Config: something is there. Io: it cannot be written, or the source cannot be read.</exception>
    public static ModelOutput Reserve(string folder, bool overwrite, string? source = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        StagingFolder.RemoveDead(folder);
        CheckTarget(folder, overwrite);
        StagingFolder staging = Guarded(folder, "cannot be written", () => StagingFolder.Create(folder));
        try
        {
            if (source is not null)
            {
                Guarded(source, "cannot be copied from", () => ModelFolder.CopyCompanions(source, staging.Carried));
            }

            return new ModelOutput(folder, staging, source is null ? null : staging.Carried);
        }
        catch
        {
            staging.Dispose();
            throw;
        }
    }

    /// <summary>Takes the room on the disk that the model's weights will need, so that a disk that is too full is found out before the work.</summary>
    /// <param name="model">The model, in the element type that it will be saved in.</param>
    /// <param name="shardBytes">The most bytes of weights in one file.</param>
    /// <exception cref="HybridException">Io: there is less.</exception>
    public void TakeRoom(LlamaModel model, long shardBytes = WeightShards.DefaultBytes)
    {
        long bytes = model.Names.Sum(name => model[name].Count * model[name].ElementType.Size());
        Guarded(Folder, $"the model will need {MemoryFit.Gigabytes(bytes)}", () =>
        {
            staging.TakeRoom(bytes, Math.Min(bytes, shardBytes));
            return bytes;
        });
    }

    /// <summary>Writes the model into the folder.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="shardBytes">The most bytes of weights in one file.</param>
    /// <param name="record">Told where the model's files lie, to write the record of the run beside them; then the folder is put in its place.</param>
    /// <exception cref="HybridException">Io.</exception>
    public void Save(LlamaModel model, Tokenizer tokenizer, long shardBytes = WeightShards.DefaultBytes, Action<string>? record = null) => SaveAs(Folder, model, tokenizer, shardBytes, record);

    /// <summary>Writes a model that training had to be stopped on into <see cref="LastGoodFolder"/>; the folder itself stays as it was.</summary>
    /// <exception cref="HybridException">As <see cref="Save"/>.</exception>
    public void SaveLastGood(LlamaModel model, Tokenizer tokenizer)
    {
        string first = LastGoodFolder;
        for (int number = 2; Path.Exists(LastGoodFolder); number++)
        {
            LastGoodFolder = FormattableString.Invariant($"{first}-{number}");
        }

        SaveAs(LastGoodFolder, model, tokenizer, WeightShards.DefaultBytes, record: null);
    }

    /// <summary>Removes what was not finished.</summary>
    public void Dispose() => staging.Dispose();

    private void SaveAs(string target, LlamaModel model, Tokenizer tokenizer, long shardBytes, Action<string>? record)
    {
        try
        {
            staging.GiveRoom();
            ModelFolder.Save(staging.FullPath, model, tokenizer, carried, shardBytes);
            record?.Invoke(staging.FullPath);
            AtomicFile.ReplaceFolder(target, staging.FullPath);
        }
        catch (HybridException error) when (error.Kind == ErrorKind.Io)
        {
            throw new HybridException(ErrorKind.Io, error.Message.Replace(staging.FullPath, target, StringComparison.Ordinal), error);
        }
        catch (Exception error) when (FileFault.Is(error))
        {
            throw FileFault.Of(target, "cannot be written", error);
        }
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

    private static T Guarded<T>(string folder, string what, Func<T> access)
    {
        try
        {
            return access();
        }
        catch (Exception error) when (FileFault.Is(error))
        {
            throw FileFault.Of(folder, what, error);
        }
    }
}
