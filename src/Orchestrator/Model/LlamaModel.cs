using Hybrid.Interop;

namespace Hybrid.Orchestrator.Model;

/// <summary>A Llama: its configuration, its parameters under Hugging Face's names, and its computation. Owns the parameters.</summary>
public sealed class LlamaModel : IDisposable
{
    private readonly Dictionary<string, Tensor> parameters;
    private readonly DecoderLayer[] layers;
    private LayerTape? tape;

    /// <summary>Takes ownership of the parameters, which must be exactly those that the configuration calls for.</summary>
    /// <exception cref="HybridException">ModelFile: a parameter is missing, superfluous or has another shape; the message names it.</exception>
    public LlamaModel(LlamaConfig config, IEnumerable<KeyValuePair<string, Tensor>> parameters)
    {
        this.parameters = new Dictionary<string, Tensor>(parameters, StringComparer.Ordinal);
        Config = config;
        ParameterNames.Require(config, this.parameters.ToDictionary(parameter => parameter.Key, parameter => parameter.Value.Shape));
        Names = [.. ParameterNames.All(config).Select(parameter => parameter.Name)];
        layers = [.. Enumerable.Range(0, config.Layers).Select(index => new DecoderLayer(config, index, this.parameters))];
    }

    /// <summary>The architecture.</summary>
    public LlamaConfig Config { get; }

    /// <summary>Names of the parameters, in the order of computation.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Where the parameters live.</summary>
    public Device Device => parameters[ParameterNames.Embedding].Device;

    /// <summary>The output matrix [V,D].</summary>
    public Tensor Head => parameters[Config.TiedEmbeddings ? ParameterNames.Embedding : ParameterNames.Head];

    /// <summary>Whether a backward pass computes a layer's inner activations again instead of keeping them since the forward pass: less memory, a third more work, the same bits.</summary>
    public bool ActivationCheckpointing { get; set; }

    /// <summary>A parameter by its name; the model keeps owning it.</summary>
    public Tensor this[string name] => parameters[name];

    /// <summary>Makes exactly the named parameters trainable and freezes all others.</summary>
    public void SetTrainable(IEnumerable<string> names)
    {
        var wanted = names.ToHashSet(StringComparer.Ordinal);
        foreach ((string name, Tensor tensor) in parameters)
        {
            bool trainable = wanted.Remove(name);
            if (tensor.RequiresGrad != trainable)
            {
                tensor.RequiresGrad = trainable;
            }
        }

        if (wanted.Count > 0)
        {
            throw new ArgumentException($"no parameter is named '{wanted.First()}'", nameof(names));
        }
    }

    /// <summary>Names of the parameters that are trainable now, in the order of computation.</summary>
    public IReadOnlyList<string> Trainable() => [.. Names.Where(name => parameters[name].RequiresGrad)];

    /// <summary>Embeddings of the batch's tokens, [T,D]: the input of layer 0.</summary>
    public Tensor Embed(PackedBatch batch) => Transformer.Embedding(parameters[ParameterNames.Embedding], batch.Ids);

    /// <summary>
    /// Layers first … last−1 over hidden states [T,D]. While a tape is open and gradients are recorded, they belong to the tape.
    /// </summary>
    public Tensor RunLayers(Tensor hidden, PackedBatch batch, int first, int last) => RunLayers(hidden, batch, first, last, probe: null);

    /// <summary>The same; backward then also measures knowledge density.</summary>
    internal Tensor RunLayers(Tensor hidden, PackedBatch batch, int first, int last, DensityProbe? probe)
    {
        if (tape is null || first == last || !GradMode.IsOn)
        {
            return Run(hidden, batch, first, last, probe, cache: null);
        }

        return tape.Run(hidden, batch, first, last, probe).Alias(); // the tape owns what it gives
    }

