namespace Hybrid.Interop.Tests.Bindings;

/// <summary>A function, its types written as the bindings write them: const is gone, int64_t is long, char is byte.</summary>
internal sealed record Function(string Name, string Result, IReadOnlyList<Parameter> Parameters)
{
    public override string ToString() => $"{Result} {Name}({string.Join(", ", Parameters)})";
}

/// <summary>A parameter of a <see cref="Function"/>.</summary>
internal sealed record Parameter(string Type, string Name)
{
    public override string ToString() => $"{Type} {Name}";
}

/// <summary>What one side of the boundary declares.</summary>
internal sealed class Declarations
{
    public Dictionary<string, Function> Functions { get; } = [];

    public Dictionary<string, long> Constants { get; } = [];

    public HashSet<string> OpaqueStructs { get; } = [];

    /// <summary>One line for each thing that the two sides do not have in common; none where they agree.</summary>
    public static IReadOnlyList<string> Differences(Declarations headers, Declarations bindings) =>
    [
        .. Differences(headers.Functions, bindings.Functions, function => function.ToString()),
        .. Differences(headers.Constants, bindings.Constants, value => value.ToString()),
        .. headers.OpaqueStructs.Except(bindings.OpaqueStructs).Select(name => $"struct {name} is only in the headers"),
        .. bindings.OpaqueStructs.Except(headers.OpaqueStructs).Select(name => $"struct {name} is only in the bindings"),
    ];

    private static IEnumerable<string> Differences<T>(Dictionary<string, T> headers, Dictionary<string, T> bindings, Func<T, string> text)
        where T : notnull
    {
        foreach (string name in headers.Keys.Union(bindings.Keys))
        {
            if (!bindings.TryGetValue(name, out T? bound))
            {
                yield return $"{name} is only in the headers";
            }
            else if (!headers.TryGetValue(name, out T? declared))
            {
                yield return $"{name} is only in the bindings";
            }
            else if (text(declared) != text(bound))
            {
                yield return $"{text(declared)} in the headers is {text(bound)} in the bindings";
            }
        }
    }
}
