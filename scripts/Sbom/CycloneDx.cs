using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hybrid.Sbom;

/// <summary>The list as CycloneDX 1.5 (https://cyclonedx.org/docs/1.5/json/). It has no date and no serial number: the same parts give the same bytes.</summary>
internal static class CycloneDx
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>The document; the first component is the program itself.</summary>
    public static string Write(IReadOnlyList<Component> components) => new JsonObject
    {
        ["bomFormat"] = "CycloneDX",
        ["specVersion"] = "1.5",
        ["version"] = 1,
        ["metadata"] = new JsonObject { ["component"] = Node(components[0], "application") },
        ["components"] = new JsonArray([.. components.Skip(1).Select(component => Node(component, "library"))]),
    }.ToJsonString(Indented) + "\n";

    private static JsonObject Node(Component component, string type)
    {
        var node = new JsonObject
        {
            ["type"] = type,
            ["bom-ref"] = component.Url ?? $"{component.Name}@{component.Version}",
            ["name"] = component.Name,
            ["version"] = component.Version,
        };
        if (type != "application")
        {
            node["scope"] = "required";
        }

        // Debian's short names are not all SPDX identifiers.
        node["licenses"] = new JsonArray(new JsonObject { ["license"] = new JsonObject { [component.Licence == "MIT" ? "id" : "name"] = component.Licence } });
        if (component.Url is not null)
        {
            node["purl"] = component.Url;
        }

        node["properties"] = new JsonArray(
        [
            new JsonObject { ["name"] = "hybrid:delivery", ["value"] = component.Delivery.ToString().ToLowerInvariant() },
            .. component.Files.Select(file => new JsonObject { ["name"] = "hybrid:file", ["value"] = file }),
        ]);
        return node;
    }
}
