namespace Hybrid.Interop.Tests.Support;

/// <summary>The source tree that the tests were built from.</summary>
internal static class Repository
{
    /// <summary>The folder that holds Hybrid.sln.</summary>
    public static string Root { get; } = Find();

    /// <summary>A path in the tree.</summary>
    public static string At(params string[] parts) => Path.Combine([Root, .. parts]);

    /// <summary>The C headers' folder.</summary>
    public static string Headers => At("native", "include", "hybrid");

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Hybrid.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"no folder above {AppContext.BaseDirectory} holds Hybrid.sln");
    }
}
