namespace Hybrid.Orchestrator.Reporting;

/// <summary>Style sheet and scripts that are written into every page; <c>Assets/README.md</c> says where they come from.</summary>
internal static class ReportAssets
{
    /// <summary>Our style sheet.</summary>
    public static string Style => Read("report.css");

    /// <summary>Our script.</summary>
    public static string Script => Read("report.js");

    /// <summary>Chart.js as it was published, less the line that names its source map: a browser's tools would look for that file.</summary>
    public static string ChartLibrary => Read("chart.umd.min.js").Replace("//# sourceMappingURL=chart.umd.min.js.map", string.Empty, StringComparison.Ordinal);

    private static string Read(string name)
    {
        using Stream stream = typeof(ReportAssets).Assembly.GetManifestResourceStream($"report/{name}")
            ?? throw new InvalidOperationException($"the assembly lacks its resource report/{name}");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().TrimEnd();
    }
}
