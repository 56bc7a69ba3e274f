namespace Hybrid.Orchestrator.Experiments;

/// <summary>
/// Everything that an experiment found, in the form in which reports show it: <c>results.json</c> of a run folder. Accuracies are shares,
/// 0 to 1. "Held out" questions are V of the reporting folds without those that leak from T.
/// </summary>
public sealed record ExperimentReport
{
    /// <summary>The experiment's name, for files and addresses: <c>table1-tiny</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The experiment's title, for people.</summary>
    public required string Title { get; init; }

    /// <summary>The dataset's name.</summary>
    public required string Dataset { get; init; }

    /// <summary>Where it is from: a folder, or made up.</summary>
    public required string DatasetSource { get; init; }

    /// <summary>Whether the methods are KUnBR with and without its stages: what the paper's Table 3 compares.</summary>
    public required bool IsAblation { get; init; }

    /// <summary>The model: a folder, or how it was made.</summary>
    public required string Model { get; init; }

    /// <summary>Parameters of the model.</summary>
    public required long Parameters { get; init; }

    /// <summary>Decoder layers of the model.</summary>
    public required int Layers { get; init; }

    /// <summary>The seeds; every figure has a value for each.</summary>
    public required IReadOnlyList<ulong> Seeds { get; init; }

    /// <summary>What guessing gives: 0.25 for four choices.</summary>
    public required double Chance { get; init; }

    /// <summary>Questions to forget, in all splits.</summary>
    public required int ForgetQuestions { get; init; }

    /// <summary>Questions to retain.</summary>
    public required int RetainQuestions { get; init; }

    /// <summary>How settings were picked; null where no method had more than one.</summary>
    public SelectionFacts? Selection { get; init; }

    /// <summary>The folds that figures are reported on.</summary>
    public required IReadOnlyList<int> ReportingFolds { get; init; }

    /// <summary>Accuracy of the original model on the held-out questions.</summary>
    public required Figure ForgetBefore { get; init; }

    /// <summary>Accuracy of the original model on the retain questions.</summary>
    public required Figure RetainBefore { get; init; }

    /// <summary>Mean NLL of the retain text's tokens under the original model, nats; null where it was not asked for.</summary>
    public Figure? RetainTextNllBefore { get; init; }

    /// <summary>The utility suite on the original models, by metric (<c>bbh_em</c>, …); empty where it was not asked for.</summary>
    public IReadOnlyDictionary<string, Figure> UtilityBefore { get; init; } = new Dictionary<string, Figure>();

    /// <summary>Metrics that were added to Hybrid on the original models, by name; empty where none was asked for.</summary>
    public IReadOnlyDictionary<string, Figure> MetricsBefore { get; init; } = new Dictionary<string, Figure>();

    /// <summary>Normalised knowledge density of the original model by layer, mean over seeds; sums to 1.</summary>
    public required IReadOnlyList<double> Density { get; init; }

    /// <summary>The methods, in the experiment's order.</summary>
    public required IReadOnlyList<MethodReport> Methods { get; init; }

    /// <summary>The case study: some held-out questions and what every model answered in free text; empty where none was asked for.</summary>
    public required IReadOnlyList<CaseQuestion> Cases { get; init; }

    /// <summary>What, where, when and for how long.</summary>
    public required Provenance Provenance { get; init; }
}

/// <summary>How hyper-parameters were picked: retain accuracy at most so far down, then the least A_RTT on the tuning folds.</summary>
/// <param name="AllowedRetainLoss">0.05 is five points.</param>
/// <param name="TuningFolds">Folds that had a part in it; they are no reporting folds.</param>
/// <param name="CandidatesPerMethod">Settings tried of each method, for each seed.</param>
public sealed record SelectionFacts(double AllowedRetainLoss, IReadOnlyList<int> TuningFolds, int CandidatesPerMethod);

/// <summary>One method, or one variant of a method.</summary>
public sealed record MethodReport
{
    /// <summary>What tables call it: "KUnBR", "KUnBR without re-insertion".</summary>
    public required string Label { get; init; }

