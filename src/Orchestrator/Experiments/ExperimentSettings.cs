using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Utility;
using static System.FormattableString;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>A whole experiment: what one file says.</summary>
public sealed record ExperimentSettings
{
    /// <summary>For files and folders: letters, digits and hyphens.</summary>
    public required string Name { get; init; }

    /// <summary>For people.</summary>
    public required string Title { get; init; }

    /// <summary>The model that knows the facts.</summary>
    public required ModelSettings Model { get; init; }

    /// <summary>The facts.</summary>
    public required DatasetSettings Dataset { get; init; }

    /// <summary>Every seed repeats the experiment from the start; figures are mean ± standard deviation over them.</summary>
    public required IReadOnlyList<ulong> Seeds { get; init; }

    /// <summary>cpu, cuda or cuda:N.</summary>
    public required string Device { get; init; }

    /// <summary>Element type of weights and activations: float32 or bfloat16.</summary>
    public required string Dtype { get; init; }

    /// <summary>Jobs that run side by side.</summary>
    public required int Jobs { get; init; }

    /// <summary>Threads of each job. The same number gives the same bytes, whatever the number of jobs.</summary>
    public required int Threads { get; init; }

    /// <summary>What is compared.</summary>
    public required IReadOnlyList<MethodPlan> Methods { get; init; }

    /// <summary>Whether every setting of every method must take the same number of optimizer steps.</summary>
    public required bool EqualSteps { get; init; }

    /// <summary>How settings are picked; needed where a method has a grid.</summary>
    public SelectionRule? Selection { get; init; }

    /// <summary>What the results are attacked with.</summary>
    public required AttackSettings Attacks { get; init; }

    /// <summary>What is measured of what is to be kept.</summary>
    public required UtilitySettings Utility { get; init; }

    /// <summary>Whether the forget questions are asked after every pass of unlearning (Figure 3); it costs an evaluation a pass.</summary>
    public required bool ForgetByPass { get; init; }

    /// <summary>Questions to answer in free text; none where it is absent.</summary>
    public CaseStudySettings? CaseStudy { get; init; }

    /// <summary>What <see cref="Dtype"/> names.</summary>
    internal ElementType ElementType => Dtype == "bfloat16" ? ElementType.BFloat16 : ElementType.Float32;

    /// <summary>What the held-out questions depend on beside the dataset.</summary>
    internal object HeldOutKey => new { Attacks.Rtt.Folds, Attacks.Rtt.Leaks };

    /// <summary>Every problem, one line each.</summary>
    /// <param name="registry">What may be called by name.</param>
    public IEnumerable<string> Validate(HybridRegistry registry)
    {
        if (!Name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-'))
        {
            yield return $"name '{Name}' may hold letters, digits and hyphens only";
        }

        if (Seeds.Count == 0 || Seeds.Distinct().Count() < Seeds.Count)
        {
            yield return "seeds: at least one is needed, none twice";
        }

        if (DeviceName.ProblemOf(Device) is { } problem)
        {
            yield return $"device: {problem}";
        }

        if (Dtype is not ("float32" or "bfloat16"))
        {
            yield return $"dtype: expected float32 or bfloat16, found '{Dtype}'";
        }

        if (Jobs < 1 || Threads < 1)
        {
            yield return Invariant($"jobs {Jobs} and threads {Threads} must be at least 1");
        }

        IEnumerable<string> problems =
        [
            .. Model.Validate(), .. Dataset.Validate(registry), .. ValidateMethods(), .. Attacks.Validate(registry), .. Selection?.Validate(Attacks.Rtt.Folds) ?? [], .. Utility.Validate(registry), .. CaseStudy?.Validate() ?? [],
        ];
        foreach (string one in problems)
        {
            yield return one;
        }
    }

    private IEnumerable<string> ValidateMethods()
    {
        if (Methods.Count == 0)
        {
            yield return "methods: at least one is needed";
        }

        foreach (MethodPlan method in Methods.Where(method => method.Slug is "" or SeedWorld.OriginalName))
        {
            yield return $"methods: label '{method.Label}' must hold a letter or digit of ASCII, and not be '{SeedWorld.OriginalName}', the name of the models' folder for what is unlearned";
        }

        foreach (IGrouping<string, MethodPlan> group in Methods.GroupBy(method => method.Slug).Where(group => group.Count() > 1))
        {
            yield return $"methods: the label '{group.Last().Label}' stands twice";
        }

        if (Methods.Any(method => method.Candidates.Count > 1) && Selection is null)
        {
            yield return "selection is missing: a method has a grid, so there must be a rule to pick by";
        }

        int[] budgets = [.. Methods.Select(method => method.Candidates.Count).Distinct()];
        if (budgets.Length > 1)
        {
            yield return Invariant($"methods: every method must get the same number of settings to try, found {string.Join(", ", Methods.Select(method => $"{method.Label} {method.Candidates.Count}"))}");
        }
    }
}

/// <summary>Where the model comes from: a folder, or teaching, or both, which is a folder whose model is taught first.</summary>
public sealed record ModelSettings
{
    /// <summary>A model's folder.</summary>
    public string? Folder { get; init; }

