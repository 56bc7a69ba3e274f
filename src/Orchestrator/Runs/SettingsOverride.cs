using System.Globalization;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Runs;

/// <summary>
/// Settings with single values of the method's section replaced. A value is named by its key in a configuration, with dots between the
/// levels: <c>retain-coefficient</c>, <c>optimizer.learning-rate</c>. KUnBR's gradient difference stands one level deeper, and its keys are
/// looked for there too, so that one key means the same in every method that has it.
/// </summary>
public static class SettingsOverride
{
    private const string Deeper = "pre-unlearning.";

    /// <summary>Whether the method has the setting.</summary>
    public static bool Has(this UnlearningSettings settings, string key) => PathOf(settings, key) is not null;

    /// <summary>The same with another value, a number, truth value or enumeration value as the setting's type asks for.</summary>
    /// <exception cref="HybridException">Config: the method has no such setting, or the value is of another type or has no meaning.</exception>
    public static UnlearningSettings With(this UnlearningSettings settings, string key, object value)
    {
        string path = PathOf(settings, key) ?? throw new HybridException(ErrorKind.Config, $"method {settings.MethodName} has no setting '{key}'");
        UnlearningSettings changed = With(settings, "settings", path, new YamlScalar(0, TextOf(value), Quoted: false));
        HybridException.ThrowIfAny(ErrorKind.Config, "settings", changed.Validate());
        return changed;
    }

    /// <summary>A value as configurations spell it.</summary>
    internal static string TextOf(object value) => value is Enum ? KebabCase.Of(value.ToString()!) : Convert.ToString(value, CultureInfo.InvariantCulture)!.ToLowerInvariant();

    /// <summary>The same with a value as it stands in a file.</summary>
    /// <exception cref="HybridException">Config: the message names file and line.</exception>
    internal static UnlearningSettings With(this UnlearningSettings settings, string file, YamlScalar key, YamlScalar value)
    {
        string path = PathOf(settings, key.Text) ?? throw YamlTree.At(file, key.Line, $"method {settings.MethodName} has no setting '{key.Text}'");
        UnlearningSettings changed = With(settings, file, path, value);
        HybridException.ThrowIfAny(ErrorKind.Config, file, changed.Validate());
        return changed;
    }

    private static UnlearningSettings With(UnlearningSettings settings, string file, string path, YamlScalar value) =>
        SettingsYaml.Bind(file, YamlTree.With(new YamlMapping(value.Line, []), path, value), settings);

    /// <summary>The path from the top of the settings; null where the method has no such setting.</summary>
    private static string? PathOf(UnlearningSettings settings, string key)
    {
        IReadOnlyDictionary<string, object> all = SettingsYaml.ToObject(settings);
        return new[] { key, Deeper + key }.Select(tail => $"{settings.MethodName}.{tail}").FirstOrDefault(path => Stands(all, path.Split('.')));
    }

    private static bool Stands(IReadOnlyDictionary<string, object> section, ReadOnlySpan<string> path) =>
        section.TryGetValue(path[0], out object? value) && (path.Length == 1 || (value is IReadOnlyDictionary<string, object> inner && Stands(inner, path[1..])));
}
