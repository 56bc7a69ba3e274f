namespace Hybrid.Faults.Hostile;

/// <summary>A kind of file that is read, and how.</summary>
internal sealed record ReaderKind
{
    /// <summary>The kind's name, and that of its folder of kept inputs.</summary>
    public required string Name { get; init; }

    /// <summary>What the file is called in its folder.</summary>
    public required string File { get; init; }

    /// <summary>Sound files, which every reader reads.</summary>
    public required IReadOnlyList<byte[]> Samples { get; init; }

    /// <summary>Puts beside the file, in its folder, what is read with it.</summary>
    public Action<string> Prepare { get; init; } = _ => { };

    /// <summary>Reads the file at a path by everything that reads this kind, and uses what was read.</summary>
    public required Action<string> Read { get; init; }
}
