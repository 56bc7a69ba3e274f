using System.Text.Json;
using System.Text.Json.Serialization;
using Hybrid.Interop;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>Two runs at once in one process, of two models, with different numbers of threads: each is as if it were alone, and so is the host.</summary>
[LeakLedger]
public sealed class RunsSideBySideTests(HostedModel hosted) : IClassFixture<HostedModel>, IDisposable
{
    private static readonly JsonSerializerOptions Named = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private readonly TemporaryFolder folder = new();

    private ExperimentSettings One => hosted.Experiment(MethodPlan.Of("GD", HostedModel.GradientDifference(epochs: 4)), MethodPlan.Of("KUnBR", HostedModel.Method("kunbr")));

    private ExperimentSettings Two => One with { Name = "other", Model = new ModelSettings { Folder = hosted.Other }, Threads = 2, Jobs = 2, Seeds = [5] };

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task TheyGiveWhatTheyGiveOneAfterTheOther()
    {
        ExperimentReport one = (await Start(One, "one").RunAsync()).Report, two = (await Start(Two, "two").RunAsync()).Report;

        using var together = new Barrier(2);
        bool met = false;
        Task<UnlearningRunResult> first = Start(One, "first").RunAsync(Meeting(together, () => met = true)), second = Start(Two, "second").RunAsync(Meeting(together, () => met = true));
        ExperimentReport oneAgain = (await first).Report, twoAgain = (await second).Report;

        Assert.True(met, "the two were never under way at once");
        Assert.Equal(Figures(one), Figures(oneAgain));
        Assert.Equal(Figures(two), Figures(twoAgain));
        Assert.NotEqual(Figures(one), Figures(two));
        Assert.All(["gd", "kunbr"], method =>
        {
            Assert.Equal(Weights("one", "seed1", method), Weights("first", "seed1", method));
            Assert.Equal(Weights("two", "seed5", method), Weights("second", "seed5", method));
        });
    }

    [Fact]
    public void TheHostsThreadsKeepTheirCounts() => OnAThread(() =>
    {
        int fresh = OnAThread(() => Runtime.Threads), pool = OnThePool(() => Runtime.Threads);
        Runtime.Threads = 3; // the host's own choice for this thread
        var during = new List<(int Run, int Host, int Fresh, int Pool)>();
        using var reached = new Barrier(2);
        using var go = new Barrier(2);
        Task<UnlearningRunResult> run = Start(One with { Threads = 2 }, "counts").RunAsync(new SynchronousProgress<TrainingProgress>(step =>
        {
            if (during.Count == 0)
            {
                during.Add((Runtime.Threads, 0, 0, 0));
                reached.SignalAndWait();
                go.SignalAndWait();
            }
        }));
        reached.SignalAndWait();
        during[0] = (during[0].Run, Runtime.Threads, OnAThread(() => Runtime.Threads), OnThePool(() => Runtime.Threads));
        go.SignalAndWait();
        run.GetAwaiter().GetResult();

        Assert.Equal((2, 3, fresh, pool), during[0]);
        Assert.Equal((3, fresh, pool), (Runtime.Threads, OnAThread(() => Runtime.Threads), OnThePool(() => Runtime.Threads)));
        return 0;
    });

    private UnlearningRun Start(ExperimentSettings settings, string name) => new(settings, new UnlearningRunOptions { Folder = folder.File(name) });

    /// <summary>Each run waits at its first step for the other one's.</summary>
    private static SynchronousProgress<TrainingProgress> Meeting(Barrier together, Action met)
    {
        int steps = 0;
        return new SynchronousProgress<TrainingProgress>(_ =>
        {
            if (steps++ == 0 && together.SignalAndWait(TimeSpan.FromMinutes(1)))
            {
                met();
            }
        });
    }

    private byte[] Weights(string run, string seed, string method) => File.ReadAllBytes(Path.Combine(folder.File(run), "models", seed, method, Orchestrator.Model.ModelFolder.WeightsFile));

    /// <summary>Everything but times.</summary>
    private static string Figures(ExperimentReport report) => JsonSerializer.Serialize(
        report with
        {
            Methods = [.. report.Methods.Select(method => method with { Picked = [.. method.Picked.Select(picked => picked with { Seconds = 0 })] })],
            Provenance = report.Provenance with { Started = default, ComputeSeconds = 0 },
        },
        Named);

    private static int OnThePool(Func<int> ask) => Task.Run(ask).GetAwaiter().GetResult();

    private static int OnAThread(Func<int> work)
    {
        int result = 0;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = work();
            }
            catch (Exception error)
            {
                failure = error;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? result : throw new Xunit.Sdk.XunitException(failure.ToString());
    }
}
