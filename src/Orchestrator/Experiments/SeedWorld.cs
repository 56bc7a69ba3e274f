using Hybrid.Interop;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>What every job of one seed works with: the facts, the model that knows them, and where models lie. Safe to use from several threads.</summary>
internal sealed class SeedWorld
{
    /// <summary>The folder of the taught model among the models of a seed.</summary>
    public const string OriginalName = "original";

    /// <summary>The folder of all models in a run folder.</summary>
    public const string ModelsFolder = "models";

    private readonly ExperimentSettings settings;
    private readonly IDatasetProvider? provider;
    private readonly Device device;
    private readonly string runFolder;
    private readonly Lazy<UnlearningDataset> dataset;
    private readonly Lazy<Tokenizer> tokenizer;
    private readonly Lazy<LlamaConfig> config;

    public SeedWorld(ExperimentSettings settings, HybridRegistry registry, ulong seed, Device device, string runFolder)
    {
        provider = settings.Dataset.ProviderIn(registry);
        this.settings = settings;
        this.device = device;
        this.runFolder = runFolder;
        Seed = seed;
        Random = new SeededRandom(seed);
        dataset = new(() => provider?.Load(new DatasetRequest(seed, settings.Dataset.Data)) ?? LoadDataset(settings.Dataset, seed));
        config = new(() => ModelFolder.LoadConfig(OriginalFolder));
        tokenizer = new(() => ModelFolder.LoadTokenizer(OriginalFolder, config.Value));
    }

    public ulong Seed { get; }

    /// <summary>The seed's source of chance; only forks of it are drawn from.</summary>
    public SeededRandom Random { get; }

    public UnlearningDataset Dataset => dataset.Value;

    public Tokenizer Tokenizer => tokenizer.Value;

    public LlamaConfig Config => config.Value;

    /// <summary>The model that knows the facts: the user's, or the taught one's place.</summary>
    public string OriginalFolder => settings.Model.Teach is null ? settings.Model.Folder! : ModelPath(OriginalName);

    /// <summary>Part of job names.</summary>
    public string Prefix => FormattableString.Invariant($"seed{Seed}");

    public MultipleChoiceQuestion[] ForgetQuestions => [.. Dataset.ForgetQuestions];

    /// <summary>The folds that figures are reported on.</summary>
    public IReadOnlyList<RelearningFold> ReportingFolds => RttFolds.Make(Dataset.ForgetSplits, settings.Attacks.Rtt.Leaks, settings.Attacks.Rtt.Folds);

    /// <summary>V of the reporting folds, one after the other.</summary>
    public MultipleChoiceQuestion[] HeldOut => [.. ReportingFolds.SelectMany(fold => fold.Validation)];

    /// <summary>Hits on <see cref="HeldOut"/>, fold by fold.</summary>
    public IReadOnlyList<string> ByFold(string hits) => HitString.Split(hits, ReportingFolds.Select(fold => fold.Validation.Count));

    /// <summary>What the facts and the model depend on, for fingerprints: settings, and size and time of every file.</summary>
    public object Inputs => new { Seed, settings.Model, settings.Dataset, settings.Device, settings.Dtype, settings.Threads, datasetVersion = provider?.Version, files = FileStamps.Of(InputFiles) };

    /// <summary>Where made-up data of the seed is written to.</summary>
    public string DataPath => Path.Combine(runFolder, "data", Prefix);

    public string ModelPath(string name) => Path.Combine(runFolder, ModelsFolder, Prefix, name);

    public ExampleEncoder Encoder(int maximumTokens = ExampleEncoder.UsualMaximumTokens) => new(Tokenizer, Math.Min(maximumTokens, Config.MaximumPositions));

    public McqEvaluator Evaluator() => new(Encoder());

    /// <summary>The questions of the case study: the first of V of the first reporting fold.</summary>
    public MultipleChoiceQuestion[] CaseQuestions(CaseStudySettings study) => [.. ReportingFolds[0].Validation.Take(study.Questions)];

    public FreeTextAnswers Answers(CaseStudySettings study) => new(Tokenizer, Encoder(), study.MaximumTokens);

    /// <summary>Mean NLL of the retain text's tokens, where the experiment asks for it.</summary>
    public double? RetainTextNll(LlamaModel model, CancellationToken cancellation) =>
        settings.Utility.RetainTextNll ? TextLikelihood.Of(model, Encoder(), Dataset.RetainText, cancellation).MeanNll : null;

    /// <summary>A model in the experiment's element type on its device. The caller owns it.</summary>
    public LlamaModel Load(string folder) => ModelFolder.LoadModel(folder, settings.ElementType, device);

    /// <summary>Where models compute.</summary>
    public Device Device => device;

    /// <summary>The same for work that is planned: the quickest way that fits into one job's share of the memory. It changes no bit of a result.</summary>
    /// <param name="folder">The model.</param>
    /// <param name="stage">What the work takes.</param>
    /// <param name="isSecond">Whether the model is the plan's second one, the one that copies are made of, which may lie on the host.</param>
    /// <exception cref="HybridException">Memory: no way fits.</exception>
    public LlamaModel Load(string folder, Func<MemoryPlanner, StageMemory> stage, bool isSecond) =>
        Fit(planner => [stage(planner)], ModelFolder.LoadConfig(folder)).Load(folder, settings.ElementType, device, isSecond);

    /// <summary>The plan of that way.</summary>
    /// <exception cref="HybridException">Memory: none fits.</exception>
    public MemoryPlan Fit(Func<MemoryPlanner, IReadOnlyList<StageMemory>> stages, LlamaConfig shape)
    {
        MemoryPlan plan = Plan(stages, shape);
        MemoryFit.Require(plan, Share, device);
        return plan;
    }

    /// <summary>The same; where nothing fits, the way that takes least.</summary>
    public MemoryPlan Plan(Func<MemoryPlanner, IReadOnlyList<StageMemory>> stages, LlamaConfig shape) =>
        MemoryFit.Choose(options => stages(new MemoryPlanner(shape, settings.ElementType, device, options)), [.. MemoryOptions.ChoicesFor(device)], Share);

    /// <summary>What one of the jobs side by side may take.</summary>
    private AvailableMemory Share => new(Runtime.Memory(device).Total / settings.Jobs, Runtime.Memory(Device.Cpu).Total / settings.Jobs);

    private static UnlearningDataset LoadDataset(DatasetSettings source, ulong seed) => source.People is { } people
        ? BirthdayMaker.Make(people, seed)
        : FilesOf(source).Load();

    private static DatasetFiles FilesOf(DatasetSettings source) => source.Folder is { } folder
        ? DatasetSource.FindFolder(folder, source.RetainText)
        : DatasetSource.Find(source.Name!, source.Data, source.RetainText);

    /// <summary>Every file of the given model and of the dataset.</summary>
    /// <exception cref="HybridException">Config, DataFile: there is no such dataset.</exception>
    public IEnumerable<string> InputFiles =>
    [
        .. settings.Model.Folder is { } folder && Directory.Exists(folder) ? Directory.GetFiles(folder).Order(StringComparer.Ordinal) : Enumerable.Empty<string>(),
        .. settings.Dataset.People is null && provider is null ? FilesOf(settings.Dataset).Paths : [],
    ];
}
