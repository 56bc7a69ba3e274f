using System.Globalization;
using System.Text;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Runs;

/// <summary>
/// Settings of an unlearning run as YAML. The keys are the properties of <see cref="UnlearningSettings"/> and of the records in it, in
/// kebab case. With <c>preset: NAME</c> as the first key, what is not given is that preset's; without, every key is needed. Reading is
/// strict: an unknown or repeated key, a value of another type, an anchor, alias or tag is an error that names file and line.
/// </summary>
public static class SettingsYaml
{
    private const string PresetKey = "preset";
    private const string MethodKey = "method";

    /// <summary>Reads a file.</summary>
    /// <exception cref="HybridException">Config: missing, malformed, or settings that have no meaning, all problems of which stand in one line.</exception>
    public static UnlearningSettings Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string text;
        try
        {
            text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path));
        }
        catch (DecoderFallbackException error)
        {
            throw new HybridException(ErrorKind.Config, $"{path}: holds bytes that are not UTF-8", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.Config, $"{path}: {(Path.Exists(path) ? error.Message : "no such file")}", error);
        }

        return Parse(path, text);
    }

    /// <summary>Reads a text; <paramref name="file"/> is its name in errors.</summary>
    /// <exception cref="HybridException">Config, as for <see cref="Load"/>.</exception>
    public static UnlearningSettings Parse(string file, string text)
    {
        YamlMapping root = YamlTree.Parse(file, text);
        UnlearningSettings? preset = null;
        int at = root.Entries.ToList().FindIndex(entry => entry.Key.Text == PresetKey);
        if (at >= 0)
        {
            (YamlScalar key, YamlValue value) = root.Entries[at];
            if (at > 0)
            {
                throw YamlTree.At(file, key.Line, $"key '{PresetKey}' must be the first");
            }

            root = root with { Entries = [.. root.Entries.Skip(1)] };
            preset = FindPreset(file, value, root);
        }

        var settings = (UnlearningSettings)new SettingsBinder(file).Read(typeof(UnlearningSettings), root, string.Empty, preset);
        HybridException.ThrowIfAny(ErrorKind.Config, file, settings.Validate());
        return settings;
    }

    /// <summary>The settings as YAML that <see cref="Parse"/> reads back to an equal value.</summary>
    public static string Write(UnlearningSettings settings)
    {
        StringBuilder text = new();
        Append(text, ToObject(settings), indent: 0);
        return text.ToString();
    }

    /// <summary>
    /// The settings as nested dictionaries of texts, numbers and booleans, for JSON. The keys are the file's, so that the JSON text, which
    /// is YAML too, can be given as a configuration file again.
    /// </summary>
    public static IReadOnlyDictionary<string, object> ToObject(UnlearningSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return SettingsBinder.Write(settings);
    }

    private static UnlearningSettings FindPreset(string file, YamlValue name, YamlMapping rest)
    {
        if (name is not YamlScalar { Text: var preset } || !UnlearningPresets.Names.Contains(preset))
        {
            throw YamlTree.At(file, name.Line, $"{PresetKey}: expected {string.Join(" or ", UnlearningPresets.Names)}, found {name.Description}");
        }

        YamlValue? method = rest.Entries.FirstOrDefault(entry => entry.Key.Text == MethodKey).Value;
        return method is YamlScalar { Text: var text } && KebabCase.Find<MethodKind>(text) is { } kind
            ? UnlearningPresets.Find(preset, kind)
            : throw YamlTree.At(
                file,
                (method ?? rest).Line,
                $"{MethodKey}: expected {string.Join(" or ", KebabCase.NamesOf<MethodKind>())}, found {method?.Description ?? "no such key"}");
    }

    private static void Append(StringBuilder text, IReadOnlyDictionary<string, object> section, int indent)
    {
        foreach ((string key, object value) in section)
        {
            text.Append(' ', indent).Append(key).Append(':');
            if (value is IReadOnlyDictionary<string, object> inner)
            {
                text.Append('\n');
                Append(text, inner, indent + 2);
            }
            else
            {
                text.Append(' ').Append(Format(value)).Append('\n');
            }
        }
    }

    private static string Format(object value) => value switch
    {
        bool truth => truth ? "true" : "false",
        double number => number.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e'),
        _ => string.Create(CultureInfo.InvariantCulture, $"{value}"),
    };
}
