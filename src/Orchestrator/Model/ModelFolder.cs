using Hybrid.Interop;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Model;

/// <summary>
/// A model with its tokenizer, as a Hugging Face folder: <c>config.json</c>, <c>tokenizer.json</c> (or Llama 3's tokenizer.model), and the weights in <c>model.safetensors</c>
/// or in shards with an index.
/// </summary>
public static class ModelFolder
{
    /// <summary>The architecture.</summary>
    internal const string ConfigFile = "config.json";

    /// <summary>The weights, where they are one file.</summary>
    internal const string WeightsFile = "model.safetensors";

    /// <summary>Where the weights are several files: which of them holds which tensor.</summary>
    internal const string IndexFile = "model.safetensors.index.json";

    /// <summary>The tokenizer.</summary>
    internal const string TokenizerFile = "tokenizer.json";

    /// <summary>What else comes with a model: how to generate, chat and tokenize. Copied as they are.</summary>
    private static readonly string[] CompanionFiles = ["generation_config.json", "tokenizer_config.json", "special_tokens_map.json", Llama3Tiktoken.FileName, "chat_template.jinja"];

    /// <summary>
    /// Loads the weights in the wanted element type onto the wanted device. Links to config.json, tokenizer and weights are followed wherever
    /// they lead; those to the other files, which <see cref="Save"/> copies, may not lead out (<see cref="CompanionFile"/>).
    /// </summary>
    /// <exception cref="HybridException">ModelFile, UnsupportedModel: the message names the file and the tensor or field.</exception>
    public static LlamaModel LoadModel(string folder, ElementType type, Device device)
    {
        LlamaConfig config = LoadConfig(folder);
        Array.ForEach(CompanionFiles, name => CompanionFile.RequireOwn(folder, name)); // now, and not after hours of training
        using WeightFiles files = WeightFiles.Open(folder);
        string[] names = [.. files.Names.Where(name => !ParameterNames.IsComputed(name))];
        RequireTensors(files, names, config);
        using TensorScope outside = TensorScope.Outside();
        var parameters = new List<KeyValuePair<string, Tensor>>();
        try
        {
            foreach (string name in names)
            {
                parameters.Add(new(name, files.Read(name, type, device)));
            }

            return new LlamaModel(config, parameters);
        }
        catch
        {
            foreach (KeyValuePair<string, Tensor> parameter in parameters)
            {
                parameter.Value.Dispose();
            }

            throw;
        }
    }

    /// <summary>Reads config.json.</summary>
    public static LlamaConfig LoadConfig(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new HybridException(ErrorKind.ModelFile, $"{folder}: no such model folder");
        }

