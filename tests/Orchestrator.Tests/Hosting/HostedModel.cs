using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>What a host has: the folder of a tiny model, which knows nothing, and ten people to forget. No test writes into it.</summary>
public sealed class HostedModel : IDisposable
{
    public const ulong Seed = 7;
    public const int Layers = 4, People = 10;

    private readonly TemporaryFolder folder = new();

    public HostedModel()
    {
        Folder = Make("model", seed: 2);
        Other = Make("other", seed: 3);
    }

    /// <summary>The model's folder.</summary>
    public string Folder { get; }

    /// <summary>Another model's.</summary>
    public string Other { get; }

    /// <summary>Ten questions to forget in five splits, ten to retain.</summary>
    public UnlearningDataset Data { get; } = BirthdayMaker.Make(People, 1);

    /// <summary>A session's options; one thread, so that what is computed outside of it can be the same.</summary>
    public UnlearningSessionOptions Options => new() { ModelFolder = Folder, Dataset = Data, Threads = 1, Seed = Seed };

    /// <summary>Gradient difference: 3 steps of 4, 4 and 2 examples.</summary>
    internal static UnlearningSettings GradientDifference(int epochs = 1) => UnlearningPresets.With("tiny", new GradientDifferenceOptions
    {
        RetainCoefficient = 1,
        Epochs = epochs,
        BatchSize = 4,
        Optimizer = Lion,
    });

    /// <summary>A method's settings, small enough for this model.</summary>
    internal static UnlearningSettings Method(string name) => name switch
    {
        "gd" => GradientDifference(),
        "kunbr" => UnlearningPresets.With("tiny", (KUnBROptions)UnlearningPresets.Find("tiny", "kunbr").Options with
        {
            PreUnlearning = (GradientDifferenceOptions)GradientDifference().Options,
            Blocks = Layers,
            SelectedBlocks = 1,
            IgnoreHeadLayers = 1,
        }),
        "ria" => UnlearningPresets.With("tiny", (RiaOptions)UnlearningPresets.Find("tiny", "ria").Options with { Epochs = 1 }),
        "npo" => UnlearningPresets.With("tiny", (NpoOptions)UnlearningPresets.Find("tiny", "npo").Options with { Epochs = 1 }),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    /// <summary>RTT on fold 0: one pass over the other eight questions in two steps.</summary>
    internal static RelearningOptions Rtt => RelearningPresets.Find("tiny", DatasetCatalog.RandomBirthdays) with { Folds = [0], Epochs = 1, BatchSize = 4, LearningRates = [1e-3] };

    /// <summary>An experiment made in code that is four jobs: what the model knows, unlearning, measuring, one RTT.</summary>
    internal ExperimentSettings Experiment(params MethodPlan[] methods) => new()
    {
        Name = "hosted",
        Title = "An experiment made in code",
        Model = new ModelSettings { Folder = Folder },
        Dataset = new DatasetSettings { Name = DatasetCatalog.RandomBirthdays, People = People },
        Seeds = [1],
        Device = "cpu",
        Dtype = "float32",
        Jobs = 1,
        Threads = 1,
        Methods = methods.Length > 0 ? methods : [MethodPlan.Of("GD", GradientDifference(epochs: 2))],
        EqualSteps = false,
        Attacks = new AttackSettings { Rtt = Rtt },
        Utility = new UtilitySettings { RetainTextNll = false },
        ForgetByPass = false,
    };

    /// <summary>The model, with what it needs beside it, on the caller's thread.</summary>
    internal (LlamaModel Model, ExampleEncoder Encoder, Tokenizer Tokenizer) Load()
    {
        LlamaConfig config = ModelFolder.LoadConfig(Folder);
        Tokenizer tokenizer = ModelFolder.LoadTokenizer(Folder, config);
        return (ModelFolder.LoadModel(Folder, ElementType.Float32, Device.Cpu), new ExampleEncoder(tokenizer, config.MaximumPositions), tokenizer);
    }

    public void Dispose() => folder.Dispose();

    private static OptimizerOptions Lion => TestModels.Optimizer(OptimizerKind.Lion, 1e-3);

    private string Make(string name, ulong seed)
    {
        LlamaConfig shape = TeachingPresets.Find("tiny").Shape! with
        {
            HiddenSize = 16, IntermediateSize = 32, Layers = Layers, Heads = 2, KeyValueHeads = 1, HeadDimension = 8, VocabularySize = 450, MaximumPositions = 128,
        };
        (LlamaModel model, Tokenizer tokenizer) = FreshModel.Create(shape, Data, new SeededRandom(seed), ElementType.Float32, Device.Cpu);
        using (model)
        {
            ModelFolder.Save(folder.File(name), model, tokenizer);
        }

        return folder.File(name);
    }
}

/// <summary>Work on a thread of its own with one thread for each operation, made without anything of the hosting's.</summary>
internal static class Alone
{
    public static T Run<T>(Func<T> work)
    {
        T? result = default;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Runtime.Threads = 1;
                result = work();
            }
            catch (Exception error)
            {
                failure = error;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? result! : throw new InvalidOperationException("the work alone failed", failure);
    }
}
