using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.TestSupport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>What AddHybrid leaves among a host's services. There is no container here: the registrations are looked at, and the engine's is called.</summary>
[LeakLedger]
public sealed class HybridServicesTests(HostedModel hosted) : IClassFixture<HostedModel>
{
    [Fact]
    public void OneEngineAndOneRegistryAreAdded()
    {
        var services = new Services();

        Assert.Same(services, services.AddHybrid());

        Assert.Equal([typeof(HybridRegistry), typeof(HybridEngine)], services.Select(service => service.ServiceType));
        Assert.All(services, service => Assert.Equal(ServiceLifetime.Singleton, service.Lifetime));
        Assert.Same(HybridRegistry.BuiltIn, services.Registry);
    }

    [Fact]
    public void ExtensionsAddUp()
    {
        var services = new Services();

        services.AddHybrid(registry => registry.WithMetric(new CountedMetric()))
            .AddHybrid()
            .AddHybrid(registry => registry.WithDataset(new FixedQuestions()).WithAttack(new ZeroHeadAttack()));

        Assert.Equal(2, services.Count);
        Assert.Equal(["counted"], services.Registry.Metrics.Select(metric => metric.Name));
        Assert.Equal(["fixed-questions"], services.Registry.Datasets.Select(dataset => dataset.Name));
        Assert.Equal(["zero-head"], services.Registry.Attacks.Select(attack => attack.Name));
        Assert.Same(services.Registry, services.Engine(null).Registry);
        Assert.Throws<ArgumentException>(() => services.AddHybrid(registry => registry.WithMetric(new CountedMetric()))); // twice the same name
        Assert.Equal(2, services.Count);
    }

    [Fact]
    public void AnEngineOfTheHostsIsKept()
    {
        var services = new Services();
        var own = new HybridEngine(HybridRegistry.BuiltIn, new RecordedLog());
        services.Add(ServiceDescriptor.Singleton(own));

        services.AddHybrid();

        Assert.Same(own, services.Single(service => service.ServiceType == typeof(HybridEngine)).ImplementationInstance);
    }

    [Fact]
    public void ARegistryThatIsMadeLaterCannotBeAddedTo()
    {
        var services = new Services { ServiceDescriptor.Singleton(_ => HybridRegistry.BuiltIn) };

        Assert.Contains("made later", Assert.Throws<InvalidOperationException>(() => services.AddHybrid()).Message, StringComparison.Ordinal);

        var keyed = new Services { ServiceDescriptor.KeyedSingleton("another", HybridRegistry.BuiltIn.WithMetric(new CountedMetric())) };
        keyed.AddHybrid();
        Assert.Empty(((HybridRegistry)keyed.Single(service => service is { IsKeyedService: false } && service.ServiceType == typeof(HybridRegistry)).ImplementationInstance!).Metrics);
        Assert.Equal(3, keyed.Count);
    }

    [Fact]
    public void AnEngineWantsBoth()
    {
        Assert.Equal("registry", Assert.Throws<ArgumentNullException>(() => new HybridEngine(null!, new RecordedLog())).ParamName);
        Assert.Equal("loggers", Assert.Throws<ArgumentNullException>(() => new HybridEngine(HybridRegistry.BuiltIn, null!)).ParamName);
    }

    [Fact]
    public async Task TheEngineLogsToTheHostsLoggersAndKnowsItsExtensions()
    {
        using var folder = new TemporaryFolder();
        var log = new RecordedLog();
        var services = new Services();
        services.AddHybrid(registry => registry.WithMetric(new CountedMetric()));
        HybridEngine engine = services.Engine(log);
        ExperimentSettings settings = hosted.Experiment() with { Utility = new UtilitySettings { RetainTextNll = false, Metrics = ["counted"] } };

        ExperimentSettings read = engine.Read("host.yaml", ExperimentYaml.Write(settings));
        UnlearningRunResult result = await engine.CreateRun(read, new UnlearningRunOptions { Folder = folder.File("run") }).RunAsync();
        using UnlearningSession session = await engine.OpenSessionAsync(hosted.Options);
        await session.ComputeAsync("own", () => 1);

        Assert.Equal(4.1, result.Report.MetricsBefore["counted"].Mean);
        Assert.Same(engine.Registry, session.Registry);
        Assert.Equal([typeof(UnlearningRun).FullName, typeof(UnlearningSession).FullName], log.Lines.Select(line => line.Category).Distinct());
        Assert.StartsWith("host.yaml:1: ", Assert.Throws<HybridException>(() => engine.Read("host.yaml", "colour: blue")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AHostWithoutLoggersIsToldNothing()
    {
        using var folder = new TemporaryFolder();
        var services = new Services();
        services.AddHybrid();

        UnlearningRunResult result = await services.Engine(null).CreateRun(hosted.Experiment(), new UnlearningRunOptions { Folder = folder.File("run") }).RunAsync();

        Assert.Single(result.Report.Methods);
    }

    /// <summary>A host's services.</summary>
    private sealed class Services : List<ServiceDescriptor>, IServiceCollection
    {
        public HybridRegistry Registry => (HybridRegistry)this.Single(service => service.ServiceType == typeof(HybridRegistry)).ImplementationInstance!;

        public HybridEngine Engine(ILoggerFactory? loggers) =>
            (HybridEngine)this.Single(service => service.ServiceType == typeof(HybridEngine)).ImplementationFactory!(new Provider(Registry, loggers));
    }

    private sealed class Provider(HybridRegistry registry, ILoggerFactory? loggers) : IServiceProvider
    {
        public object? GetService(Type serviceType) => serviceType == typeof(HybridRegistry) ? registry : serviceType == typeof(ILoggerFactory) ? loggers : null;
    }
}
