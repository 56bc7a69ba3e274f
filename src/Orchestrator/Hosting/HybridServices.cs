using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hybrid.Orchestrator.Hosting;

/// <summary>Hybrid among the services of a host.</summary>
public static class HybridServices
{
    /// <summary>Adds <see cref="HybridEngine"/> as a singleton. It logs to the host's loggers, where there are any.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="extend">Adds methods, datasets, metrics and attacks to what Hybrid brings; null for none. May be called with other services, too: then each adds to what was added before.</param>
    /// <exception cref="InvalidOperationException">The services hold a registry that is made later, so that nothing can be added to it.</exception>
    public static IServiceCollection AddHybrid(this IServiceCollection services, Func<HybridRegistry, HybridRegistry>? extend = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ServiceDescriptor? before = services.LastOrDefault(service => service.ServiceType == typeof(HybridRegistry) && !service.IsKeyedService);
        HybridRegistry registry = before is null ? HybridRegistry.BuiltIn : before.ImplementationInstance as HybridRegistry
            ?? throw new InvalidOperationException("the services hold a HybridRegistry that is made later; expected none, or one that is there, to add to");
        services.Replace(ServiceDescriptor.Singleton(extend?.Invoke(registry) ?? registry));
        services.TryAddSingleton(provider => new HybridEngine(provider.GetRequiredService<HybridRegistry>(), provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance));
        return services;
    }
}
