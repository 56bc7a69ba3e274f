using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using Hybrid.Orchestrator.Data;

namespace Hybrid.Orchestrator.Runs;

/// <summary>
/// Fills settings records from a configuration file and back: a key for every property that can be set, spelled in kebab case, with whole
/// numbers, numbers, booleans, texts, enumerations, further records and lists of these as values. A required property without a value in the
/// file or in the defaults is an error, and so is a key that no property has.
/// </summary>
/// <param name="file">The file's name, for errors.</param>
/// <param name="readers">How values of some types are read in place of the rules here; told the value and the key.</param>
/// <param name="open">The section whose name and type settings choose themselves, where they have one.</param>
internal sealed class SettingsBinder(string file, IReadOnlyDictionary<Type, Func<YamlValue, string, object>>? readers = null, OpenSection? open = null)
{
    /// <summary>Makes a record.</summary>
    /// <param name="type">The record's type; it has a constructor without parameters.</param>
    /// <param name="section">The file's values.</param>
    /// <param name="path">The section's own key with a dot after it, for errors; empty at the top.</param>
    /// <param name="defaults">A record of the same type to take from what the file does not give, or null.</param>
    /// <exception cref="HybridException">Config: the message names file, line and key.</exception>
    public object Read(Type type, YamlMapping section, string path, object? defaults)
    {
        PropertyInfo[] properties = Properties(type);
        foreach ((YamlScalar key, _) in section.Entries)
        {
            string[] known = [.. properties.Select(property => KeyOf(property, open))];
            if (!known.Contains(key.Text))
            {
                throw YamlTree.At(file, key.Line, $"unknown key '{path}{key.Text}'; did you mean '{NearestName.Of(key.Text, known)}'?");
            }
        }

        object record = Activator.CreateInstance(type)!;
        foreach (PropertyInfo property in properties)
        {
            string key = KeyOf(property, open);
            object? inherited = defaults is null ? null : property.GetValue(defaults);
            if (section.Entries.FirstOrDefault(entry => entry.Key.Text == key).Value is { } value)
            {
                property.SetValue(record, Convert(property.PropertyType, value, path + key, inherited));
            }
            else if (defaults is not null)
            {
                property.SetValue(record, inherited);
            }
            else if (property.IsDefined(typeof(RequiredMemberAttribute)))
            {
                throw YamlTree.At(file, section.Line, $"key '{path}{key}' is missing; expected {Expected(TypeOf(property.PropertyType))}, or a preset to take it from");
            }
        }

        return record;
    }

    /// <summary>The record as nested dictionaries with the file's keys, in the order of declaration; absent parts are left out.</summary>
    public static IReadOnlyDictionary<string, object> Write(object record, OpenSection? open = null)
    {
        var result = new OrderedDictionary<string, object>();
        foreach (PropertyInfo property in Properties(record.GetType()))
        {
            if (property.GetValue(record) is { } value)
            {
                result.Add(KeyOf(property, open), WriteValue(value));
            }
        }

        return result;
    }

    private static object WriteValue(object value) => value switch
    {
        Enum choice => KebabCase.Of(choice.ToString()),
        int or long or ulong or double or bool or string => value,
        IEnumerable items => items.Cast<object>().Select(WriteValue).ToArray(),
        _ => Write(value),
    };

    private static PropertyInfo[] Properties(Type type) => [.. type.GetProperties(BindingFlags.Instance | BindingFlags.Public).Where(property => property.CanWrite)];

    private static string KeyOf(PropertyInfo property, OpenSection? open) => open is not null && property.PropertyType == open.Declared ? open.Key : KebabCase.Of(property.Name);

    private Type TypeOf(Type declared) => open is not null && declared == open.Declared ? open.Type : declared;

    private object Convert(Type declared, YamlValue value, string key, object? defaults)
    {
        Type type = TypeOf(Nullable.GetUnderlyingType(declared) ?? declared);
        if (readers?.GetValueOrDefault(type) is { } read)
        {
            return read(value, key);
        }

        if (value is YamlList list && ElementOf(type) is { } element)
        {
            Array items = Array.CreateInstance(element, list.Items.Count);
            for (int i = 0; i < items.Length; i++)
            {
                items.SetValue(Convert(element, list.Items[i], $"{key}.{i}", null), i);
            }

            return items;
        }

        if (value is YamlMapping section && IsSection(type))
        {
            return Read(type, section, key + ".", defaults);
        }

        if (value is YamlScalar scalar && !IsSection(type) && ElementOf(type) is null && Parse(type, scalar) is { } parsed)
        {
            return parsed;
        }

        throw YamlTree.At(file, value.Line, $"{key}: expected {Expected(type)}, found {value.Description}");
    }

    private static object? Parse(Type type, YamlScalar scalar)
    {
        const NumberStyles Whole = NumberStyles.AllowLeadingSign;
        if (type.IsEnum)
        {
            return Enum.GetValues(type).Cast<object>().FirstOrDefault(value => KebabCase.Of(value.ToString()!) == scalar.Text);
        }

        if (type == typeof(string))
        {
            return scalar.Text.Length > 0 ? scalar.Text : null;
        }

        if (scalar.Quoted)
        {
            return null;
        }

        return Type.GetTypeCode(type) switch
        {
            TypeCode.Int32 => int.TryParse(scalar.Text, Whole, CultureInfo.InvariantCulture, out int number) ? number : null,
            TypeCode.Int64 => long.TryParse(scalar.Text, Whole, CultureInfo.InvariantCulture, out long number) ? number : null,
            TypeCode.UInt64 => ulong.TryParse(scalar.Text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : null,
            TypeCode.Double => double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) ? number : null,
            TypeCode.Boolean => scalar.Text switch { "true" => true, "false" => false, _ => null },
            _ => throw new NotSupportedException($"settings cannot hold a {type}"),
        };
    }

    private static bool IsSection(Type type) => Type.GetTypeCode(type) == TypeCode.Object && ElementOf(type) is null;

    /// <summary>What a list holds; null for what is no list.</summary>
    private static Type? ElementOf(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? type.GetGenericArguments()[0] : null;

    private static string Expected(Type type) => Type.GetTypeCode(type) switch
    {
        _ when type.IsEnum => string.Join(" or ", Enum.GetNames(type).Select(KebabCase.Of)),
        _ when ElementOf(type) is { } element => $"a list, each {Expected(element)}",
        _ when Nullable.GetUnderlyingType(type) is { } underlying => Expected(underlying),
        TypeCode.Int32 or TypeCode.Int64 => "a whole number",
        TypeCode.UInt64 => "a whole number from 0",
        TypeCode.String => "a text",
        TypeCode.Double => "a number",
        TypeCode.Boolean => "true or false",
        _ => $"a section with {string.Join(", ", Properties(type).Select(property => KebabCase.Of(property.Name)))}",
    };
}

/// <summary>A section whose key and type stand in the settings themselves, such as the options of the method that they name.</summary>
/// <param name="Declared">The type by which the record's property is declared.</param>
/// <param name="Key">The section's key.</param>
/// <param name="Type">The type of what is in it.</param>
internal sealed record OpenSection(Type Declared, string Key, Type Type);
