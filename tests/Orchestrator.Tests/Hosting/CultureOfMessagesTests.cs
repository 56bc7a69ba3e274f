using System.Reflection;
using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Reporting;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.Orchestrator.Utility;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>Messages that are made on a host's thread have the numbers of files, whatever the thread's culture.</summary>
[LeakLedger]
public sealed class CultureOfMessagesTests(HostedModel hosted) : IClassFixture<HostedModel>
{
    private const double Negative = -0.5;

    private static readonly OptimizerOptions Optimizer = new() { Kind = OptimizerKind.Sgd, LearningRate = Negative, WarmupSteps = -1, WeightDecay = Negative };

    [Fact]
    public void EveryValidateSaysTheSameInEveryCulture()
    {
        Dictionary<Type, Func<IEnumerable<string>>> all = Broken();

        // Whatever has a Validate() must stand here, but for two that have counts and texts only.
        Assert.Equal(
            typeof(HybridRegistry).Assembly.GetTypes().Where(type => !type.IsInterface && type.GetMethod("Validate", BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public) is { } method && method.ReturnType == typeof(IEnumerable<string>))
                .Except([typeof(ReportCheck), typeof(RunRecord)]).Select(type => type.Name).Order(StringComparer.Ordinal),
            all.Keys.Select(type => type.Name).Order(StringComparer.Ordinal));
        foreach ((Type type, Func<IEnumerable<string>> validate) in all)
        {
            string[] expected = [.. validate()], actual;
            using (new CommaCulture())
            {
                actual = [.. validate()];
            }

            Assert.NotEmpty(expected);
            Assert.True(expected.SequenceEqual(actual), $"{type.Name}: {string.Join(" | ", actual.Except(expected))}");
        }
    }

    [Fact]
    public void TheCultureTellsNumbersApart()
    {
        using var culture = new CommaCulture();

        Assert.Equal("minus 0,5 minus 1 none", $"{Negative} {-1} {double.NaN}"); // else the tests here would show nothing
    }

    [Fact]
    public void AnErrorsNumbersAreThoseOfFiles()
    {
        using var culture = new CommaCulture();

        Assert.Equal("f:3: rate -0.5, 12.5 %, NaN, 1E+30 and no", new HybridException(ErrorKind.Config, $"f:{3}: rate {Negative}, {0.125:P1}, {double.NaN}, {1e30} and {"no"}").Message);
        Assert.Equal("plain", new HybridException(ErrorKind.Config, "plain").Message);
        Assert.Equal("layer 2", new HybridException(ErrorKind.Config, $"layer {2}", new InvalidOperationException()).Message);
    }

    [Fact]
    public void ErrorsOfCallsOnTheHostsThreadAreThoseOfFiles()
    {
        using var culture = new CommaCulture();
        UnlearningSettings gd = HostedModel.GradientDifference();
        var options = (GradientDifferenceOptions)gd.Options;

        Assert.Equal(
            "f: retain coefficient -0.5 must not be negative; learning rate -1.5 must be positive",
            Message(() => SettingsYaml.Parse("f", "preset: tiny\nmethod: gd\ngd: { retain-coefficient: -0.5, optimizer: { learning-rate: -1.5 } }")));
        Assert.Contains("'0,5'", Message(() => SettingsYaml.Parse("f", "preset: tiny\nmethod: gd\ngd: { retain-coefficient: '0,5' }")), StringComparison.Ordinal); // a comma is no number here
        Assert.Equal(
            "experiment 'hosted': selection.allowed-retain-loss 1.5 must lie in 0 … 1; 0.05 is five points",
            Message(() => new UnlearningRun(hosted.Experiment() with { Selection = new SelectionRule { AllowedRetainLoss = 1.5, TuningFolds = [3] } }, new UnlearningRunOptions { Folder = "none" })));
        Assert.Contains("-0.5", Assert.Throws<ArgumentException>(() => HybridRegistry.BuiltIn.WithMethod(new Samples.Extensions.TaskVectorOptions { Scale = 1, Epochs = 1, BatchSize = 1, Optimizer = Optimizer })).Message, StringComparison.Ordinal);
        Assert.Equal(gd with { Options = options with { RetainCoefficient = 0.25 } }, SettingsYaml.Parse("f", SettingsYaml.Write(gd with { Options = options with { RetainCoefficient = 0.25 } })));
    }

    private static string Message(Action action) => Assert.Throws<HybridException>(action).Message;

