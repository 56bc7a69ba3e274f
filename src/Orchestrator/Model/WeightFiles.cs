using Hybrid.Interop;
using Microsoft.Win32.SafeHandles;

namespace Hybrid.Orchestrator.Model;

/// <summary>
/// The weights of a model folder, open for reading: one <c>model.safetensors</c>, or several files (shards) with an index. All headers
/// are checked when it is opened, and that the index and the files agree. A tensor is copied when it is read, straight into its type
/// and place; tensors stay valid when the files are closed.
/// </summary>
internal sealed class WeightFiles : IDisposable
{
    private readonly List<(string Path, SafetensorsFile File)> files = [];
    private readonly Dictionary<string, (string Path, SafetensorsFile File)> owners = new(StringComparer.Ordinal);
    private readonly List<string> names = [];

    private WeightFiles(string path) => Path = path;

    /// <summary>The file that messages about the whole name: the single file or the index.</summary>
    public string Path { get; }

    /// <summary>Names of the tensors, file after file in the files' order.</summary>
    public IReadOnlyList<string> Names => names;

    /// <summary>Full paths of the files with tensors, the index not among them.</summary>
    public IReadOnlyList<string> Paths => [.. files.Select(file => file.Path)];

    /// <summary>Bytes of those files, headers included.</summary>
    public long Bytes => files.Sum(file =>
    {
        using SafeFileHandle opened = File.OpenHandle(file.Path); // of a link, too, it is the file's own length
        return RandomAccess.GetLength(opened);
    });

    /// <summary>Opens the weights of a folder. Links are followed, as caches of downloads are made of them.</summary>
    /// <exception cref="HybridException">
    /// ModelFile: a file is missing or malformed, there are both a single file and an index, or index and files disagree; the message names the
    /// file and the tensor.
    /// </exception>
    public static WeightFiles Open(string folder)
    {
        string single = System.IO.Path.Combine(folder, ModelFolder.WeightsFile), index = System.IO.Path.Combine(folder, ModelFolder.IndexFile);
        bool sharded = File.Exists(index);
        if (sharded && File.Exists(single))
        {
            throw new HybridException(ErrorKind.ModelFile, $"{folder}: has both {ModelFolder.WeightsFile} and {ModelFolder.IndexFile}; remove the one that is not the model's");
        }

        var weights = new WeightFiles(sharded ? index : single);
        try
        {
            if (sharded)
            {
                weights.OpenShards(folder, WeightIndex.Load(index));
            }
            else if (File.Exists(single))
            {
                weights.Add(single);
            }
            else
            {
                throw new HybridException(ErrorKind.ModelFile, $"{single}: no such file, nor {ModelFolder.IndexFile} beside it; weights in other formats are not read");
            }

            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Element type and shape of a tensor, without touching its data.</summary>
    public (ElementType Type, long[] Shape) Describe(string name) => Owner(name).File.Describe(name);

    /// <summary>A tensor in storage of its own, in the wanted type and place. Nothing but this tensor is held in memory twice, and that no longer than the call.</summary>
    /// <exception cref="HybridException">ModelFile: there is no such tensor.</exception>
    /// <exception cref="NativeException">Device, OutOfMemory: nothing is wrong with the file.</exception>
    public Tensor Read(string name, ElementType type, Device device)
    {
        (string file, SafetensorsFile opened) = Owner(name);
        return Checked(file, () => opened.Read(name, type, device));
    }

    /// <summary>The file that a tensor lies in.</summary>
    public string PathOf(string name) => Owner(name).Path;

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach ((_, SafetensorsFile file) in files)
        {
            file.Dispose();
        }
    }

    private (string Path, SafetensorsFile File) Owner(string name) => owners.TryGetValue(name, out (string Path, SafetensorsFile File) owner)
        ? owner
        : throw new HybridException(ErrorKind.ModelFile, $"{Path}: there is no tensor '{WeightIndex.Shown(name)}'");

    private void OpenShards(string folder, WeightIndex index)
    {
        foreach (string name in index.Files.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            string shard = System.IO.Path.Combine(folder, name);
            if (!File.Exists(shard))
            {
                throw new HybridException(ErrorKind.ModelFile, $"{shard}: no such file; {ModelFolder.IndexFile} puts tensor '{WeightIndex.Shown(index.Files.First(entry => entry.Value == name).Key)}' there");
            }

            Add(shard);
        }

        foreach ((string tensor, string name) in index.Files)
        {
            string shard = System.IO.Path.Combine(folder, name);
            if (!owners.TryGetValue(tensor, out (string Path, SafetensorsFile File) owner) || owner.Path != shard)
            {
                throw new HybridException(ErrorKind.ModelFile, $"{shard}: has no tensor '{WeightIndex.Shown(tensor)}', which {ModelFolder.IndexFile} puts there");
            }
        }

        if (names.Find(tensor => !index.Files.ContainsKey(tensor)) is { } unlisted)
        {
            throw new HybridException(ErrorKind.ModelFile, $"{PathOf(unlisted)}: tensor '{WeightIndex.Shown(unlisted)}' does not stand in {ModelFolder.IndexFile}");
        }

        long total = names.Sum(name => BytesOf(Describe(name)));
        if (index.TotalSize is { } stated && stated != total)
        {
            throw new HybridException(ErrorKind.ModelFile, $"{Path}: total_size is {stated}, the files have tensors of {total} bytes");
        }
    }

    private void Add(string file)
    {
        SafetensorsFile opened = Checked(file, () => SafetensorsFile.Open(file));
        files.Add((file, opened));
        foreach (string name in opened.Names)
        {
            if (!owners.TryAdd(name, (file, opened)))
            {
                throw new HybridException(ErrorKind.ModelFile, $"{file}: tensor '{WeightIndex.Shown(name)}' stands in {System.IO.Path.GetFileName(owners[name].Path)}, too");
            }

            names.Add(name);
        }
    }

    private static long BytesOf((ElementType Type, long[] Shape) tensor) => tensor.Shape.Aggregate((long)tensor.Type.Size(), (product, size) => product * size);

    private static T Checked<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (NativeException error) when (error.Status is not (NativeStatus.Device or NativeStatus.OutOfMemory or NativeStatus.AbiMismatch))
        {
            throw new HybridException(ErrorKind.ModelFile, error.Cause.Contains(file, StringComparison.Ordinal) ? error.Cause : $"{file}: {error.Cause}", error);
        }
    }
}
