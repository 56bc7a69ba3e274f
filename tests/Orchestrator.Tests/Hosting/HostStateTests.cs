using System.Collections;
using System.Globalization;
using System.Text.RegularExpressions;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>What a host would notice: nothing. (What is the native library's is held by native/tests/host_state.c.)</summary>
[LeakLedger]
public sealed partial class HostStateTests(HostedModel hosted) : IClassFixture<HostedModel>
{
    [Fact]
    public async Task ARunAndASessionLeaveTheProcessAsItWas()
    {
        using var folder = new TemporaryFolder();
        var written = new StringWriter();
        var unobserved = new List<Exception>();
        void Note(object? sender, UnobservedTaskExceptionEventArgs told) => unobserved.Add(told.Exception);
        (TextWriter output, TextWriter error) = (Console.Out, Console.Error);
        TaskScheduler.UnobservedTaskException += Note;
        Console.SetOut(written);
        Console.SetError(written);
        TextWriter outputThen = Console.Out, errorThen = Console.Error;
        State before = State.Now();
        try
        {
            await Work(folder);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();

            State after = State.Now();
            Assert.Equal(before.Environment, after.Environment);
            Assert.Equal(before with { Environment = string.Empty }, after with { Environment = string.Empty });
            Assert.Same(outputThen, Console.Out);
            Assert.Same(errorThen, Console.Error);
            Assert.Equal(string.Empty, written.ToString());
            Assert.Empty(unobserved);
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
            TaskScheduler.UnobservedTaskException -= Note;
        }
    }

    /// <summary>The library's own text is looked at: what a process has only one of is not touched, but where it is said here.</summary>
    [Fact]
    public void NoSourceOfTheLibrariesTouchesWhatTheProcessHasOneOf()
    {
        string[] touching =
        [
            .. from project in new[] { "src/Interop", "src/Orchestrator" }
               from file in Directory.GetFiles(RepositoryFolder.PathOf(project), "*.cs", SearchOption.AllDirectories)
               where !file.Contains("/obj/", StringComparison.Ordinal)
               from line in File.ReadLines(file)
               where Touching().IsMatch(line) && !line.TrimStart().StartsWith("//", StringComparison.Ordinal)
               select $"{Path.GetFileName(file)}: {line.Trim()}",
        ];

        Assert.Equal(
            [
                // The variables that LibTorch's libraries read, before they are loaded (docs/abi.md).
                "NativeLoader.cs: [DllImport(\"libc\", EntryPoint = \"setenv\", CharSet = CharSet.Ansi)]",

                // Of a thread that is the library's own.
                "ComputeThread.cs: CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;",
            ],
            touching);
    }

    [Theory]
    [InlineData("using var on = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);")]
    [InlineData("Console.CancelKeyPress += Stop;")]
    [InlineData("Console.WriteLine(1);")]
    [InlineData("AppDomain.CurrentDomain.ProcessExit += Stop;")]
    [InlineData("TaskScheduler.UnobservedTaskException += Stop;")]
    [InlineData("Environment.Exit(1);")]
    [InlineData("Environment.CurrentDirectory = folder;")]
    [InlineData("System.Environment.SetEnvironmentVariable(\"A\", \"b\");")]
    [InlineData("CultureInfo.DefaultThreadCurrentUICulture = culture;")]
    [InlineData("ThreadPool.SetMinThreads(1, 1);")]
    [InlineData("GCSettings.LatencyMode = GCLatencyMode.Batch;")]
    public void WhatIsLookedForIsFound(string line) => Assert.Matches(Touching(), line);

    private async Task Work(TemporaryFolder folder)
    {
        var stop = new CancellationTokenSource();
        await new UnlearningRun(hosted.Experiment(MethodPlan.Of("KUnBR", HostedModel.Method("kunbr"))) with { Jobs = 2 }, new UnlearningRunOptions { Folder = folder.File("run") }).RunAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new UnlearningRun(hosted.Experiment(), new UnlearningRunOptions { Folder = folder.File("stopped") })
            .RunAsync(new SynchronousProgress<TrainingProgress>(_ => stop.Cancel()), stop.Token));
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);
        using UnlearnedModel unlearned = await session.UnlearnAsync(HostedModel.GradientDifference());
        await session.AttackAsync(unlearned.Model, HostedModel.Rtt);
        await Assert.ThrowsAsync<HybridException>(() => session.EvaluateAsync(unlearned.Model, []));
    }

    [GeneratedRegex(@"PosixSignalRegistration|CancelKeyPress|\bConsole\.|AppDomain\.\w+\.\w+ \+=|UnobservedTaskException|Environment\.(Exit|FailFast|CurrentDirectory =)|SetCurrentDirectory|SetEnvironmentVariable|""setenv""|CultureInfo\.\w+ = |ThreadPool\.Set|GCSettings|AppContext\.SetSwitch|ServicePointManager")]
    private static partial Regex Touching();

    private sealed record State(string Environment, string Folder, CultureInfo Culture, CultureInfo UiCulture, CultureInfo? New, CultureInfo? NewUi, int Workers, int Ports, int MostWorkers, int MostPorts, System.Runtime.GCLatencyMode Latency)
    {
        public static State Now()
        {
            ThreadPool.GetMinThreads(out int workers, out int ports);
            ThreadPool.GetMaxThreads(out int mostWorkers, out int mostPorts);
            return new State(
                string.Join('\n', System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(entry => $"{entry.Key}={entry.Value}").Order(StringComparer.Ordinal)),
                Directory.GetCurrentDirectory(), CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture, CultureInfo.DefaultThreadCurrentCulture, CultureInfo.DefaultThreadCurrentUICulture,
                workers, ports, mostWorkers, mostPorts, System.Runtime.GCSettings.LatencyMode);
        }
    }
}