    /// <summary>Something with as many problems as may be, of every type that can have problems.</summary>
    private Dictionary<Type, Func<IEnumerable<string>>> Broken()
    {
        IMethodOptions[] methods = [.. UnlearningPresets.Methods.Select(method => Break(UnlearningPresets.Find("tiny", method).Options))];
        var settings = new UnlearningSettings { Options = methods[0], ForgetForm = ExampleForm.LetterAnswer, RetainForm = ExampleForm.LetterAnswer, MaximumTokens = -1 };
        RelearningOptions rtt = HostedModel.Rtt with { Epochs = -1, LearningRates = [Negative, double.NaN], Optimizer = Optimizer };
        var quantization = new QuantizationOptions { Bits = [-1], GroupSize = -1 };
        RetainRelearningOptions text = RetainRelearningPresets.Find("tiny", "years") with { Epochs = -1, LearningRates = [Negative], Optimizer = Optimizer };
        TeachingOptions teaching = TeachingPresets.Find("tiny").Teaching with { Epochs = -1, TargetAccuracy = 1.5, Optimizer = Optimizer };
        var model = new ModelSettings { Teach = "tiny", Teaching = teaching };
        var dataset = new DatasetSettings();
        var selection = new SelectionRule { AllowedRetainLoss = Negative, TuningFolds = [] };
        var attacks = new AttackSettings { Rtt = rtt, Quantization = quantization, RetainRelearning = text };
        var suite = new UtilitySuiteSettings { Data = "data", Tasks = [], Limit = -1, MaximumNewTokens = -1, Seed = 1 };
        var utility = new UtilitySettings { RetainTextNll = false, Suite = suite };
        var study = new CaseStudySettings { Questions = -1, MaximumTokens = -1 };
        ExperimentSettings experiment = hosted.Experiment() with { Jobs = -1, Model = model, Dataset = dataset, Selection = selection, Attacks = attacks, Utility = utility, CaseStudy = study };
        LlamaConfig config = TestModels.Config() with { Heads = -1, HeadDimension = -1, RmsNormEpsilon = Negative, RopeScaling = new RopeScaling(Negative, double.NaN, Negative, -1) };
        HybridRegistry registry = HybridRegistry.BuiltIn;
        var all = new Dictionary<Type, Func<IEnumerable<string>>>
        {
            [typeof(UnlearningSettings)] = settings.Validate,
            [typeof(PassOptions)] = new PassOptions(-1, -1, Optimizer).Validate,
            [typeof(OptimizerOptions)] = Optimizer.Validate,
            [typeof(RelearningOptions)] = rtt.Validate,
            [typeof(QuantizationOptions)] = quantization.Validate,
            [typeof(RetainRelearningOptions)] = text.Validate,
            [typeof(TeachingOptions)] = teaching.Validate,
            [typeof(ModelSettings)] = model.Validate,
            [typeof(DatasetSettings)] = () => dataset.Validate(registry),
            [typeof(SelectionRule)] = () => selection.Validate([]),
            [typeof(AttackSettings)] = () => attacks.Validate(registry),
            [typeof(UtilitySuiteSettings)] = suite.Validate,
            [typeof(UtilitySettings)] = () => utility.Validate(registry),
            [typeof(CaseStudySettings)] = study.Validate,
            [typeof(ExperimentSettings)] = () => experiment.Validate(registry),
            [typeof(LlamaConfig)] = config.Validate,
            [typeof(UnlearningSessionOptions)] = (hosted.Options with { Threads = -1, Device = "-1" }).Validate,
            [typeof(DecodingOptions)] = new DecodingOptions { MaximumNewTokens = -1, StopTexts = [""], BatchSize = -1 }.Validate,
            [typeof(SamplingOptions)] = new SamplingOptions { Temperature = Negative, TopP = 1.5, Seed = 1 }.Validate,
            [typeof(UtilityOptions)] = new UtilityOptions { Tasks = [], Limit = -1, Seed = 1, BatchSize = -1, MaximumNewTokens = -1, ChatTemplate = ChatTemplate.All[0] }.Validate,
        };
        foreach (IMethodOptions options in methods)
        {
            all.Add(options.GetType(), options.Validate);
        }

        return all;
    }

    private static IMethodOptions Break(IMethodOptions options) => options switch
    {
        GradientAscentOptions ga => ga with { Epochs = -1, Optimizer = Optimizer },
        GradientDifferenceOptions gd => gd with { RetainCoefficient = Negative, Optimizer = Optimizer },
        RmuOptions rmu => rmu with { SteeringCoefficient = Negative, RetainCoefficient = Negative, PrefixMemoryBytes = -1, PrefixFileBytes = -1, Optimizer = Optimizer },
        RiaOptions ria => ria with { RetainCoefficient = Negative, Epochs = -1 },
        NpoOptions npo => npo with { Beta = Negative, RetainCoefficient = Negative },
        SimNpoOptions simNpo => simNpo with { Beta = Negative, Gamma = Negative, RetainCoefficient = Negative },
        DpoOptions dpo => dpo with { Beta = Negative, RetainCoefficient = Negative },
        KUnBROptions kunbr => kunbr with { PreUnlearning = kunbr.PreUnlearning with { RetainCoefficient = Negative }, Blocks = -1, IgnoreHeadLayers = -1, PrefixMemoryBytes = -1 },
        _ => throw new ArgumentOutOfRangeException(nameof(options)),
    };
}
