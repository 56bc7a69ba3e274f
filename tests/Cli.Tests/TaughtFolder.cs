using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>A tiny taught model and its dataset on disk, made once; tests copy what they damage.</summary>
public sealed class TaughtFolder : IDisposable
{
    public const int People = 20;
    public const int Layers = 4;

    private readonly TemporaryFolder folder = new();

    public TaughtFolder()
    {
        BirthdayMaker.Write(Data, People, seed: 1);
        UnlearningDataset dataset = DatasetCatalog.Load("random-birthdays", Data);
        TeachingPreset tiny = TeachingPresets.Find("tiny");
        LlamaConfig shape = tiny.Shape! with { HiddenSize = 32, IntermediateSize = 64, Layers = Layers, Heads = 2, KeyValueHeads = 1, HeadDimension = 16, VocabularySize = 450, MaximumPositions = 128 };
        (LlamaModel model, Tokenizer tokenizer) = FreshModel.Create(shape, dataset, new SeededRandom(2), ElementType.Float32, Device.Cpu);
        using (model)
        {
            var encoder = new ExampleEncoder(tokenizer, 128);
            TeachingOptions teaching = tiny.Teaching with { Epochs = 300, EpochsPerEvaluation = 10, BatchSize = 10, TargetAccuracy = 0.95 };

            // The questions alone are enough to be answered.
            UnlearningDataset questions = dataset with { ForgetText = TextCorpus.Of([]), RetainText = TextCorpus.Of([]) };
            Report = new Teacher(teaching, encoder, new McqEvaluator(encoder, 40)).Teach(model, questions, new SeededRandom(3));
            ModelFolder.Save(Model, model, tokenizer);
        }
    }

    /// <summary>What the teaching reached.</summary>
    internal TeachingReport Report { get; }

    /// <summary>The model's folder.</summary>
    public string Model => folder.File("taught");

    /// <summary>The data folder.</summary>
    public string Data => folder.File("data");

    /// <summary>The options that name both.</summary>
    public string[] Input => ["--model", Model, "--dataset", "random-birthdays", "--data", Data];

    /// <summary>A command line on the model and the data.</summary>
    public string[] Line(string command, params string[] more) => [command, .. Input, .. more];

    public void Dispose() => folder.Dispose();

    /// <summary>Copies a folder's files, and those of the folders in it.</summary>
    public static string Copy(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return to;
    }
}

/// <summary>The tests that share the taught model.</summary>
[CollectionDefinition(Name)]
public sealed class TaughtCollection : ICollectionFixture<TaughtFolder>
{
    public const string Name = "taught";
}
