using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using static System.FormattableString;

namespace Hybrid.Orchestrator.Hosting;

/// <summary>
/// A model that is loaded once, to be unlearned by several methods, attacked and asked. Every call works on a thread of its own, with the session's number of
/// threads for native operations; the original does not change. With the same seed, methods and attacks give what <c>hybrid unlearn</c> and <c>hybrid attack</c>
/// give, bit for bit. Calls may be made side by side, where there is memory for their models. What is wrong with a call's arguments alone, and a session that
/// is disposed, is thrown at once; everything else by the task.
/// </summary>
public sealed class UnlearningSession : IDisposable
{
    private readonly UnlearningSessionOptions options;
    private readonly ILogger logger;
    private readonly ElementType type;
    private readonly Device device;
    private bool disposed;

    private UnlearningSession(UnlearningSessionOptions options, HybridRegistry registry, ILogger logger, Device device, LlamaModel original, Tokenizer tokenizer)
    {
        this.options = options;
        this.logger = logger;
        this.device = device;
        Registry = registry;
        Original = original;
        Tokenizer = tokenizer;
        type = original.Head.ElementType;
    }

    /// <summary>What settings that are read for this session may call by name.</summary>
    public HybridRegistry Registry { get; }

    /// <summary>The model as it was loaded; the session owns it. Nothing may change it.</summary>
    public LlamaModel Original { get; }

    /// <summary>Its tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The facts to forget and what is to be retained.</summary>
    public UnlearningDataset Dataset => options.Dataset;

    /// <summary>Makes token sequences no longer than the model's positions and the usual maximum.</summary>
    public ExampleEncoder Encoder => EncoderOf(ExampleEncoder.UsualMaximumTokens);

    private SeededRandom Random => new(options.Seed);

    /// <summary>Loads the model.</summary>
    /// <param name="options">Which, where, and what it is to forget.</param>
    /// <param name="registry">What settings may call by name; null for what Hybrid brings.</param>
    /// <param name="logger">Told of every call.</param>
    /// <param name="cancellation">Has an effect before the weights are read only.</param>
    /// <exception cref="HybridException">Config: the options have no meaning. ModelFile, UnsupportedModel, Tokenizer: what is wrong with the folder.</exception>
    /// <exception cref="NativeException">The device is not here, or has too little memory.</exception>
    public static Task<UnlearningSession> OpenAsync(
        UnlearningSessionOptions options, HybridRegistry? registry = null, ILogger<UnlearningSession>? logger = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        HybridException.ThrowIfAny(ErrorKind.Config, "session", options.Validate());
        ILogger log = logger ?? (ILogger)NullLogger.Instance;
        return ComputeThread.Run("hybrid session", options.Threads, () => HybridTelemetry.Trace("load", options.ModelFolder, () =>
        {
            cancellation.ThrowIfCancellationRequested();
            Device device = DeviceName.Require(options.Device, "device");
            LlamaConfig config = ModelFolder.LoadConfig(options.ModelFolder);
            Tokenizer tokenizer = ModelFolder.LoadTokenizer(options.ModelFolder, config);
            return new UnlearningSession(options, registry ?? HybridRegistry.BuiltIn, log, device, ModelFolder.LoadModel(options.ModelFolder, options.ElementType, device), tokenizer);
        }));
    }

