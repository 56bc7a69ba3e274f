using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hybrid.Orchestrator.Hosting;

/// <summary>Hybrid among the services of a host.</summary>
public static class HybridServices
{
    /// <summary>Adds <see cref="HybridEngine"/> as a singleton. It logs to the host's loggers, where there are any.</summary>
    public static IServiceCollection AddHybrid(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(provider => new HybridEngine(provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance));
        return services;
    }
}
