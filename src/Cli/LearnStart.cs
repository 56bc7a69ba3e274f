using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Cli;

/// <summary>What <c>hybrid learn</c> starts from: a model's folder, an architecture with a tokenizer, or nothing but a preset's shape.</summary>
/// <param name="Folder">The folder that the model is loaded from, null where it is made.</param>
/// <param name="Shape">The architecture, null where it is the preset's.</param>
/// <param name="Tokenizer">The tokenizer, null where one is learned from the dataset.</param>
internal sealed record LearnStart(string? Folder, LlamaConfig? Shape, Tokenizer? Tokenizer)
{
    /// <summary>A model's folder.</summary>
    /// <exception cref="HybridException">ModelFile, UnsupportedModel, Tokenizer.</exception>
    public static LearnStart FromFolder(string folder)
    {
        LlamaConfig shape = ModelFolder.LoadConfig(folder);
        return new LearnStart(folder, shape, ModelFolder.LoadTokenizer(folder, shape));
    }

    /// <summary>A config.json, or the folder that it lies in, and a tokenizer that fits it.</summary>
    /// <exception cref="HybridException">ModelFile, UnsupportedModel, Tokenizer.</exception>
    public static LearnStart FromShape(string config, string tokenizerPath)
    {
        LlamaConfig shape = LlamaConfigJson.Load(ModelFolder.ConfigPath(config));
        Tokenizer tokenizer = CommonOptions.LoadTokenizer(tokenizerPath);
        ModelFolder.RequireFits(tokenizerPath, tokenizer, shape);
        return new LearnStart(null, shape, tokenizer);
    }

    /// <summary>What tells this start from another, without reading weights.</summary>
    public object Stamp() => new { folder = Folder is null ? null : FileStamps.Of(Directory.EnumerateFiles(Folder).Order(StringComparer.Ordinal)), shape = Shape, tokens = Tokenizer?.VocabularySize };

    /// <summary>The model, loaded or with random weights, and its tokenizer. The caller owns the model.</summary>
    /// <param name="presetShape">The shape where none is given.</param>
    /// <param name="dataset">What to learn a tokenizer from where none is given.</param>
    /// <param name="random">The run's source of chance; only forks of it are drawn from.</param>
    /// <param name="type">Element type of the weights.</param>
    /// <param name="device">Where they live.</param>
    /// <exception cref="HybridException">ModelFile: the weights. DataFile, EmptySplit: the dataset's texts.</exception>
    public (LlamaModel Model, Tokenizer Tokenizer) Make(LlamaConfig? presetShape, UnlearningDataset dataset, SeededRandom random, ElementType type, Device device) => this switch
    {
        { Folder: { } folder } => (ModelFolder.LoadModel(folder, type, device), Tokenizer!),
        { Shape: { } shape } => (FreshModel.Create(shape, random, type, device), Tokenizer!),
        _ => FreshModel.Create(presetShape!, dataset, random, type, device),
    };
}
