using System.Globalization;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Verification;

/// <summary>One compared quantity.</summary>
/// <param name="Quantity">Its name.</param>
/// <param name="MaximumAbsolute">Largest absolute difference.</param>
/// <param name="MaximumRelative">That difference relative to the tensor's largest magnitude; over several tensors, the worst.</param>
/// <param name="Tolerance">What the relative difference may be.</param>
/// <param name="Note">What a reader should know beside the numbers.</param>
internal sealed record ParityRow(string Quantity, double MaximumAbsolute, double MaximumRelative, double Tolerance, string Note = "")
{
    /// <summary>Whether the quantity agrees. A NaN does not.</summary>
    public bool Passed => MaximumRelative <= Tolerance;
}

/// <summary>
/// Recomputes every quantity of a reference folder (config.json, model.safetensors, batch.json, expected.safetensors; made by an independent
/// implementation in plain PyTorch) and compares. This is how a machine, a GPU or another LibTorch is checked.
/// </summary>
internal sealed class ParityCheck
{
    // The constants that the reference was made with; expected.safetensors carries results only.
    private const double Alpha = 0.1;
    private const double Beta = 0.1;
    private const double SteeringCoefficient = 6.5;
    private const double MisdirectionAlpha = 1200;
    private const double LionRate = 1e-3;
    private const int LionSteps = 10;

    /// <summary>Below this magnitude a float32 gradient's sign is rounding, and Lion turns it into a whole step.</summary>
    private const double SignNoise = 1e-7;

    /// <summary>
    /// What bfloat16's eight bits leave of a gradient that passes through a few layers, as a share of its tensor's largest magnitude. A mistake in a
    /// bfloat16 kernel shows as several times that.
    /// </summary>
    private const double BFloat16Tolerance = 0.05;

    private readonly string folder;
    private readonly Device device;
    private readonly ElementType type;
    private readonly double tolerance;
    private readonly SafetensorsFile expected;
    private readonly List<ParityRow> rows = [];
    private readonly LlamaModel model;
    private readonly PaddedBatch forget;
    private readonly PaddedBatch retain;