        return LlamaConfigJson.Load(Path.Combine(folder, ConfigFile));
    }

    /// <summary>The config.json of a folder, or of the path of such a file.</summary>
    internal static string ConfigPath(string path) => Directory.Exists(path) ? Path.Combine(path, ConfigFile) : path;

    /// <summary>Loads the tokenizer and checks that its ids fit the model.</summary>
    /// <exception cref="HybridException">ModelFile: missing. Tokenizer: malformed, or its vocabulary is not the model's.</exception>
    public static Tokenizer LoadTokenizer(string folder, LlamaConfig config)
    {
        (string path, Tokenizer tokenizer) = FindTokenizer(folder);
        RequireFits(path, tokenizer, config);
        return tokenizer;
    }

    /// <summary>Makes sure that a tokenizer's ids are those that a model has rows for; <paramref name="path"/> is the tokenizer's, for the error.</summary>
    /// <exception cref="HybridException">Tokenizer: its vocabulary is not the model's.</exception>
    internal static void RequireFits(string path, Tokenizer tokenizer, LlamaConfig config)
    {
        if (!Fits(tokenizer.VocabularySize, config.VocabularySize))
        {
            throw new HybridException(ErrorKind.Tokenizer, $"{path}: {tokenizer.VocabularySize} tokens, the model has rows for {config.VocabularySize}: this tokenizer is another model's");
        }
    }

    /// <summary>Loads the tokenizer of a folder that may lack a model.</summary>
    /// <exception cref="HybridException">ModelFile: missing. Tokenizer: malformed.</exception>
    public static Tokenizer LoadTokenizer(string folder) => FindTokenizer(folder).Tokenizer;

    /// <summary>tokenizer.json, else tokenizer.model: the order of transformers.</summary>
    private static (string Path, Tokenizer Tokenizer) FindTokenizer(string folder)
    {
        string json = Path.Combine(folder, TokenizerFile), tiktoken = Path.Combine(folder, Llama3Tiktoken.FileName);
        return File.Exists(json) ? (json, Tokenizer.Load(json))
            : File.Exists(tiktoken) ? (tiktoken, Llama3Tiktoken.Load(tiktoken))
            : throw new HybridException(ErrorKind.ModelFile, $"{json}: no such file, and no {Llama3Tiktoken.FileName} of Llama 3 in its place");
    }

    /// <summary>Equal sizes, or the tokenizer's rounded up to a multiple of a power of two, as embeddings are padded for speed.</summary>
    private static bool Fits(int tokens, int rows) =>
        rows == tokens || new[] { 8, 16, 32, 64, 128, 256 }.Any(multiple => rows == (tokens + multiple - 1) / multiple * multiple);

    /// <summary>Element type and shape of every tensor in the weights, without loading them.</summary>
    /// <exception cref="HybridException">ModelFile.</exception>
    internal static IReadOnlyList<(string Name, ElementType Type, long[] Shape)> Describe(string folder)
    {
        using WeightFiles files = WeightFiles.Open(folder);
        return [.. files.Names.Select(name => (name, files.Describe(name).Type, files.Describe(name).Shape))];
    }

    /// <summary>Whether a folder that a model was saved in has files of that name: those of the model, and the record of the run that made it.</summary>
    internal static bool IsSavedFile(string name) => IsModelFile(name) || name == RunRecord.FileName;

    /// <summary>The files of a folder that a model may be read from. An index may name weights as it likes.</summary>
    internal static IEnumerable<string> InputFiles(string folder) =>
        Directory.EnumerateFiles(folder).Where(path => IsModelFile(Path.GetFileName(path)) || Path.GetExtension(path) == ".safetensors");

    /// <summary>Whether <see cref="Save"/> writes files of that name.</summary>
    internal static bool IsModelFile(string name) => name is ConfigFile or TokenizerFile || CompanionFiles.Contains(name) || WeightShards.IsWeightsFile(name);

    /// <summary>Writes the folder; every file whole or not at all, the weights last.</summary>
    /// <param name="folder">Where to; made where it is not there.</param>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="source">
    /// The folder that the model came from, if any: its other files are carried over (how to generate, chat and tokenize), and those fields of
    /// its config.json that say nothing about the computation.
    /// </param>
    /// <param name="shardBytes">The most bytes of weights in one file.</param>
    /// <exception cref="HybridException">Io: the message names the path. ModelFile: the source's config.json cannot be read any more.</exception>
    internal static void Save(string folder, LlamaModel model, Tokenizer tokenizer, string? source = null, long shardBytes = WeightShards.DefaultBytes)
    {
        try
        {
            Directory.CreateDirectory(folder);
            string dtype = model[ParameterNames.Embedding].ElementType switch
            {
                ElementType.Float32 => "float32",
                ElementType.BFloat16 => "bfloat16",
                ElementType.Float16 => "float16",
                ElementType.Float64 => "float64",
                ElementType other => throw new HybridException(ErrorKind.UnsupportedModel, $"{folder}: weights of {other} cannot be saved"),
            };
            string? sourceConfig = source is null ? null : Path.Combine(source, ConfigFile);
            AtomicFile.WriteText(Path.Combine(folder, ConfigFile), LlamaConfigJson.Write(model.Config, dtype, tokenizer.BeginOfText, tokenizer.EndOfText, sourceConfig));
            tokenizer.Save(Path.Combine(folder, TokenizerFile));
            File.Delete(Path.Combine(folder, RunRecord.FileName)); // another model's
            CarryOver(source, folder);
            WeightShards.Write(folder, [.. model.Names.Select(name => new KeyValuePair<string, Tensor>(name, model[name]))], shardBytes);
        }
        catch (Exception error) when (FileFault.Is(error))
        {
            throw FileFault.Of(folder, "the model cannot be written", error);
        }
    }

    /// <summary>Copies what <see cref="Save"/> takes over from a source into another folder, which can then be the source.</summary>
    /// <returns>The copies' paths.</returns>
    /// <exception cref="IOException">A file cannot be read or written; so <see cref="UnauthorizedAccessException"/>.</exception>
    internal static IReadOnlyList<string> CopyCompanions(string source, string folder)
    {
        Directory.CreateDirectory(folder);
        string[] names = [.. CompanionFiles.Append(ConfigFile).Where(name => File.Exists(Path.Combine(source, name)))];
        foreach (string name in names)
        {
            File.WriteAllBytes(Path.Combine(folder, name), File.ReadAllBytes(Path.Combine(source, name)));
        }

        return [.. names.Select(name => Path.Combine(folder, name))];
    }

    /// <summary>Looks at the headers, so that nothing is read of files that are not the model's.</summary>
    private static void RequireTensors(WeightFiles files, IEnumerable<string> names, LlamaConfig config)
    {
        try
        {
            ParameterNames.Require(config, names.ToDictionary(name => name, name => files.Describe(name).Shape));
        }
        catch (HybridException error)
        {
            throw new HybridException(error.Kind, $"{files.Path}: {error.Message}", error);
        }
    }

    /// <summary>Makes the folder's companion files those of the source, all of them or none.</summary>
    private static void CarryOver(string? source, string folder)
    {
        foreach (string name in CompanionFiles)
        {
            string target = Path.Combine(folder, name);
            if (source is not null && File.Exists(Path.Combine(source, name)))
            {
                CompanionFile.RequireOwn(source, name);
                AtomicFile.WriteBytes(target, File.ReadAllBytes(Path.Combine(source, name)));
            }
            else
            {
                File.Delete(target); // another model's
            }
        }
    }
}