    /// <summary>A preset of `hybrid learn`: the folder's model or, where there is none, a fresh small one is taught the dataset, anew for every seed.</summary>
    public string? Teach { get; init; }

    /// <summary>How it is taught, where that is not the preset's way.</summary>
    public TeachingOptions? Teaching { get; init; }

    /// <summary>The preset of <see cref="Teach"/> with <see cref="Teaching"/> in place; null where nothing is taught.</summary>
    internal TeachingPreset? Preset
    {
        get
        {
            TeachingPreset? named = Teach is null ? null : TeachingPresets.Find(Teach);
            return Teaching is null || named is null ? named : named with { Teaching = Teaching };
        }
    }

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (Teach is null && Folder is null)
        {
            yield return "model: expected folder, teach or both";
        }
        else if (Teach is not null && !TeachingPresets.Names.Contains(Teach))
        {
            yield return $"model.teach: expected {string.Join(" or ", TeachingPresets.Names)}, found '{Teach}'";
        }
        else if (Folder is null && Preset!.Shape is null)
        {
            yield return $"model.teach: {Teach} has no small shape to make a model of; expected model.folder beside it";
        }

        if (Teaching is not null && Teach is null)
        {
            yield return "model.teaching: says how to teach; expected model.teach beside it";
        }

        foreach (string problem in Teaching?.Validate() ?? [])
        {
            yield return $"model.teaching: {problem}";
        }
    }
}

/// <summary>Where the dataset comes from: a known one, made up or from files, or one's own folder.</summary>
public sealed record DatasetSettings
{
    /// <summary>random-birthdays, years, wmdp-deduped, mmlu, or a dataset that was added to Hybrid.</summary>
    public string? Name { get; init; }

    /// <summary>The folder that holds the known datasets in RTT's layout; what an added dataset makes of it is its own.</summary>
    public string? Data { get; init; }

    /// <summary>random-birthdays only, in place of files: people to forget that are made up from the experiment's seed; as many are retained.</summary>
    public int? People { get; init; }

    /// <summary>One's own dataset: a folder with dataset.yaml.</summary>
    public string? Folder { get; init; }

    /// <summary>A .txt or .jsonl file to retain in place of the dataset's own text.</summary>
    public string? RetainText { get; init; }

    /// <summary>The added dataset that the name is of; null where it is another.</summary>
    internal IDatasetProvider? ProviderIn(HybridRegistry registry) => registry.Datasets.FirstOrDefault(dataset => dataset.Name == Name);

    /// <summary>Every problem, one line each.</summary>
    /// <param name="registry">What may be called by name.</param>
    public IEnumerable<string> Validate(HybridRegistry registry)
    {
        if (ProviderIn(registry) is not null)
        {
            if (People is not null || Folder is not null || RetainText is not null)
            {
                yield return $"dataset: {Name} was added to Hybrid; of the other keys it can have data only";
            }

            yield break;
        }

        if (new object?[] { Data, People, Folder }.Count(source => source is not null) != 1)
        {
            yield return "dataset: expected one of data (a folder with the known datasets), people (made-up birthdays) and folder (one's own)";
        }

        if (Name is null == (Folder is null))
        {
            yield return "dataset: name belongs to data or people, not to folder";
        }

        if (Name is not null && DatasetCatalog.All.All(known => known.Name != Name))
        {
            yield return $"dataset.name: expected {string.Join(", ", registry.DatasetNames)}, found '{Name}'; one's own dataset goes under dataset.folder";
        }

        if (People is not null && RetainText is not null)
        {
            yield return "dataset.retain-text: made-up birthdays have texts of their own; a file can be retained with data or folder";
        }

        if (People is not null && Name != DatasetCatalog.RandomBirthdays)
        {
            yield return $"dataset.people: only {DatasetCatalog.RandomBirthdays} can be made up";
        }
    }
}

/// <summary>The rule by which one setting of a method is picked: retain accuracy at most so far down, then the least A_RTT on the tuning folds.</summary>
public sealed record SelectionRule
{
    /// <summary>How far retain accuracy may fall: 0.05 is five points.</summary>
    public required double AllowedRetainLoss { get; init; }

    /// <summary>Folds that settings are picked on.</summary>
    public required IReadOnlyList<int> TuningFolds { get; init; }

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate(IReadOnlyList<int> reportingFolds)
    {
        if (AllowedRetainLoss is not (>= 0 and <= 1))
        {
            yield return Invariant($"selection.allowed-retain-loss {AllowedRetainLoss} must lie in 0 … 1; 0.05 is five points");
        }

        if (TuningFolds.Count == 0 || TuningFolds.Intersect(reportingFolds).Any())
        {
            yield return "selection.tuning-folds: at least one is needed, and none that attacks.rtt.folds reports on";
        }
    }
}

