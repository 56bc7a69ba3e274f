using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Runs;

/// <summary>
/// Settings of an unlearning run as YAML: <c>method</c>, the properties of <see cref="UnlearningSettings"/>, and a section of the method's name with the
/// properties of its options, all in kebab case. With <c>preset: NAME</c> as the first key, what is not given is that preset's; without, every key is needed.
/// Reading is strict: an unknown or repeated key, a value of another type, an anchor, alias or tag is an error that names file and line.
/// </summary>
public static class SettingsYaml
{
    private const string MethodKey = "method";

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="registry">The methods there are; null for Hybrid's.</param>
    /// <exception cref="HybridException">Config: missing, malformed, or settings that have no meaning, all problems of which stand in one line.</exception>
    public static UnlearningSettings Load(string path, HybridRegistry? registry = null) => Bind(path, YamlTree.Load(path), registry ?? HybridRegistry.BuiltIn);

    /// <summary>Reads a text; <paramref name="file"/> is its name in errors.</summary>
    /// <exception cref="HybridException">Config, as for <see cref="Load"/>.</exception>
    public static UnlearningSettings Parse(string file, string text, HybridRegistry? registry = null) => Bind(file, YamlTree.Parse(file, text), registry ?? HybridRegistry.BuiltIn);

    /// <summary>Makes settings of a section that may begin with a preset; <paramref name="part"/> names the section in errors about what the values mean.</summary>
    internal static UnlearningSettings Bind(string file, YamlMapping root, HybridRegistry registry, string? part = null)
    {
        (string? preset, YamlMapping rest) = YamlPreset.Take(file, root, UnlearningPresets.Names);
        (string method, YamlMapping section) = TakeMethod(file, rest, registry);
        UnlearningSettings? defaults = preset is null ? null : registry.Preset(preset, method);
        UnlearningSettings settings = Bind(file, section, SectionOf(method, registry.OptionsOf(method)), defaults);
        if (settings.MethodName != method)
        {
            throw new ArgumentException($"options {settings.Options.GetType()} call their method '{settings.MethodName}', and were registered as those of '{method}'", nameof(registry));
        }

        HybridException.ThrowIfAny(ErrorKind.Config, part is null ? file : $"{file}: {part}", settings.Validate());
        return settings;
    }

    /// <summary>The settings with what the section gives in place; not validated.</summary>
    internal static UnlearningSettings Bind(string file, YamlMapping section, UnlearningSettings defaults) =>
        Bind(file, section, SectionOf(defaults.MethodName, defaults.Options.GetType()), defaults);

    /// <summary>The settings as YAML that <see cref="Parse"/> reads back to an equal value.</summary>
    public static string Write(UnlearningSettings settings) => YamlText.Write(ToObject(settings));

    /// <summary>
    /// The settings as nested dictionaries of texts, numbers and booleans, for JSON. The keys are the file's, so that the JSON text, which
    /// is YAML too, can be given as a configuration file again.
    /// </summary>
    public static IReadOnlyDictionary<string, object> ToObject(UnlearningSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        IReadOnlyDictionary<string, object> rest = SettingsBinder.Write(settings, SectionOf(settings.MethodName, settings.Options.GetType()));
        var sections = rest.OrderBy(entry => entry.Key == settings.MethodName); // stable: the method's options come last
        return new OrderedDictionary<string, object>([KeyValuePair.Create<string, object>(MethodKey, settings.MethodName), .. sections]);
    }

    private static UnlearningSettings Bind(string file, YamlMapping section, OpenSection options, UnlearningSettings? defaults) =>
        (UnlearningSettings)new SettingsBinder(file, open: options).Read(typeof(UnlearningSettings), section, string.Empty, defaults);

    private static OpenSection SectionOf(string method, Type options) => new(typeof(IMethodOptions), method, options);

    /// <summary>The method's name, and the section without it; sections of other methods beside it are an error.</summary>
    private static (string Method, YamlMapping Section) TakeMethod(string file, YamlMapping section, HybridRegistry registry)
    {
        YamlValue? method = section.Entries.FirstOrDefault(entry => entry.Key.Text == MethodKey).Value;
        if (method is not YamlScalar { Text: var name } || !registry.MethodNames.Contains(name))
        {
            throw YamlTree.At(file, (method ?? section).Line, $"{MethodKey}: expected {string.Join(" or ", registry.MethodNames)}, found {method?.Description ?? "no such key"}");
        }

        return section.Entries.FirstOrDefault(entry => entry.Key.Text != name && registry.MethodNames.Contains(entry.Key.Text)).Key is { } other
            ? throw YamlTree.At(file, other.Line, $"{other.Text}: options of another method stand beside method '{name}'")
            : (name, section with { Entries = [.. section.Entries.Where(entry => entry.Key.Text != MethodKey)] });
    }
}
