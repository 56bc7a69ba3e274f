using Hybrid.Interop;

namespace Hybrid.Orchestrator.Model;

/// <summary>
/// A recorded forward pass, cut between decoder layers. Backward goes from the last layer to the first and hands out each layer's gradients
/// as soon as they are there: whoever uses and frees them at once never holds the gradients of the whole model. With
/// <see cref="LlamaModel.ActivationCheckpointing"/> (Chen et al. 2016) only what enters each layer is kept, and a layer is computed again when
/// backward comes to it. The gradients are the same to the bit either way.
/// </summary>
/// <remarks>
/// While it is open, everything that <see cref="LlamaModel.RunLayers(Tensor, PackedBatch, int, int)"/> computes with recording on belongs to it; what lies before, between and
/// above such runs (embedding, final norm, losses) is recorded as usual. Belongs to one thread, and to one step.
/// </remarks>
internal sealed class LayerTape : IDisposable
{
    private readonly LlamaModel model;
    private readonly Action ended;
    private readonly ILookup<int, string> ofLayer;
    private readonly string[] outside;
    private readonly List<LayerRun> runs = [];
    private readonly Dictionary<string, Tensor> incomplete = new(StringComparer.Ordinal);
    private readonly HashSet<string> handedOut = new(StringComparer.Ordinal);

    internal LayerTape(LlamaModel model, IReadOnlyCollection<string> wanted, Action ended)
    {
        this.model = model;
        this.ended = ended;
        ofLayer = wanted.Where(name => ParameterNames.LayerOf(name) is not null).ToLookup(name => ParameterNames.LayerOf(name)!.Value);
        outside = [.. wanted.Where(name => ParameterNames.LayerOf(name) is null)];
    }

    /// <summary>Gradients of the loss with respect to the wanted parameters that it depends on, each handed out once. The tape is used up.</summary>
    /// <param name="loss">Of one element, computed while the tape was open.</param>
    /// <param name="ready">
    /// Gets names with their gradients, which are freed when it returns. The named parameters may be changed there: nothing that is still to be
    /// computed reads them.
    /// </param>
    public void Backward(Tensor loss, Action<IReadOnlyList<KeyValuePair<string, Tensor>>> ready)
    {
        using TensorScope scope = TensorScope.Begin();
        Spread(loss, null, runs.Count);
        // What leads into the layers, the embedding, may still be waiting for a part of its gradient.
        HandOut([.. incomplete.Keys.Where(name => name != ParameterNames.Embedding)], ready);
        for (int index = runs.Count - 1; index >= 0; index--)
        {
            Tensor? gradient = runs[index].Gradient;
            foreach (LayerSegment segment in runs[index].Segments.AsEnumerable().Reverse())
            {
                if (gradient is null)
                {
                    break; // the loss does not depend on this run, or nothing below asks for more
                }

                gradient = BackThrough(runs[index], segment, gradient, index, ready);
            }

            if (gradient is not null && runs[index].Input.RequiresGrad && index + outside.Length > 0)
            {
                Spread(runs[index].Input, gradient, index);
            }
        }

        HandOut([.. incomplete.Keys], ready);
    }

    /// <summary>Ends the recording and frees what is kept.</summary>
    public void Dispose()
    {
        foreach (LayerRun run in runs)
        {
            run.Dispose();
        }

        ended();
    }