/// <summary>The attacks on every method's result.</summary>
public sealed record AttackSettings
{
    /// <summary>RTT; its folds are those that figures are reported on.</summary>
    public required RelearningOptions Rtt { get; init; }

    /// <summary>Rounded weights; not done where it is absent.</summary>
    public QuantizationOptions? Quantization { get; init; }

    /// <summary>Fine-tuning on retain text; not done where it is absent.</summary>
    public RetainRelearningOptions? RetainRelearning { get; init; }

    /// <summary>Names of attacks that were added to Hybrid; not done where it is absent.</summary>
    public IReadOnlyList<string>? Own { get; init; }

    /// <summary>Every problem, one line each.</summary>
    /// <param name="registry">What may be called by name.</param>
    public IEnumerable<string> Validate(HybridRegistry registry) =>
    [
        .. Rtt.Validate().Select(problem => $"attacks.rtt: {problem}"),
        .. (Quantization?.Validate() ?? []).Select(problem => $"attacks.quantization: {problem}"),
        .. (RetainRelearning?.Validate() ?? []).Select(problem => $"attacks.retain-relearning: {problem}"),
        .. OwnNames.Problems("attacks.own", Own, registry.Attacks.Select(attack => attack.Name)),
    ];
}

/// <summary>What is measured beside the retain questions.</summary>
public sealed record UtilitySettings
{
    /// <summary>Whether the mean NLL of the retain text is measured.</summary>
    public required bool RetainTextNll { get; init; }

    /// <summary>The utility suite; not run where it is absent.</summary>
    public UtilitySuiteSettings? Suite { get; init; }

    /// <summary>Names of metrics that were added to Hybrid; not measured where it is absent.</summary>
    public IReadOnlyList<string>? Metrics { get; init; }

    /// <summary>Every problem, one line each.</summary>
    /// <param name="registry">What may be called by name.</param>
    public IEnumerable<string> Validate(HybridRegistry registry) => [.. Suite?.Validate() ?? [], .. OwnNames.Problems("utility.metrics", Metrics, registry.Metrics.Select(metric => metric.Name))];
}

/// <summary>The utility suite (docs/utility.md) on the original models and on what was picked.</summary>
public sealed record UtilitySuiteSettings
{
    /// <summary>The folder with the tasks' files.</summary>
    public required string Data { get; init; }

    /// <summary>The tasks.</summary>
    public required IReadOnlyList<UtilityTaskKind> Tasks { get; init; }

    /// <summary>Rows of each task at most; all where it is absent.</summary>
    public int? Limit { get; init; }

    /// <summary>Where the rows of a limited run are drawn from.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Decoded tokens at most, for a quick look; the tasks' own numbers where it is absent.</summary>
    public int? MaximumNewTokens { get; init; }

    /// <summary>llama3, chatml, zephyr or none; what the original model's folder says where it is absent.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>What the suite reads.</summary>
    internal IEnumerable<string> Files => Directory.Exists(Data) ? Directory.EnumerateFiles(Data).Order(StringComparer.Ordinal) : [];

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (Tasks.Count == 0 || Tasks.Distinct().Count() < Tasks.Count)
        {
            yield return "utility.suite.tasks: expected at least one, and none twice";
        }

        if (Limit < 1 || MaximumNewTokens < 1)
        {
            yield return Invariant($"utility.suite: limit {Limit} and maximum new tokens {MaximumNewTokens} must be at least 1");
        }

        if (ChatTemplate is not null && Text.ChatTemplate.All.All(known => known.Name != ChatTemplate))
        {
            yield return $"utility.suite.chat-template: expected {string.Join(", ", Text.ChatTemplate.All.Select(known => known.Name))}, found '{ChatTemplate}'";
        }
    }
}

/// <summary>The case study: the same questions answered in free text by every model, before and after RTT.</summary>
public sealed record CaseStudySettings
{
    /// <summary>How many of the held-out questions of the first reporting fold are asked.</summary>
    public required int Questions { get; init; }

    /// <summary>Tokens of an answer at most.</summary>
    public required int MaximumTokens { get; init; }

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (Questions < 1 || MaximumTokens < 1)
        {
            yield return Invariant($"case-study: questions {Questions} and maximum tokens {MaximumTokens} must be at least 1");
        }
    }
}

/// <summary>Lists of things that were added to Hybrid, by name.</summary>
internal static class OwnNames
{
    /// <summary>Names that are unknown or stand twice, one line each.</summary>
    public static IEnumerable<string> Problems(string key, IReadOnlyList<string>? names, IEnumerable<string> known)
    {
        string[] there = [.. known];
        foreach (string name in (names ?? []).Where(name => !there.Contains(name)))
        {
            yield return $"{key}: '{name}' is not known; {(there.Length > 0 ? $"expected {string.Join(" or ", there)}" : "none was added to this program")}";
        }

        if (names is not null && names.Distinct().Count() < names.Count)
        {
            yield return $"{key}: a name stands twice";
        }
    }
}
