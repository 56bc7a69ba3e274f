using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>A host's loggers, which remember what they are told.</summary>
internal sealed class RecordedLog : ILoggerFactory
{
    private readonly ConcurrentQueue<LogLine> lines = new();

    /// <summary>All that was told, in order.</summary>
    public LogLine[] Lines => [.. lines];

    /// <summary>The numbers of the events, in order.</summary>
    public int[] Events => [.. lines.Select(line => line.Event)];

    public ILogger CreateLogger(string categoryName) => new Logger(categoryName, lines);

    /// <summary>A logger of its own for a type.</summary>
    public ILogger<T> For<T>() => new Logger<T>(this);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }

    private sealed class Logger(string category, ConcurrentQueue<LogLine> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue(new LogLine(category, logLevel, eventId.Id, formatter(state, exception), exception));
    }
}

/// <summary>One thing told to a logger.</summary>
internal sealed record LogLine(string Category, LogLevel Level, int Event, string Text, Exception? Error);