    /// <summary>Unlearns a copy of the original.</summary>
    /// <param name="settings">Method, forms and options; a preset's (<see cref="UnlearningPresets"/>), a file's (<see cref="SettingsYaml"/>) or made in code.</param>
    /// <param name="progress">Told of every step, on the call's thread, which waits for it.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <returns>The unlearned model; the caller disposes it.</returns>
    /// <exception cref="HybridException">Config: the settings have no meaning. BlockPlan, EmptySplit, DataFile: they do not fit model or dataset. Memory: no way fits. Diverged.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Task<UnlearnedModel> UnlearnAsync(UnlearningSettings settings, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        HybridException.ThrowIfAny(ErrorKind.Config, "settings", settings.Validate());
        settings.RequireFits(Original.Config);
        return ComputeAsync($"unlearn {settings.MethodName}", () =>
        {
            SeededRandom random = Random.Fork("unlearn");
            UnlearningExamples examples = UnlearningExamples.For(Dataset, settings, EncoderOf(settings.MaximumTokens), random);
            MemoryPlan plan = Fit(planner => settings.Memory(planner, examples));
            LlamaModel model = Original.Clone();
            try
            {
                model.ActivationCheckpointing = plan.Options.ActivationCheckpointing;
                UnlearningOutcome outcome = settings.CreateMethod().Run(new UnlearningContext
                {
                    Model = model,
                    Forget = examples.Forget,
                    Retain = examples.Retain,
                    Replacements = examples.Replacements,
                    OriginalOnHost = plan.Options.SecondModelOnHost,
                    Random = random,
                    Progress = progress,
                    Cancellation = cancellation,
                });
                return new UnlearnedModel(model, settings, outcome);
            }
            catch
            {
                model.Dispose();
                throw;
            }
        });
    }

    /// <summary>Attacks a model by RTT, retraining on T: every fold of the options with every rate. The model does not change.</summary>
    /// <exception cref="HybridException">Config: the options have no meaning, or there is no such fold. EmptySplit, Memory. Diverged: no rate came through.</exception>
    /// <inheritdoc cref="UnlearnAsync" path="/param[@name='progress' or @name='cancellation']"/>
    public Task<RelearningReport> AttackAsync(LlamaModel model, RelearningOptions relearning, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(relearning);
        HybridException.ThrowIfAny(ErrorKind.Config, "attack", relearning.Validate());
        return ComputeAsync("attack rtt", () =>
        {
            WorkAs(model, planner => [relearning.Memory(planner, Encoder, RttFolds.Make(Dataset.ForgetSplits, relearning.Leaks, relearning.Folds))]);
            return new RelearningAttack(relearning, Encoder, new McqEvaluator(Encoder)).Run(model, Dataset.ForgetSplits, Random.Fork("attack"), progress, cancellation);
        });
    }

    /// <summary>Attacks a model by rounding its weights, and asks the forget and the retain questions. The model does not change.</summary>
    /// <returns>A result for each width of the options.</returns>
    /// <exception cref="HybridException">Config: the options have no meaning. Memory.</exception>
    public Task<IReadOnlyList<QuantizationResult>> AttackAsync(LlamaModel model, QuantizationOptions quantization, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(quantization);
        HybridException.ThrowIfAny(ErrorKind.Config, "attack", quantization.Validate());
        return ComputeAsync("attack quantization", () =>
        {
            var evaluator = new McqEvaluator(Encoder);
            MultipleChoiceQuestion[] forget = [.. Dataset.ForgetQuestions];
            _ = Fit(planner => [planner.Evaluate("quantization", evaluator.LargestBatch([.. forget, .. Dataset.RetainQuestions]), secondModel: false)]);
            return new QuantizationAttack(quantization, evaluator).Run(model, forget, Dataset.RetainQuestions, cancellation);
        });
    }

    /// <summary>Attacks a model by fine-tuning copies on the retain text, and asks the forget questions. The model does not change.</summary>
    /// <exception cref="HybridException">Config: the options have no meaning, or the dataset has no retain text. EmptySplit, Memory. Diverged: no rate came through.</exception>
    /// <inheritdoc cref="UnlearnAsync" path="/param[@name='progress' or @name='cancellation']"/>
    public Task<RelearningReport> AttackAsync(LlamaModel model, RetainRelearningOptions relearning, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(relearning);
        HybridException.ThrowIfAny(ErrorKind.Config, "attack", relearning.Validate());
        return ComputeAsync("attack retain-relearning", () =>
        {
            WorkAs(model, planner => [relearning.Memory(planner, Encoder, Dataset.RetainText)]);
            return new RetainRelearningAttack(relearning, Encoder, new McqEvaluator(Encoder)).Run(
                model, Dataset.RetainText, [.. Dataset.ForgetQuestions], Random.Fork("attack"), workers: 1, files: null, progress, cancellation);
        });
    }

    /// <summary>Asks a model multiple-choice questions, such as the dataset's.</summary>
    /// <exception cref="HybridException">EmptySplit: there is no question. Diverged: the logits are no numbers.</exception>
    public Task<McqResult> EvaluateAsync(LlamaModel model, IEnumerable<MultipleChoiceQuestion> questions, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(questions);
        return ComputeAsync("evaluate", () => new McqEvaluator(Encoder).Evaluate(model, [.. questions], cancellation));
    }

    /// <summary>Lets a model go on with texts, the likeliest token each time.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompts">The texts.</param>
    /// <param name="maximumNewTokens">Tokens of an answer at most.</param>
    /// <param name="cancellation">Stops between two tokens.</param>
    /// <returns>What follows each prompt.</returns>
    /// <exception cref="HybridException">Config: less than one token is asked for. Diverged: the logits are no numbers.</exception>
    public Task<IReadOnlyList<string>> CompleteAsync(LlamaModel model, IReadOnlyList<string> prompts, int maximumNewTokens, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prompts);
        var decoding = new DecodingOptions { MaximumNewTokens = maximumNewTokens, StopTexts = [], BatchSize = McqEvaluator.UsualBatchSize };
        HybridException.ThrowIfAny(ErrorKind.Config, "completion", decoding.Validate());
        return ComputeAsync("complete", () => new GreedyDecoder(Tokenizer, decoding).Continue(model, [.. prompts.Select(Encoder.EncodePrompt)], cancellation));
    }

    /// <summary>Writes a model as a Hugging Face folder, whole or not at all.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="overwrite">Whether what is in the folder may be replaced.</param>
    /// <exception cref="HybridException">Config: the folder holds something that may not be replaced. Io: it cannot be written.</exception>
    public Task SaveAsync(LlamaModel model, string folder, bool overwrite = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return ComputeAsync("save", () =>
        {
            using ModelOutput output = ModelOutput.Reserve(folder, overwrite, options.ModelFolder);
            output.Save(model, Tokenizer);
            return output.Folder;
        });
    }

    /// <summary>Does any work with models as the session does its own: on a thread for it alone, told to loggers, meters and activities.</summary>
    /// <param name="name">What it is called there: a word or a few, the first one of few.</param>
    /// <param name="work">The work. Tensors that it makes it frees (<see cref="TensorScope"/>).</param>
    /// <exception cref="ObjectDisposedException">The session is disposed.</exception>
    public Task<T> ComputeAsync<T>(string name, Func<T> work)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(work);
        ObjectDisposedException.ThrowIf(disposed, this);
        return LoggedAsync(name, work);
    }

    /// <summary>Frees the original. No call may be under way; every later one throws <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        disposed = true;
        Original.Dispose();
    }

    private async Task<T> LoggedAsync<T>(string name, Func<T> work)
    {
        RunLog.CallStarted(logger, name);
        try
        {
            T result = await ComputeThread.Run($"hybrid {name}", options.Threads, () => HybridTelemetry.Trace(name.Split(' ')[0], name, work)).ConfigureAwait(false);
            RunLog.CallFinished(logger, name);
            return result;
        }
        catch (Exception error)
        {
            RunLog.CallFailed(logger, error, name);
            throw;
        }
    }

    private ExampleEncoder EncoderOf(int maximumTokens) => new(Tokenizer, Math.Min(maximumTokens, Original.Config.MaximumPositions));

    /// <summary>Has copies of a model train in the quickest way that fits beside what is loaded; they inherit it. No bit of the model or of a result depends on it.</summary>
    private void WorkAs(LlamaModel model, Func<MemoryPlanner, IReadOnlyList<StageMemory>> stages) => model.ActivationCheckpointing |= Fit(stages).Options.ActivationCheckpointing;

    /// <summary>The quickest way of working that fits beside what is loaded.</summary>
    private MemoryPlan Fit(Func<MemoryPlanner, IReadOnlyList<StageMemory>> stages)
    {
        AvailableMemory available = AvailableMemory.Of(device);
        MemoryPlan plan = MemoryFit.Choose(saving => stages(new MemoryPlanner(Original.Config, type, device, saving)), [.. MemoryOptions.ChoicesFor(device)], available);
        MemoryFit.Require(plan, available, device);
        return plan;
    }
}

