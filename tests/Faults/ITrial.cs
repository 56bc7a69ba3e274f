namespace Hybrid.Faults;

/// <summary>One kind of trouble that is made on purpose, many times. One kind is one file.</summary>
internal interface ITrial
{
    /// <summary>Name for <c>--only</c>.</summary>
    string Name { get; }

    /// <summary>Makes the trouble and says what became of it.</summary>
    IEnumerable<Finding> Run(Surroundings surroundings);
}

/// <summary>What a trial found: a line of the table.</summary>
/// <param name="What">What was done.</param>
/// <param name="Count">How often.</param>
/// <param name="Outcome">What came of it, with what went wrong where anything did.</param>
/// <param name="Good">Whether it is as promised.</param>
internal sealed record Finding(string What, long Count, string Outcome, bool Good);

/// <summary>What trials work with.</summary>
/// <param name="Hybrid">The published command line.</param>
/// <param name="Repository">The repository's root.</param>
/// <param name="Scratch">A folder of the trial's own, deleted afterwards.</param>
/// <param name="Seed">Where its chance comes from.</param>
/// <param name="Share">Share of the full number of repetitions, more than 0 to 1.</param>
/// <param name="Tell">Told a line now and then.</param>
internal sealed record Surroundings(string Hybrid, string Repository, string Scratch, ulong Seed, double Share, Action<string> Tell)
{
    /// <summary>The share of a number of repetitions, at least one.</summary>
    public int Times(int full) => Math.Max(1, (int)Math.Round(full * Share));
}
