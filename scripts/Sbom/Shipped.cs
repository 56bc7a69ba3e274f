using System.Text;
using System.Text.Json;
using System.Xml.Linq;

namespace Hybrid.Sbom;

/// <summary>What lies in the published folder: our own files, NuGet packages as the program's .deps.json lists them, and what is inside ours.</summary>
internal static class Shipped
{
    private const string Own = "hybrid";

    /// <summary>The components; together they own every file of the folder.</summary>
    /// <param name="folder">The published folder.</param>
    /// <param name="cache">NuGet's package folder, for the licences.</param>
    /// <param name="assets">The report's assets in the repository, which are inside Hybrid.Orchestrator.dll; chart.LICENSE.txt names those by others.</param>
    /// <exception cref="InvalidDataException">A file belongs to nothing, or a package says no licence.</exception>
    public static IReadOnlyList<Component> Components(string folder, string cache, string assets)
    {
        using JsonDocument deps = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, $"{Own}.deps.json")));
        JsonElement target = deps.RootElement.GetProperty("targets").EnumerateObject().Single().Value;
        List<Component> packages = [];
        string version = string.Empty;
        foreach (JsonProperty library in deps.RootElement.GetProperty("libraries").EnumerateObject())
        {
            string[] identity = library.Name.Split('/');
            switch (library.Value.GetProperty("type").GetString())
            {
                case "package":
                    packages.Add(Package(identity[0], identity[1], Files(target, library.Name), cache));
                    break;
                case "project" when identity[0] == Own:
                    version = identity[1];
                    break;
            }
        }

        string[] owned = [.. packages.SelectMany(package => package.Files)];
        string[] rest = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(folder, path)).Where(file => !owned.Contains(file)).Order(StringComparer.Ordinal)];
        if (rest.FirstOrDefault(file => !IsOwn(file)) is { } stray)
        {
            throw new InvalidDataException($"{Path.Combine(folder, stray)}: belongs to no component; expected a package of {Own}.deps.json or a file of ours");
        }

        return
        [
            new Component { Name = Own, Version = version, Licence = "MIT", Delivery = Delivery.Shipped, Files = [.. rest.Where(file => file != Own)] },
            new Component { Name = "Microsoft.NETCore.App.Host", Version = HostVersion(Path.Combine(folder, Own)), Licence = "MIT", Delivery = Delivery.Shipped, Files = [Own] },
            Script("chart.js", "Chart.js ", assets),
            Script("@kurkle/color", "@kurkle/color ", assets),
            .. packages,
        ];
    }

    // The program's launcher is .NET's, under our name.
    private static bool IsOwn(string file) =>
        file is Own or "libhybrid.so" or "LICENSE" or "THIRD-PARTY-NOTICES.md"
        || file.StartsWith($"{Own}.", StringComparison.Ordinal) || file.StartsWith("Hybrid.", StringComparison.Ordinal);

    private static string[] Files(JsonElement target, string library) =>
        target.GetProperty(library).TryGetProperty("runtime", out JsonElement files) ? [.. files.EnumerateObject().Select(file => Path.GetFileName(file.Name))] : [];

    private static Component Package(string name, string version, string[] files, string cache)
    {
        string id = name.ToLowerInvariant(), path = Path.Combine(cache, id, version, $"{id}.nuspec");
        XElement? licence = XDocument.Load(path).Descendants().FirstOrDefault(element => element.Name.LocalName == "license" && element.Attribute("type")?.Value == "expression");
        return new Component
        {
            Name = name,
            Version = version,
            Licence = licence?.Value ?? throw new InvalidDataException($"{path}: names no licence; expected <license type=\"expression\">"),
            Delivery = Delivery.Shipped,
            Url = $"pkg:nuget/{name}@{version}",
            Files = files,
        };
    }

    // .NET's launcher says so among its bytes: "@(#)Version 10.0.1226.42308 @Commit…".
    private static string HostVersion(string path)
    {
        const string Mark = "@(#)Version ";
        string bytes = Encoding.Latin1.GetString(File.ReadAllBytes(path));
        int at = bytes.IndexOf(Mark, StringComparison.Ordinal);
        return at < 0 ? throw new InvalidDataException($"{path}: expected .NET's launcher, with '{Mark}…' in it") : bytes[(at + Mark.Length)..].Split(' ', 2)[0];
    }

    private static Component Script(string name, string mark, string assets)
    {
        string path = Path.Combine(assets, "chart.LICENSE.txt");
        string? line = File.ReadLines(path).FirstOrDefault(line => line.StartsWith(mark, StringComparison.Ordinal));
        string version = line?[mark.Length..].Split([' ', ','])[0] ?? throw new InvalidDataException($"{path}: expected a line '{mark}VERSION'");
        return new Component { Name = name, Version = version, Licence = "MIT", Delivery = Delivery.Shipped, Url = $"pkg:npm/{name.Replace("@", "%40", StringComparison.Ordinal)}@{version}", Files = ["Hybrid.Orchestrator.dll"] };
    }
}
