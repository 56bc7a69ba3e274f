using Hybrid.Sbom;

if (args is not [var published, var repository, var output])
{
    Console.Error.WriteLine("usage: Hybrid.Sbom PUBLISHED_FOLDER REPOSITORY OUTPUT.json");
    return 2;
}

string cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } named
    ? named
    : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
Component[] components =
[
    .. Shipped.Components(published, cache, Path.Combine(repository, "src", "Orchestrator", "Reporting", "Assets")),
    Runtime.Component(published),
    .. LinkedLibraries.Components(Path.Combine(published, "libhybrid.so")),
];
File.WriteAllText(output, CycloneDx.Write(components));
foreach (Component component in components.Where(component => component.Delivery != Delivery.Behind))
{
    Console.WriteLine($"{component.Delivery.ToString().ToLowerInvariant(),-8} {component.Name,-50} {component.Version,-22} {component.Licence}");
}

Console.WriteLine($"and {components.Count(component => component.Delivery == Delivery.Behind)} packages that these need; all of them with licences and files: {output}");
return 0;
