using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>What goes wrong in a session: of which kind it is, whether it comes at once or by the task, and that nothing is left.</summary>
[LeakLedger]
public sealed class SessionFailureTests(HostedModel hosted) : IClassFixture<HostedModel>
{
    [Theory]
    [InlineData("unlearn", 2)]
    [InlineData("kunbr", 1)]
    [InlineData("rtt", 1)]
    public async Task ACancelledCallLeavesNothing(string call, int steps)
    {
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);
        using var stop = new CancellationTokenSource();
        long handles = Runtime.LiveHandles;
        int made = 0;
        var progress = new SynchronousProgress<TrainingProgress>(_ =>
        {
            if (++made == steps)
            {
                stop.Cancel();
            }
        });

        Task task = call switch
        {
            "unlearn" => session.UnlearnAsync(HostedModel.GradientDifference(epochs: 50), progress, stop.Token),
            "kunbr" => session.UnlearnAsync(HostedModel.Method("kunbr"), progress, stop.Token),
            _ => session.AttackAsync(session.Original, HostedModel.Rtt, progress, stop.Token),
        };
        OperationCanceledException cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);

        Assert.True(task.IsCanceled);
        Assert.Equal(stop.Token, cancelled.CancellationToken);
        Assert.Equal(steps, made);
        Assert.Equal(handles, Runtime.LiveHandles);
    }

    [Fact]
    public async Task WhatIsCancelledBeforehandDoesNotBegin()
    {
        var stop = new CancellationToken(canceled: true);

        Task<UnlearningSession> opening = UnlearningSession.OpenAsync(hosted.Options, cancellation: stop);
        Assert.Equal(stop, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening)).CancellationToken);

        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => session.UnlearnAsync(HostedModel.GradientDifference(), cancellation: stop));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => session.EvaluateAsync(session.Original, hosted.Data.ForgetQuestions, stop));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => session.CompleteAsync(session.Original, ["a"], 3, stop));
    }

    [Fact]
    public void OptionsWithoutMeaningAreRefusedAtOnce()
    {
        HybridException error = Assert.Throws<HybridException>(() =>
        {
            _ = UnlearningSession.OpenAsync(hosted.Options with { Threads = 0, ElementType = ElementType.Int64, Device = "gpu" });
        });

        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.All(["session: threads 0 must be at least 1", "element type Int64", "device: "], said => Assert.Contains(said, error.Message, StringComparison.Ordinal));
        Assert.Throws<ArgumentNullException>(() => { _ = UnlearningSession.OpenAsync(null!); });
    }

    [Fact]
    public async Task WhatIsWrongWithTheFolderComesByTheTask()
    {
        using var folder = new TemporaryFolder();
        await Fails(ErrorKind.ModelFile, folder.File("none"), folder.File("none"));

        string cut = Copy(folder.File("cut"));
        string weights = Path.Combine(cut, ModelFolder.WeightsFile);
        using (FileStream file = File.OpenWrite(weights))
        {
            file.SetLength(file.Length - 1);
        }

        await Fails(ErrorKind.ModelFile, cut, weights);

        string untold = Copy(folder.File("untold"));
        File.WriteAllText(Path.Combine(untold, "tokenizer.json"), "{}");
        await Fails(ErrorKind.Tokenizer, untold, untold);

        string strange = Copy(folder.File("strange")), config = Path.Combine(strange, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"silu\"", "\"gelu\"", StringComparison.Ordinal));
        await Fails(ErrorKind.UnsupportedModel, strange, config);
    }

    [Fact]
    public async Task ADeviceThatIsNotHereComesByTheTask()
    {
        Task<UnlearningSession> opening = UnlearningSession.OpenAsync(hosted.Options with { Device = "cuda:99" });

        NativeException error = await Assert.ThrowsAsync<NativeException>(() => opening);
        Assert.Equal(NativeStatus.Device, error.Status);
    }

    [Fact]
    public async Task SettingsWithoutMeaningAreRefusedAtOnce()
    {
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);
        UnlearningSettings gd = HostedModel.GradientDifference();
        var kunbr = (KUnBROptions)HostedModel.Method("kunbr").Options;

        AtOnce(ErrorKind.Config, () => session.UnlearnAsync(gd with { MaximumTokens = 1 }), "settings: maximum tokens 1 must be at least 2");
        AtOnce(ErrorKind.BlockPlan, () => session.UnlearnAsync(gd with { Options = kunbr with { Blocks = 5 } }), "5");
        AtOnce(ErrorKind.Config, () => session.AttackAsync(session.Original, HostedModel.Rtt with { Epochs = 0 }), "attack: epochs 0");
        AtOnce(ErrorKind.Config, () => session.AttackAsync(session.Original, new QuantizationOptions { Bits = [9], GroupSize = 1 }), "attack: bits 9");
        AtOnce(ErrorKind.Config, () => session.AttackAsync(session.Original, RetainRelearningPresets.Find("tiny", "years") with { LearningRates = [] }), "attack: at least one learning rate");
        AtOnce(ErrorKind.Config, () => session.CompleteAsync(session.Original, ["a"], 0), "completion: maximum new tokens 0");
        Assert.Throws<ArgumentNullException>(() => { _ = session.UnlearnAsync(null!); });
        Assert.Throws<ArgumentNullException>(() => { _ = session.EvaluateAsync(null!, []); });
        Assert.Throws<ArgumentNullException>(() => { _ = session.CompleteAsync(session.Original, null!, 1); });
        Assert.Throws<ArgumentNullException>(() => { _ = session.SaveAsync(null!, "folder"); });
    }

    [Fact]
    public async Task WhatIsWrongWithModelOrDataComesByTheTask()
    {
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options with { Dataset = hosted.Data with { RetainQuestions = [] } });

        await Later(ErrorKind.EmptySplit, session.UnlearnAsync(HostedModel.GradientDifference()));
        await Later(ErrorKind.EmptySplit, session.EvaluateAsync(session.Original, []));
        await Later(ErrorKind.Config, session.AttackAsync(session.Original, HostedModel.Rtt with { Folds = [5] }));

        using UnlearningSession whole = await UnlearningSession.OpenAsync(hosted.Options);
        long handles = Runtime.LiveHandles;
        UnlearningSettings wild = HostedModel.GradientDifference(epochs: 3);
        var options = (GradientDifferenceOptions)wild.Options;
        await Later(ErrorKind.Diverged, whole.UnlearnAsync(wild with { Options = options with { RetainCoefficient = 0, Optimizer = TestModels.Optimizer(OptimizerKind.Sgd, 1e30) } }));
        Assert.Equal(handles, Runtime.LiveHandles);
    }

    [Fact]
    public async Task AfterTheEndEveryCallIsRefusedAtOnce()
    {
        UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);
        LlamaModel original = session.Original;
        session.Dispose();
        session.Dispose();

        Assert.All(
            new Func<Task>[]
            {
                () => session.UnlearnAsync(HostedModel.GradientDifference()),
                () => session.AttackAsync(original, HostedModel.Rtt),
                () => session.AttackAsync(original, QuantizationOptions.Standard),
                () => session.AttackAsync(original, RetainRelearningPresets.Find("tiny", "years")),
                () => session.EvaluateAsync(original, hosted.Data.ForgetQuestions),
                () => session.CompleteAsync(original, ["a"], 1),
                () => session.SaveAsync(original, "folder"),
                () => session.ComputeAsync("own", () => 1),
            },
            call => Assert.Throws<ObjectDisposedException>(() => { _ = call(); }));
    }

    [Fact]
    public async Task AModelThatIsDisposedIsSaid()
    {
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);
        UnlearnedModel unlearned = await session.UnlearnAsync(HostedModel.GradientDifference());
        unlearned.Dispose();

        Task<RelearningReport> attack = session.AttackAsync(unlearned.Model, HostedModel.Rtt);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => attack);
    }

    [Fact]
    public async Task WhatAHostsOwnWorkThrowsComesAsItIs()
    {
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);
        var thrown = new InvalidTimeZoneException("the host's");

        Task<int> work = session.ComputeAsync<int>("own", () => throw thrown);

        Assert.Same(thrown, await Assert.ThrowsAsync<InvalidTimeZoneException>(() => work));
        Assert.Equal(5, await session.ComputeAsync("own", () => 5));
    }

    private static void AtOnce(ErrorKind kind, Func<Task> call, string said)
    {
        HybridException error = Assert.Throws<HybridException>(() => { _ = call(); });
        Assert.Equal(kind, error.Kind);
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
    }

    private static async Task Later(ErrorKind kind, Task task) => Assert.Equal(kind, (await Assert.ThrowsAsync<HybridException>(() => task)).Kind);

    private async Task Fails(ErrorKind kind, string folder, string said)
    {
        Task<UnlearningSession> opening = UnlearningSession.OpenAsync(hosted.Options with { ModelFolder = folder });
        HybridException error = await Assert.ThrowsAsync<HybridException>(() => opening);
        Assert.Equal(kind, error.Kind);
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
    }

    private string Copy(string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(hosted.Folder))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        return to;
    }
}
