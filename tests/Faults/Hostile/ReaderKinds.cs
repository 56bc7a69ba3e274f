namespace Hybrid.Faults.Hostile;

/// <summary>Every kind of file that managed code reads and that may come from strangers.</summary>
internal static class ReaderKinds
{
    public static IReadOnlyList<ReaderKind> All { get; } = [.. TokenizerKinds.All, .. ModelKinds.All, .. DataKinds.All, .. YamlKinds.All];
}