    /// <summary>The method's name in configurations: <c>kunbr</c>.</summary>
    public required string Method { get; init; }

    /// <summary>The picked setting for each seed.</summary>
    public required IReadOnlyList<PickedSetting> Picked { get; init; }

    /// <summary>Accuracy on the held-out questions after unlearning ("Forget" in Table 1).</summary>
    public required Figure Forget { get; init; }

    /// <summary>A_RTT on the held-out questions: the attacker's best rate and epoch ("RTT" in Table 1).</summary>
    public required Figure Rtt { get; init; }

    /// <summary>The same after the last epoch, of the rate that is best there.</summary>
    public required Figure RttLast { get; init; }

    /// <summary>A_RTT − accuracy after unlearning ("Recovery" in Table 1).</summary>
    public required Figure Recovery { get; init; }

    /// <summary>Recovery over what had been forgotten; NaN for a seed where less than five points had, of which no share means anything.</summary>
    public required Figure RecoveryRate { get; init; }

    /// <summary>Accuracy on the retain questions after unlearning.</summary>
    public required Figure Retain { get; init; }

    /// <summary>Accuracy on the forget questions of all splits after unlearning, letters' mean logits subtracted.</summary>
    public required Figure ForgetCalibrated { get; init; }

    /// <summary>Mean NLL of the retain text's tokens, nats; null where it was not asked for.</summary>
    public Figure? RetainTextNll { get; init; }

    /// <summary>The utility suite, by metric; empty where it was not asked for.</summary>
    public IReadOnlyDictionary<string, Figure> Utility { get; init; } = new Dictionary<string, Figure>();

    /// <summary>Metrics that were added to Hybrid, by name; empty where none was asked for.</summary>
    public IReadOnlyDictionary<string, Figure> Metrics { get; init; } = new Dictionary<string, Figure>();

    /// <summary>Accuracy on the held-out questions after attacks that were added to Hybrid, by name; empty where none was asked for.</summary>
    public IReadOnlyDictionary<string, Figure> OwnAttacks { get; init; } = new Dictionary<string, Figure>();

    /// <summary>Accuracy on V after each epoch of RTT for each learning rate, mean over folds and seeds; element 0 is before the attack.</summary>
    public required IReadOnlyList<RateCurve> RttCurves { get; init; }

    /// <summary>Accuracy on all forget questions during unlearning, after each pass, mean over seeds; pass 0 is the original model.</summary>
    public required IReadOnlyList<PassPoint> ForgetByPass { get; init; }

    /// <summary>Losses of the first seed's picked run, step by step.</summary>
    public required IReadOnlyList<LossPoint> Losses { get; init; }

    /// <summary>The quantization attack, a figure a bit width; empty where it was not asked for.</summary>
    public required IReadOnlyList<QuantizationFigure> Quantization { get; init; }

    /// <summary>Accuracy on the held-out questions after fine-tuning on unrelated retain text, the attacker's best rate and epoch; null where it was not asked for.</summary>
    public Figure? RetainRelearning { get; init; }

    /// <summary>KUnBR's rounds of the first seed's picked run: densities that the choice saw, blocks in the order of re-insertion; empty for others.</summary>
    public required IReadOnlyList<ChosenBlocks> Rounds { get; init; }

    /// <summary>Everything that was tried.</summary>
    public required IReadOnlyList<CandidateReport> Candidates { get; init; }
}

/// <summary>The setting that was picked for a seed.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Point">The grid's keys with their values; empty where there was no grid.</param>
/// <param name="KeptRetain">Whether it met the rule; false where no setting did and the one that kept most was taken.</param>
/// <param name="Steps">Optimizer steps of unlearning.</param>
/// <param name="Seconds">Seconds of unlearning.</param>
/// <param name="ShareChanged">Share of the parameters' elements whose bits changed.</param>
/// <param name="RttLearningRate">The attacker's best rate.</param>
/// <param name="RttEpoch">The attacker's best epoch, from 1.</param>
public sealed record PickedSetting(ulong Seed, IReadOnlyDictionary<string, string> Point, bool KeptRetain, int Steps, double Seconds, double ShareChanged, double RttLearningRate, int RttEpoch);

