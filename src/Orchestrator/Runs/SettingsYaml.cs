using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Runs;

/// <summary>
/// Settings of an unlearning run as YAML. The keys are the properties of <see cref="UnlearningSettings"/> and of the records in it, in
/// kebab case. With <c>preset: NAME</c> as the first key, what is not given is that preset's; without, every key is needed. Reading is
/// strict: an unknown or repeated key, a value of another type, an anchor, alias or tag is an error that names file and line.
/// </summary>
public static class SettingsYaml
{
    private const string MethodKey = "method";

    /// <summary>Reads a file.</summary>
    /// <exception cref="HybridException">Config: missing, malformed, or settings that have no meaning, all problems of which stand in one line.</exception>
    public static UnlearningSettings Load(string path) => Bind(path, YamlTree.Load(path));

    /// <summary>Reads a text; <paramref name="file"/> is its name in errors.</summary>
    /// <exception cref="HybridException">Config, as for <see cref="Load"/>.</exception>
    public static UnlearningSettings Parse(string file, string text) => Bind(file, YamlTree.Parse(file, text));

    /// <summary>Makes settings of a section that may begin with a preset; <paramref name="part"/> names the section in errors about what the values mean.</summary>
    internal static UnlearningSettings Bind(string file, YamlMapping root, string? part = null)
    {
        (string? preset, YamlMapping rest) = YamlPreset.Take(file, root, UnlearningPresets.Names);
        UnlearningSettings? defaults = preset is null ? null : UnlearningPresets.Find(preset, MethodOf(file, rest));
        var settings = (UnlearningSettings)new SettingsBinder(file).Read(typeof(UnlearningSettings), rest, string.Empty, defaults);
        HybridException.ThrowIfAny(ErrorKind.Config, part is null ? file : $"{file}: {part}", settings.Validate());
        return settings;
    }

    /// <summary>The settings as YAML that <see cref="Parse"/> reads back to an equal value.</summary>
    public static string Write(UnlearningSettings settings) => YamlText.Write(ToObject(settings));

    /// <summary>
    /// The settings as nested dictionaries of texts, numbers and booleans, for JSON. The keys are the file's, so that the JSON text, which
    /// is YAML too, can be given as a configuration file again.
    /// </summary>
    public static IReadOnlyDictionary<string, object> ToObject(UnlearningSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return SettingsBinder.Write(settings);
    }

    private static MethodKind MethodOf(string file, YamlMapping section)
    {
        YamlValue? method = section.Entries.FirstOrDefault(entry => entry.Key.Text == MethodKey).Value;
        return method is YamlScalar { Text: var text } && KebabCase.Find<MethodKind>(text) is { } kind
            ? kind
            : throw YamlTree.At(
                file,
                (method ?? section).Line,
                $"{MethodKey}: expected {string.Join(" or ", KebabCase.NamesOf<MethodKind>())}, found {method?.Description ?? "no such key"}");
    }
}
