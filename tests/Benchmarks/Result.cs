namespace Hybrid.Benchmarks;

/// <summary>One line of a table.</summary>
/// <param name="Work">What was done.</param>
/// <param name="Size">On which size.</param>
/// <param name="Type">In which element type, ours.</param>
/// <param name="Against">What it is compared with.</param>
/// <param name="Comparison">The times.</param>
/// <param name="Goal">How many times faster it shall be; null where no goal is set.</param>
/// <param name="Bound">Seconds below which this machine cannot do it, by its measured peak; null where none was worked out.</param>
internal sealed record Result(string Work, string Size, string Type, string Against, Comparison Comparison, double? Goal = null, double? Bound = null)
{
    public bool Met => Goal is not { } goal || Comparison.Ratio >= goal;
}

/// <summary>A measured fact that is compared with nothing.</summary>
internal sealed record Fact(string Name, string Value);