/// <summary>Accuracies by epoch at one learning rate.</summary>
public sealed record RateCurve(double LearningRate, IReadOnlyList<double> Accuracies);

/// <summary>A state during unlearning.</summary>
/// <param name="Pass">Passes over the forget set so far.</param>
/// <param name="Stage">What had just been done: "pre-unlearn", "re-insert block 3".</param>
/// <param name="Accuracy">Accuracy on all forget questions.</param>
public sealed record PassPoint(int Pass, string Stage, double Accuracy);

/// <summary>One optimizer step.</summary>
public sealed record LossPoint(int Step, string Stage, double Loss, double? ForgetNll, double? RetainNll);

/// <summary>What a model with rounded weights answers.</summary>
/// <param name="Bits">Bits a weight.</param>
/// <param name="Forget">Accuracy on the held-out questions.</param>
/// <param name="Retain">Accuracy on the retain questions.</param>
public sealed record QuantizationFigure(int Bits, Figure Forget, Figure Retain);

/// <summary>A round of KUnBR's choice.</summary>
/// <param name="Density">Normalised density by layer; empty where the strategy ignores it.</param>
/// <param name="Blocks">Number of blocks that the layers are cut into.</param>
/// <param name="LayersPerBlock">Layers a block.</param>
/// <param name="Chosen">The re-inserted blocks, in that order.</param>
public sealed record ChosenBlocks(IReadOnlyList<double> Density, int Blocks, int LayersPerBlock, IReadOnlyList<int> Chosen);

/// <summary>A setting that was tried.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Point">The grid's keys with their values.</param>
/// <param name="Forget">Accuracy on all forget questions after unlearning; null where it diverged.</param>
/// <param name="Retain">Accuracy on the retain questions.</param>
/// <param name="TuningRtt">A_RTT on the tuning folds; null where there was nothing to pick from.</param>
/// <param name="Picked">Whether it was picked.</param>
/// <param name="Diverged">Why there is no figure, where there is none.</param>
public sealed record CandidateReport(ulong Seed, IReadOnlyDictionary<string, string> Point, double? Forget, double? Retain, double? TuningRtt, bool Picked, string? Diverged);

/// <summary>A question of the case study (the first seed's).</summary>
/// <param name="Question">The question, without choices.</param>
/// <param name="Answer">The right answer.</param>
/// <param name="Original">What the original model answered.</param>
/// <param name="Answers">What each method's model answered, in the methods' order.</param>
public sealed record CaseQuestion(string Question, string Answer, string Original, IReadOnlyList<CaseAnswer> Answers);

/// <summary>What a method's model answered.</summary>
/// <param name="Label">The method's label.</param>
/// <param name="AfterUnlearning">After unlearning.</param>
/// <param name="AfterRtt">After RTT on the other splits, at the attacker's best rate and epoch.</param>
public sealed record CaseAnswer(string Label, string AfterUnlearning, string AfterRtt);

/// <summary>What is needed to know where figures come from.</summary>
/// <param name="Hybrid">Version of Hybrid.</param>
/// <param name="Native">The native library and LibTorch.</param>
/// <param name="Dotnet">Version of .NET.</param>
/// <param name="Machine">Processor, number of processors, operating system.</param>
/// <param name="Device">Device and element type.</param>
/// <param name="Jobs">Jobs side by side.</param>
/// <param name="ThreadsPerJob">Threads of each.</param>
/// <param name="Started">When the run that finished it started, UTC.</param>
/// <param name="ComputeSeconds">Seconds of all jobs together, in whichever session they ran.</param>
/// <param name="Settings">The resolved experiment file.</param>
public sealed record Provenance(string Hybrid, string Native, string Dotnet, string Machine, string Device, int Jobs, int ThreadsPerJob, DateTime Started, double ComputeSeconds, string Settings);
