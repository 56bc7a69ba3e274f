using Xunit;

namespace Hybrid.TestSupport;

/// <summary>Data that is too large for the repository, kept in a folder <c>shared</c> beside it or where <c>HYBRID_SHARED</c> says.</summary>
public static class SharedData
{
    /// <summary>The full path of something in the shared folder, or null where it is absent.</summary>
    public static string? Find(string relativePath)
    {
        string? root = Root();
        string? path = root is null ? null : Path.Combine(root, relativePath);
        return Path.Exists(path) ? path : null;
    }

    private static string? Root()
    {
        if (Environment.GetEnvironmentVariable("HYBRID_SHARED") is { Length: > 0 } root)
        {
            return root;
        }

        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Hybrid.sln")))
            {
                return Path.Combine(folder.FullName, "..", "shared");
            }
        }

        return null;
    }
}

/// <summary>A fact that needs shared data, and is skipped, with the reason in the report, where the data is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedDataFactAttribute : FactAttribute
{
    /// <param name="relativePaths">What the fact needs, relative to the shared folder.</param>
    public SharedDataFactAttribute(params string[] relativePaths)
    {
        if (relativePaths.FirstOrDefault(path => SharedData.Find(path) is null) is { } missing)
        {
            Skip = $"needs {missing} in ../shared (or in the folder that HYBRID_SHARED names), which is not there";
        }
    }
}