/// <summary>What a session works with.</summary>
public sealed record UnlearningSessionOptions
{
    /// <summary>The model: a Hugging Face folder.</summary>
    public required string ModelFolder { get; init; }

    /// <summary>The facts to forget and what is to be retained: <see cref="DatasetSource"/> reads one, <see cref="BirthdayMaker"/> makes one up.</summary>
    public required UnlearningDataset Dataset { get; init; }

    /// <summary>cpu, cuda or cuda:N.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Element type of weights and activations: float32 or bfloat16.</summary>
    public ElementType ElementType { get; init; } = ElementType.Float32;

    /// <summary>Threads of each native operation.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Where all chance comes from.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (Threads < 1)
        {
            yield return Invariant($"threads {Threads} must be at least 1");
        }

        if (ElementType is not (ElementType.Float32 or ElementType.BFloat16))
        {
            yield return $"element type {ElementType}: expected Float32 or BFloat16";
        }

        if (DeviceName.ProblemOf(Device) is { } problem)
        {
            yield return $"device: {problem}";
        }
    }
}

/// <summary>A model that a method has unlearned.</summary>
/// <param name="Model">The model; disposed with this.</param>
/// <param name="Settings">The method and its options.</param>
/// <param name="Outcome">Steps, and KUnBR's rounds.</param>
public sealed record UnlearnedModel(LlamaModel Model, UnlearningSettings Settings, UnlearningOutcome Outcome) : IDisposable
{
    /// <summary>Frees the model.</summary>
    public void Dispose() => Model.Dispose();
}
