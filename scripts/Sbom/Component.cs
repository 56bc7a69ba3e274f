namespace Hybrid.Sbom;

/// <summary>How a component comes to the user.</summary>
internal enum Delivery
{
    /// <summary>It lies in the published folder.</summary>
    Shipped,

    /// <summary>The user's system has it, and libhybrid names it or calls it: LibTorch, oneDNN, BLAS, OpenMP, the .NET runtime.</summary>
    Linked,

    /// <summary>The user's system has it because something linked needs it.</summary>
    Behind,
}

/// <summary>One thing that the program consists of or runs on.</summary>
internal sealed record Component
{
    /// <summary>The package's name.</summary>
    public required string Name { get; init; }

    /// <summary>The package's version.</summary>
    public required string Version { get; init; }

    /// <summary>An SPDX expression, or Debian's short names joined by commas, or where to read it.</summary>
    public required string Licence { get; init; }

    /// <summary>How it comes to the user.</summary>
    public required Delivery Delivery { get; init; }

    /// <summary>The package URL, where it is a package.</summary>
    public string? Url { get; init; }

    /// <summary>Its files: names in the published folder, or full paths.</summary>
    public required IReadOnlyList<string> Files { get; init; }
}
