using System.Text.Json;

namespace Hybrid.Sbom;

/// <summary>The .NET runtime that the published program asks for.</summary>
internal static class Runtime
{
    /// <summary>The runtime as a component.</summary>
    public static Component Component(string folder) => new()
    {
        Name = "Microsoft.NETCore.App",
        Version = Version(folder),
        Licence = "MIT",
        Delivery = Delivery.Linked,
        Files = [],
    };

    /// <summary>The version it asks for, or a later one of the same major number.</summary>
    public static string Version(string folder)
    {
        string path = Path.Combine(folder, "hybrid.runtimeconfig.json");
        using JsonDocument settings = JsonDocument.Parse(File.ReadAllText(path));
        return settings.RootElement.GetProperty("runtimeOptions").GetProperty("framework").GetProperty("version").GetString()!;
    }
}