    private ParityCheck(string folder, Device device, ElementType? computedIn)
    {
        this.folder = folder;
        this.device = device;
        ElementType stored = ModelFolder.Describe(folder)[0].Type;
        type = computedIn ?? stored;
        tolerance = (stored, type) switch
        {
            (ElementType.Float64, ElementType.Float64) => 1e-9,
            (ElementType.Float32, ElementType.Float32) => 1e-4,
            (ElementType.Float32, ElementType.BFloat16) => BFloat16Tolerance,
            _ => throw new HybridException(
                ErrorKind.UnsupportedModel, $"{folder}: parity is defined for float32 weights, computed with in float32 or bfloat16, and for float64 weights in float64; these are {stored}, to be computed with in {type}"),
        };
        (forget, retain) = PaddedBatch.LoadPair(Path.Combine(folder, "batch.json"));
        model = ModelFolder.LoadModel(folder, type, device);
        try
        {
            expected = OpenExpected(Path.Combine(folder, "expected.safetensors"));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Compares everything in the folder.</summary>
    /// <param name="folder">The reference.</param>
    /// <param name="device">Where to compute.</param>
    /// <param name="type">What to compute in, if not the reference's own element type: bfloat16 with a float32 reference.</param>
    /// <exception cref="HybridException">ModelFile, DataFile: a file is missing or malformed. UnsupportedModel: another element type.</exception>
    public static IReadOnlyList<ParityRow> Run(string folder, Device device, ElementType? type = null)
    {
        var check = new ParityCheck(folder, device, type);
        using (check.expected)
        using (check.model)
        using (TensorScope.Begin())
        {
            check.Forward();
            check.Gradients();
            check.Densities();
            check.LionTrajectory();
        }

        return check.rows;
    }

    private static SafetensorsFile OpenExpected(string path)
    {
        try
        {
            return SafetensorsFile.Open(path);
        }
        catch (NativeException error)
        {
            throw new HybridException(ErrorKind.DataFile, error.Message, error);
        }
    }

    private void Forward()
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        Compare("logits, right-padded batch", forget.Pad(model.Logits(model.HiddenStates(forget.Packed))), "forget.logits");
        Compare("logits, left-padded batch", retain.Pad(model.Logits(model.HiddenStates(retain.Packed))), "retain.logits");
        Tensor sums = Losses.SequenceNll(model, forget.Packed);
        Compare("NLL per example, sum", sums, "forget.example_nll_sum");
        double[] counts = [.. Enumerable.Range(0, forget.Packed.Count).Select(b => (double)(forget.Packed.ScoredOffsets[b + 1] - forget.Packed.ScoredOffsets[b]))];
        Compare("NLL per example, mean", sums / Tensor.From<double>(counts).To(sums.ElementType, device), "forget.example_nll_mean");
    }

    private void Gradients()
    {
        model.SetTrainable(model.Names);
        using LlamaModel reference = LoadReference();
        var both = new ForgetRetainBatch(forget.Sequences, retain.Sequences);
        Compare("nll", () => Losses.MeanNll(model, forget.Packed));
        Compare("ga", () => -Losses.MeanNll(model, forget.Packed));
        Compare("gd", () => Losses.GradientDifference(Losses.TokenNll(model, both.Packed), both.ForgetTokens, Alpha).Total);
        Compare("npo", () => Losses.Npo(Losses.SequenceNll(model, forget.Packed), WithoutGradient(() => Losses.SequenceNll(reference, forget.Packed)), Beta));
        Compare("rmu", () =>
        {
            int end = (model.Config.Layers / 2) + 1; // hidden states after layer L/2; no layer above it is computed
            Tensor Hidden(LlamaModel of, PaddedBatch batch) => of.RunLayers(of.Embed(batch.Packed), batch.Packed, 0, end);
            Tensor target = Tensor.From<double>(Losses.SteeringTarget(Expected("rmu.u").ToDoubles(), SteeringCoefficient)).To(type, device);
            return Losses.Rmu(Hidden(model, forget), target, Hidden(model, retain), WithoutGradient(() => Hidden(reference, retain)), MisdirectionAlpha);
        }, withGradients: type != ElementType.BFloat16); // the retain part is a small difference of states: in bfloat16 mostly their rounding
    }

    private void Densities()
    {
        foreach ((string name, bool mlpOnly) in new[] { ("density.all", false), ("density.mlp", true) })
        {
            double[] measured = KnowledgeDensity.Measure(model, forget.Sequences, mlpOnly, forget.Sequences.Count);
            Compare(mlpOnly ? "density, MLP" : "density, all parameters", Tensor.From<double>(measured), name);
        }
    }

    /// <summary>
    /// Ten gradient-difference steps with Lion. Where a float32 gradient is zero but for rounding, its sign is chance and the weight goes the
    /// other way by whole steps; such weights are counted and must be few, every other weight must agree.
    /// </summary>
    private void LionTrajectory()
    {
        using LlamaModel trained = model.Clone();
        trained.SetTrainable(trained.Names);
        var options = new OptimizerOptions { Kind = OptimizerKind.Lion, LearningRate = LionRate, WarmupSteps = 0, WeightDecay = 0 };
        using var step = new TrainingStep(trained, options, new SeededRandom(0));
        var both = new ForgetRetainBatch(forget.Sequences, retain.Sequences);
        double[] losses = new double[LionSteps];
        for (int i = 0; i < LionSteps; i++)
        {
            losses[i] = step.Run("parity", LionSteps, () => Losses.GradientDifference(Losses.TokenNll(trained, both.Packed), both.ForgetTokens, Alpha)).Loss;
        }

        Compare("ten GD steps with Lion, losses", Tensor.From<double>(losses), "lion.losses");
        if (type == ElementType.BFloat16)
        {
            return; // a sign is chance where a gradient is less than bfloat16's rounding, which is often: single weights cannot be compared
        }

        long weights = 0, flipped = 0, explained = 0;
        double worstAbsolute = 0, worstRelative = 0;
        foreach (string name in trained.Names)
        {
            using TensorScope scope = TensorScope.Begin();
            double[] ours = trained[name].ToDoubles(), theirs = Expected($"lion.final.{name}").ToDoubles();
            double[] gradient = Expected($"grad.gd.{name}").ToDoubles();
            double largest = theirs.Max(Math.Abs);
            weights += ours.Length;
            for (int i = 0; i < ours.Length; i++)
            {
                double difference = Math.Abs(ours[i] - theirs[i]);
                if (difference > LionRate / 2)
                {
                    // Half a step apart or more: some sign came out the other way.
                    flipped++;
                    explained += Math.Abs(gradient[i]) < SignNoise ? 1 : 0;
                    continue;
                }

                worstAbsolute = Math.Max(worstAbsolute, difference);
                worstRelative = Math.Max(worstRelative, difference / largest);
            }
        }

        rows.Add(new ParityRow("ten GD steps with Lion, weights", worstAbsolute, worstRelative, tolerance, "weights whose signs all agree"));
        double share = (double)flipped / weights;
        double allowed = type == ElementType.Float64 ? 0 : 1e-3;
        string note = string.Create(CultureInfo.InvariantCulture, $"{flipped} of {weights} weights went another way at least once; {explained} of them had a first gradient below {SignNoise:0e+0}");
        rows.Add(new ParityRow("ten GD steps with Lion, share of flipped signs", share, share, allowed, note));
    }

    /// <summary>Compares a loss and its gradient for every parameter that the reference has one for.</summary>
    private void Compare(string name, Func<Tensor> compute, bool withGradients = true)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor loss = compute();
        Compare($"loss {name}", loss.Reshape(1), $"loss.{name}");
        if (!withGradients)
        {
            return;
        }

        Tensor?[] gradients = Autograd.Gradients(loss, [.. model.Names.Select(parameter => model[parameter])]);
        double worstAbsolute = 0, worstRelative = 0;
        int compared = 0;
        for (int i = 0; i < gradients.Length; i++)
        {
            string key = $"grad.{name}.{model.Names[i]}";
            bool wanted = expected.Names.Contains(key);
            if (wanted != gradients[i] is not null)
            {
                throw new HybridException(ErrorKind.Mismatch, $"{folder}: {key} is {(wanted ? "expected and absent here" : "absent in the reference and present here")}");
            }

            if (gradients[i] is { } gradient)
            {
                (double absolute, double relative) = Difference(gradient, Expected(key), key);
                worstAbsolute = Math.Max(worstAbsolute, absolute);
                worstRelative = MaximumOrNaN(worstRelative, relative);
                compared++;
            }
        }

        rows.Add(new ParityRow($"gradients of {name}", worstAbsolute, worstRelative, tolerance, $"{compared} tensors"));
    }

