using Hybrid.Interop;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Model;

/// <summary>A model with its tokenizer, as a Hugging Face folder: <c>config.json</c>, <c>model.safetensors</c>, <c>tokenizer.json</c>.</summary>
public static class ModelFolder
{
    /// <summary>The architecture.</summary>
    public const string ConfigFile = "config.json";

    /// <summary>The weights.</summary>
    public const string WeightsFile = "model.safetensors";

    /// <summary>The tokenizer.</summary>
    public const string TokenizerFile = "tokenizer.json";

    /// <summary>Loads the weights in the wanted element type onto the wanted device.</summary>
    /// <exception cref="HybridException">ModelFile, UnsupportedModel: the message names the file and the tensor or field.</exception>
    public static LlamaModel LoadModel(string folder, ElementType type, Device device)
    {
        LlamaConfig config = LoadConfig(folder);
        string path = WeightsPath(folder);
        using SafetensorsFile file = Open(path);
        using TensorScope outside = TensorScope.Outside();
        var parameters = new List<KeyValuePair<string, Tensor>>();
        try
        {
            foreach (string name in file.Names)
            {
                // Shared buffers that some exporters write; they are computed here.
                if (!name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal))
                {
                    parameters.Add(new(name, file.Read(name, type, device)));
                }
            }

            return new LlamaModel(config, parameters);
        }
        catch (Exception error)
        {
            foreach (KeyValuePair<string, Tensor> parameter in parameters)
            {
                parameter.Value.Dispose();
            }

            switch (error)
            {
                case HybridException known:
                    throw new HybridException(known.Kind, $"{path}: {known.Message}", known);
                case NativeException { Status: NativeStatus.Device or NativeStatus.OutOfMemory }:
                    throw; // nothing is wrong with the file
                default:
                    throw AsModelError(path, error);
            }
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

    /// <summary>Loads the tokenizer and checks that its ids fit the model.</summary>
    /// <exception cref="HybridException">ModelFile: missing. Tokenizer: malformed, or its vocabulary is not the model's.</exception>
    public static Tokenizer LoadTokenizer(string folder, LlamaConfig config)
    {
        string path = Path.Combine(folder, TokenizerFile);
        if (!File.Exists(path))
        {
            throw new HybridException(ErrorKind.ModelFile, $"{path}: no such file");
        }

        Tokenizer tokenizer = Tokenizer.Load(path);
        return Fits(tokenizer.VocabularySize, config.VocabularySize)
            ? tokenizer
            : throw new HybridException(ErrorKind.Tokenizer, $"{path}: {tokenizer.VocabularySize} tokens, the model has rows for {config.VocabularySize}: this tokenizer is another model's");
    }

    /// <summary>Equal sizes, or the tokenizer's rounded up to a multiple of a power of two, as embeddings are padded for speed.</summary>
    private static bool Fits(int tokens, int rows) =>
        rows == tokens || new[] { 8, 16, 32, 64, 128, 256 }.Any(multiple => rows == (tokens + multiple - 1) / multiple * multiple);

    /// <summary>Element type and shape of every tensor in the weights, without loading them.</summary>
    public static IReadOnlyList<(string Name, ElementType Type, long[] Shape)> Describe(string folder)
    {
        string path = WeightsPath(folder);
        using SafetensorsFile file = Open(path);
        return [.. file.Names.Select(name => (name, file.Describe(name).Type, file.Describe(name).Shape))];
    }

    /// <summary>Writes the folder; every file whole or not at all, the weights last.</summary>
    /// <exception cref="HybridException">Io: the message names the path.</exception>
    public static void Save(string folder, LlamaModel model, Tokenizer tokenizer)
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
            AtomicFile.WriteText(Path.Combine(folder, ConfigFile), LlamaConfigJson.Write(model.Config, dtype, tokenizer.BeginOfText, tokenizer.EndOfText));
            tokenizer.Save(Path.Combine(folder, TokenizerFile));
            KeyValuePair<string, Tensor>[] tensors = [.. model.Names.Select(name => new KeyValuePair<string, Tensor>(name, model[name]))];
            SafetensorsFile.Write(Path.Combine(folder, WeightsFile), tensors, [new("format", "pt")]);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NativeException { Status: NativeStatus.Io })
        {
            throw new HybridException(ErrorKind.Io, $"{folder}: the model cannot be written: {error.Message}", error);
        }
    }

    private static string WeightsPath(string folder)
    {
        string path = Path.Combine(folder, WeightsFile);
        return !File.Exists(path) && File.Exists(path + ".index.json")
            ? throw new HybridException(ErrorKind.UnsupportedModel, $"{folder}: sharded weights ({WeightsFile}.index.json) are not implemented")
            : path;
    }

    private static SafetensorsFile Open(string path)
    {
        try
        {
            return SafetensorsFile.Open(path);
        }
        catch (NativeException error)
        {
            throw AsModelError(path, error);
        }
    }

    private static HybridException AsModelError(string path, Exception error) =>
        new(ErrorKind.ModelFile, error.Message.Contains(path, StringComparison.Ordinal) ? error.Message : $"{path}: {error.Message}", error);
}