    /// <summary>Runs layers first … last−1 over hidden states [T,D] and remembers how to go back through them.</summary>
    internal Tensor Run(Tensor hidden, PackedBatch batch, int first, int last, DensityProbe? probe)
    {
        int lowest = first;
        while (!hidden.RequiresGrad && lowest < last && !ofLayer.Contains(lowest))
        {
            lowest++; // no gradient is asked for so far down
        }

        if (lowest == last)
        {
            return model.RunUnrecorded(hidden, batch, first, last);
        }

        using TensorScope outsideScopes = TensorScope.Outside();
        var run = new LayerRun(hidden.Alias(), batch, probe);
        runs.Add(run);
        Tensor x = lowest == first ? hidden.Detach() : model.RunUnrecorded(hidden, batch, first, lowest);
        x.RequiresGrad = hidden.RequiresGrad;
        for (int layer = lowest; layer < last; layer++)
        {
            var segment = new LayerSegment(layer, x);
            run.Segments.Add(segment);
            if (model.ActivationCheckpointing)
            {
                using GradMode off = GradMode.Off();
                x = model.RunLayer(layer, x, batch, probe: null);
            }
            else
            {
                segment.Output = model.RunLayer(layer, x, batch, probe);
                x = segment.Output.Detach();
            }

            x.RequiresGrad = true;
        }

        run.Top = x;
        return x;
    }

    /// <summary>Goes back through one layer; returns the gradient of what enters it, null where none is needed.</summary>
    private Tensor? BackThrough(LayerRun run, LayerSegment segment, Tensor gradient, int index, Action<IReadOnlyList<KeyValuePair<string, Tensor>>> ready)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor output = segment.Output ?? model.RunLayer(segment.Layer, segment.Input, run.Batch, run.Probe);
        string[] names = [.. ofLayer[segment.Layer]];
        bool further = segment.Input.RequiresGrad;
        Tensor?[] found = Autograd.Gradients(output, gradient, [.. further ? [segment.Input] : Array.Empty<Tensor>(), .. names.Select(name => model[name])]);
        gradient.Dispose();
        segment.Dispose();
        output.Dispose();
        for (int i = 0; i < names.Length; i++)
        {
            Add(names[i], found[i + (further ? 1 : 0)]);
        }

        if (runs.Take(index).Any(earlier => earlier.Segments.Exists(other => other.Layer == segment.Layer)))
        {
            // An earlier run went through this layer, too: what is here is only a part.
            for (int i = 0; i < names.Length; i++)
            {
                _ = found[i + (further ? 1 : 0)] is null ? null : scope.Keep(incomplete[names[i]]);
            }
        }
        else
        {
            HandOut([.. names.Where(incomplete.ContainsKey)], ready);
        }

        return further ? scope.Keep(found[0]!) : null;
    }

    /// <summary>Takes a gradient at a root on to the results of the first runs and to the parameters that belong to no layer.</summary>
    private void Spread(Tensor root, Tensor? gradient, int count)
    {
        Tensor[] inputs = [.. runs.Take(count).Select(run => run.Top!), .. outside.Select(name => model[name])];
        Tensor?[] found = gradient is null ? Autograd.Gradients(root, inputs) : Autograd.Gradients(root, gradient, inputs);
        for (int i = 0; i < count; i++)
        {
            runs[i].Gradient = Sum(runs[i].Gradient, found[i]);
        }

        for (int i = 0; i < outside.Length; i++)
        {
            Add(outside[i], found[count + i]);
        }
    }

    private void Add(string name, Tensor? gradient)
    {
        if (gradient is null)
        {
            return;
        }

        if (handedOut.Contains(name))
        {
            throw new InvalidOperationException($"the loss reaches parameter '{name}' again from below the layers, after its gradient was handed out");
        }

        incomplete[name] = Sum(incomplete.GetValueOrDefault(name), gradient)!;
    }

    private static Tensor? Sum(Tensor? left, Tensor? right) => left is null ? right : right is null ? left : left + right;

    private void HandOut(IReadOnlyList<string> names, Action<IReadOnlyList<KeyValuePair<string, Tensor>>> ready)
    {
        if (names.Count == 0)
        {
            return;
        }

        ready([.. names.Select(name => KeyValuePair.Create(name, incomplete[name]))]);
        foreach (string name in names)
        {
            incomplete[name].Dispose();
            incomplete.Remove(name);
            handedOut.Add(name);
        }
    }
}