    private void Compare(string quantity, Tensor actual, string key)
    {
        (double absolute, double relative) = Difference(actual, Expected(key), key);
        rows.Add(new ParityRow(quantity, absolute, relative, tolerance));
    }

    private (double Absolute, double Relative) Difference(Tensor actual, Tensor reference, string key)
    {
        if (!actual.Shape.AsSpan().SequenceEqual(reference.Shape))
        {
            throw new HybridException(ErrorKind.Mismatch, $"{folder}: {key} has shape [{string.Join(", ", reference.Shape)}] in the reference, [{string.Join(", ", actual.Shape)}] here");
        }

        double[] ours = actual.ToDoubles(), theirs = reference.ToDoubles();
        double absolute = 0, largest = 0;
        for (int i = 0; i < ours.Length; i++)
        {
            absolute = MaximumOrNaN(absolute, Math.Abs(ours[i] - theirs[i]));
            largest = Math.Max(largest, Math.Abs(theirs[i]));
        }

        return (absolute, absolute == 0 ? 0 : absolute / largest);
    }

    private static double MaximumOrNaN(double a, double b) => double.IsNaN(a) || double.IsNaN(b) ? double.NaN : Math.Max(a, b);

    private Tensor Expected(string key) => expected.Names.Contains(key)
        ? expected.Read(key, expected.Describe(key).Type, device)
        : throw new HybridException(ErrorKind.DataFile, $"{folder}: expected.safetensors has no '{key}'");

    private LlamaModel LoadReference()
    {
        using TensorScope outside = TensorScope.Outside();
        return new LlamaModel(model.Config, model.Names.Select(name =>
        {
            using Tensor stored = Expected($"reference.{name}");
            return KeyValuePair.Create(name, stored.CloneTo(type, device));
        }));
    }

    private static Tensor WithoutGradient(Func<Tensor> compute)
    {
        using GradMode off = GradMode.Off();
        return compute();
    }
}