    /// <summary>Opens the tape of one forward and backward pass for the gradients of the wanted parameters, which must be trainable.</summary>
    /// <exception cref="InvalidOperationException">One is open already.</exception>
    internal LayerTape Record(IReadOnlyCollection<string> wanted)
    {
        if (tape is not null)
        {
            throw new InvalidOperationException("a tape is open already; a model computes one step at a time");
        }

        return tape = new LayerTape(this, wanted, () => tape = null);
    }

    /// <summary>Hidden states after the last layer, before the final norm, [T,D].</summary>
    public Tensor HiddenStates(PackedBatch batch) => RunLayers(Embed(batch), batch, 0, Config.Layers);

    /// <summary>
    /// Goes on with the cache's sequences: sequence b of the batch is what follows sequence b of the cache, which grows by it. Records nothing.
    /// </summary>
    /// <returns>Hidden states of the batch's rows after the last layer, before the final norm, [T,D].</returns>
    /// <exception cref="HybridException">Config: a sequence would be longer than the model's positions; the cache is as it was.</exception>
    internal Tensor Continue(PackedBatch batch, KeyValueCache cache)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        cache.Reserve(batch.Offsets);
        Tensor hidden = Run(Embed(batch), batch, 0, Config.Layers, probe: null, cache);
        cache.Advance(batch.Offsets);
        return scope.Keep(hidden);
    }

    /// <summary>The final norm over rows [N,D].</summary>
    public Tensor Normalize(Tensor hidden) => Transformer.RmsNorm(hidden, parameters[ParameterNames.FinalNorm], Config.RmsNormEpsilon);

    /// <summary>Logits [N,V] of hidden states [N,D].</summary>
    public Tensor Logits(Tensor hidden) => Transformer.Linear(Normalize(hidden), Head);

    /// <summary>An independent copy with its own storage.</summary>
    public LlamaModel Clone() => CloneBy(tensor => tensor.Clone());

    /// <summary>Asks the model on a device: itself where it lies there, else a copy that is freed again.</summary>
    internal T AskOn<T>(Device device, Func<LlamaModel, T> ask)
    {
        using LlamaModel? copy = Device == device ? null : CloneOn(device);
        return ask(copy ?? this);
    }

    /// <summary>An independent copy on a device.</summary>
    public LlamaModel CloneOn(Device device) => CloneBy(tensor => tensor.CloneTo(tensor.ElementType, device));

    /// <summary>An independent copy in another element type or on another device.</summary>
    public LlamaModel Clone(ElementType type, Device device) => CloneBy(tensor => tensor.CloneTo(type, device));

    /// <summary>One layer as a part of a tape.</summary>
    internal Tensor RunLayer(int index, Tensor x, PackedBatch batch, DensityProbe? probe) => layers[index].Forward(x, batch.Offsets, probe, cache: null);

    /// <summary>Layers that no gradient passes through.</summary>
    internal Tensor RunUnrecorded(Tensor hidden, PackedBatch batch, int first, int last)
    {
        using GradMode off = GradMode.Off();
        return Run(hidden, batch, first, last, probe: null, cache: null);
    }

    /// <summary>Frees the parameters.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in parameters.Values)
        {
            tensor.Dispose();
        }
    }

    private Tensor Run(Tensor hidden, PackedBatch batch, int first, int last, DensityProbe? probe, KeyValueCache? cache)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = hidden;
        for (int index = first; index < last; index++)
        {
            Tensor next = layers[index].Forward(x, batch.Offsets, probe, cache);
            if (!ReferenceEquals(x, hidden))
            {
                x.Dispose(); // the graph keeps what backward needs
            }

            x = next;
        }

        return ReferenceEquals(x, hidden) ? hidden : scope.Keep(x);
    }

    private LlamaModel CloneBy(Func<Tensor, Tensor> copy)
    {
        using TensorScope outside = TensorScope.Outside();
        return new LlamaModel(Config, [.. Names.Select(name => KeyValuePair.Create(name, copy(parameters[name])))]) { ActivationCheckpointing = ActivationCheckpointing };
    }
}
