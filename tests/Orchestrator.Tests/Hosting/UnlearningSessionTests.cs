using System.Text.Json;
using System.Text.Json.Serialization;
using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>A session computes what its parts compute without it, bit for bit, and leaves its original alone.</summary>
[LeakLedger]
public sealed class UnlearningSessionTests(HostedModel hosted) : IClassFixture<HostedModel>
{
    private static readonly JsonSerializerOptions Named = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private static RetainRelearningOptions RetainText => RetainRelearningPresets.Find("tiny", DatasetCatalog.RandomBirthdays) with { Epochs = 1, LearningRates = [1e-3] };

    private static QuantizationOptions Rounding => new() { Bits = [4, 2], GroupSize = 8 };

    [Theory]
    [InlineData("gd")]
    [InlineData("kunbr")]
    [InlineData("ria")]
    [InlineData("npo")]
    public async Task AMethodGivesWhatItGivesAlone(string method)
    {
        UnlearningSettings settings = HostedModel.Method(method);
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);

        using UnlearnedModel unlearned = await session.UnlearnAsync(settings);

        (LlamaModel alone, UnlearningOutcome outcome) = Alone.Run(() => Unlearn(settings));
        using (alone)
        {
            Assert.Empty(TestModels.Changed(alone, unlearned.Model));
            Assert.NotEmpty(TestModels.Changed(session.Original, unlearned.Model));
            Assert.Equal(JsonSerializer.Serialize(outcome), JsonSerializer.Serialize(unlearned.Outcome));
            Assert.Same(settings, unlearned.Settings);
        }
    }

    [Fact]
    public async Task TheOriginalStaysAsItWasLoaded()
    {
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);
        using LlamaModel loaded = hosted.Load().Model;

        foreach (string method in new[] { "gd", "kunbr", "ria", "npo" })
        {
            using UnlearnedModel unlearned = await session.UnlearnAsync(HostedModel.Method(method));
            Assert.Empty(TestModels.Changed(loaded, session.Original));
            Assert.Empty(session.Original.Trainable());
        }

        await session.AttackAsync(session.Original, HostedModel.Rtt);
        await session.AttackAsync(session.Original, Rounding);
        await session.AttackAsync(session.Original, RetainText);
        Assert.Empty(TestModels.Changed(loaded, session.Original));
    }

    [Fact]
    public async Task AttacksGiveWhatTheyGiveAlone()
    {
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);
        using UnlearnedModel unlearned = await session.UnlearnAsync(HostedModel.GradientDifference());
        ExampleEncoder encoder = session.Encoder;
        MultipleChoiceQuestion[] forget = [.. hosted.Data.ForgetQuestions];

        // A model that knows nothing answers much alike after every attack: the losses of all steps tell attacks apart.
        List<TrainingProgress> steps = [], stepsAlone = [];
        var told = new SynchronousProgress<TrainingProgress>(steps.Add);
        var toldAlone = new SynchronousProgress<TrainingProgress>(stepsAlone.Add);
        RelearningReport rtt = await session.AttackAsync(unlearned.Model, HostedModel.Rtt, told);
        IReadOnlyList<QuantizationResult> rounded = await session.AttackAsync(unlearned.Model, Rounding);
        RelearningReport relearned = await session.AttackAsync(unlearned.Model, RetainText, told);

        SeededRandom Random() => new SeededRandom(HostedModel.Seed).Fork("attack");
        Assert.Equal(
            Json(Alone.Run(() => new RelearningAttack(HostedModel.Rtt, encoder, new McqEvaluator(encoder)).Run(unlearned.Model, hosted.Data.ForgetSplits, Random(), toldAlone))), Json(rtt));
        Assert.Equal(
            Json(Alone.Run(() => new QuantizationAttack(Rounding, new McqEvaluator(encoder)).Run(unlearned.Model, forget, hosted.Data.RetainQuestions))), Json(rounded));
        Assert.Equal(
            Json(Alone.Run(() => new RetainRelearningAttack(RetainText, encoder, new McqEvaluator(encoder)).Run(unlearned.Model, hosted.Data.RetainText, forget, Random(), progress: toldAlone))), Json(relearned));
        Assert.Equal(stepsAlone, steps);
        Assert.True(steps.Count >= 4);
        Assert.Equal([4, 2], rounded.Select(result => result.Bits));
    }

    [Fact]
    public async Task QuestionsAndTextsAreAnsweredAsAlone()
    {
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);
        string[] prompts = ["When was", "Question: who", ""];

        McqResult asked = await session.EvaluateAsync(session.Original, hosted.Data.RetainQuestions);
        IReadOnlyList<string> texts = await session.CompleteAsync(session.Original, prompts, 5);

        var decoding = new DecodingOptions { MaximumNewTokens = 5, StopTexts = [], BatchSize = 1 };
        Assert.Equal(Json(Alone.Run(() => new McqEvaluator(session.Encoder).Evaluate(session.Original, hosted.Data.RetainQuestions))), Json(asked));
        Assert.Equal(Alone.Run(() => new GreedyDecoder(session.Tokenizer, decoding).Continue(session.Original, [.. prompts.Select(session.Encoder.EncodePrompt)])), texts);
        Assert.Equal(3, texts.Count);
    }

    [Fact]
    public async Task WhatIsSavedIsTheModel()
    {
        using var folder = new TemporaryFolder();
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);
        using UnlearnedModel unlearned = await session.UnlearnAsync(HostedModel.GradientDifference());

        await session.SaveAsync(unlearned.Model, folder.File("saved"));

        using LlamaModel read = ModelFolder.LoadModel(folder.File("saved"), ElementType.Float32, Device.Cpu);
        Assert.Empty(TestModels.Changed(read, unlearned.Model));
        HybridException refused = await Assert.ThrowsAsync<HybridException>(() => session.SaveAsync(unlearned.Model, folder.File("saved")));
        Assert.Equal(ErrorKind.Config, refused.Kind);
    }

    [Fact]
    public async Task CallsSideBySideGiveTheSame()
    {
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);
        using UnlearnedModel gd = await session.UnlearnAsync(HostedModel.Method("gd")), kunbr = await session.UnlearnAsync(HostedModel.Method("kunbr"));
        RelearningReport rtt = await session.AttackAsync(session.Original, HostedModel.Rtt);
        McqResult asked = await session.EvaluateAsync(session.Original, hosted.Data.ForgetQuestions);

        for (int round = 0; round < 3; round++)
        {
            Task<UnlearnedModel> gdAgain = session.UnlearnAsync(HostedModel.Method("gd")), kunbrAgain = session.UnlearnAsync(HostedModel.Method("kunbr"));
            Task<RelearningReport> rttAgain = session.AttackAsync(session.Original, HostedModel.Rtt);
            Task<McqResult> askedAgain = session.EvaluateAsync(session.Original, hosted.Data.ForgetQuestions);
            using UnlearnedModel first = await gdAgain, second = await kunbrAgain;
            Assert.Empty(TestModels.Changed(gd.Model, first.Model));
            Assert.Empty(TestModels.Changed(kunbr.Model, second.Model));
            Assert.Equal(Json(rtt), Json(await rttAgain));
            Assert.Equal(Json(asked), Json(await askedAgain));
        }
    }

    [Fact]
    public async Task BFloat16IsLoadedAndTrainedAsSuch()
    {
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options with { ElementType = ElementType.BFloat16 });

        using UnlearnedModel one = await session.UnlearnAsync(HostedModel.GradientDifference()), other = await session.UnlearnAsync(HostedModel.GradientDifference());

        Assert.Equal((ElementType.BFloat16, ElementType.BFloat16), (session.Original.Head.ElementType, one.Model.Head.ElementType));
        Assert.Empty(TestModels.Changed(one.Model, other.Model));
        Assert.NotEmpty(TestModels.Changed(one.Model, session.Original));
    }

    private (LlamaModel Model, UnlearningOutcome Outcome) Unlearn(UnlearningSettings settings)
    {
        (LlamaModel model, ExampleEncoder encoder, _) = hosted.Load();
        SeededRandom random = new SeededRandom(HostedModel.Seed).Fork("unlearn");
        UnlearningExamples examples = UnlearningExamples.For(hosted.Data, settings, encoder, random);
        UnlearningOutcome outcome = settings.CreateMethod().Run(new UnlearningContext
        {
            Model = model, Forget = examples.Forget, Retain = examples.Retain, Replacements = examples.Replacements, Random = random,
        });
        return (model, outcome);
    }

    private static string Json<T>(T value) => JsonSerializer.Serialize(value, Named);
}
