using Xunit;

namespace Hybrid.TestSupport;

/// <summary>Where the browser is.</summary>
public static class Chromium
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

    /// <summary>The full path of the first of the usual programs that PATH has, or null.</summary>
    public static string? Find() =>
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(folder => Names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
}

/// <summary>A fact that needs a browser, and is skipped, with the reason in the report, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ChromiumFactAttribute : FactAttribute
{
    /// <summary>Looks for the browser.</summary>
    public ChromiumFactAttribute()
    {
        if (Chromium.Find() is null)
        {
            Skip = "needs Chromium (or Chrome) on the PATH, which is not there";
        }
    }
}
