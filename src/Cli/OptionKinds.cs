using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Hybrid.Orchestrator.Runs;

namespace Hybrid.Cli;

/// <summary>Options by the kind of their value. A value without meaning is an error of the command line that names the option.</summary>
internal static class OptionKinds
{
    /// <summary>A whole number, null where it is not given.</summary>
    public static Option<int?> Count(string name, string description, int least = 1, int most = int.MaxValue) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result => Parse<int?>(
            result,
            most == int.MaxValue ? $"a whole number of at least {least}" : $"a whole number from {least} to {most}",
            text => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most ? value : null),
    };

    /// <summary>The path of something to be written; it must not be empty.</summary>
    public static string? ParsePath(ArgumentResult result) => Parse(result, "a path", text => text.Length > 0 ? text : null);

    /// <summary>A number above or from zero, null where it is not given.</summary>
    public static Option<double?> Number(string name, string description, bool zero = false) => new(name)
    {
        Description = description,
        HelpName = "X",
        CustomParser = result => Parse<double?>(
            result, zero ? "a number of at least 0" : "a number above 0", text => ParseNumber(text) is { } value && (zero || value > 0) ? value : null),
    };

    /// <summary>A number of bytes: plain, or with KB, MB, GB, TB (powers of 1000) behind it; null where it is not given.</summary>
    public static Option<long?> Bytes(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "BYTES",
        CustomParser = result => Parse<long?>(result, "a number of bytes such as 24GB", ParseBytes),
    };

    /// <summary>Numbers above zero with commas between, null where it is not given.</summary>
    public static Option<double[]?> Numbers(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "X,X,…",
        CustomParser = result => Parse(result, "numbers above 0 with commas between", text =>
        {
            double?[] values = [.. text.Split(',').Select(ParseNumber)];
            return values.All(value => value > 0) ? [.. values.Select(value => value!.Value)] : default(double[]?);
        }),
    };

    /// <summary>Whole numbers above zero with commas between, null where it is not given.</summary>
    public static Option<int[]?> Counts(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N,N,…",
        CustomParser = result => Parse(result, "whole numbers above 0 with commas between", text =>
        {
            int[] values = [.. text.Split(',').Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : 0)];
            return values.All(value => value > 0) ? values : null;
        }),
    };

    /// <summary>Positions from 0 with commas between, or one number for that many from the first; null where it is not given.</summary>
    public static Option<int[]?> Folds(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N|I,I,…",
        CustomParser = result => Parse(result, "a number of at least 1, or positions from 0 with commas between", text =>
        {
            int?[] values =
            [
                .. text.TrimEnd(',').Split(',').Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : default(int?)),
            ];
            bool list = text.Contains(',');
            return values.Any(value => value is null) || (!list && values[0] is < 1 or > 1000) ? null
                : list ? [.. values.Select(value => value!.Value)]
                : Enumerable.Range(0, values[0]!.Value).ToArray();
        }),
    };

    /// <summary>A name of an enumeration's value, null where it is not given.</summary>
    public static Option<T?> Choice<T>(string name, string description)
        where T : struct, Enum => new(name)
        {
            Description = description,
            HelpName = string.Join('|', KebabCase.NamesOf<T>()),
            CustomParser = result => Parse(result, $"one of {string.Join(", ", KebabCase.NamesOf<T>())}", KebabCase.Find<T>),
        };

    /// <summary>Names of an enumeration's values with commas between, none twice; null where it is not given.</summary>
    public static Option<T[]?> Choices<T>(string name, string description)
        where T : struct, Enum => new(name)
        {
            Description = description,
            HelpName = string.Join(',', KebabCase.NamesOf<T>()),
            CustomParser = result => Parse(result, $"some of {string.Join(", ", KebabCase.NamesOf<T>())} with commas between, none twice", text =>
            {
                T?[] values = [.. text.Split(',').Select(KebabCase.Find<T>)];
                return values.All(value => value is not null) && values.Distinct().Count() == values.Length ? [.. values.Select(value => value!.Value)] : default(T[]?);
            }),
        };

    /// <summary>One of several names, null where it is not given.</summary>
    public static Option<string?> OneOf(string name, string description, IReadOnlyList<string> names) => new(name)
    {
        Description = description,
        HelpName = string.Join('|', names),
        CustomParser = result => Parse(result, $"one of {string.Join(", ", names)}", text => names.Contains(text) ? text : null),
    };

    /// <summary>A seed.</summary>
    public static Option<ulong> Seed(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => 1,
        CustomParser = result => Parse<ulong?>(
            result,
            $"a whole number from 0 to {ulong.MaxValue}",
            text => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null) ?? 0,
    };

    /// <summary>A switch that is off where it is not given.</summary>
    public static Option<bool> Switch(string name, string description) => new(name) { Description = description };

    private static double? ParseNumber(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) && value >= 0 ? value : null;

    private static long? ParseBytes(string text)
    {
        string[] units = ["KB", "MB", "GB", "TB"];
        int unit = Array.FindIndex(units, suffix => text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase));
        double bytes = (ParseNumber(unit < 0 ? text : text[..^2].TrimEnd()) ?? 0) * Math.Pow(1000, unit + 1);
        return bytes is >= 1 and < long.MaxValue ? (long)bytes : null;
    }

    /// <summary>The parsed value; where parsing gives null, an error that says what was expected.</summary>
    private static T? Parse<T>(ArgumentResult result, string expected, Func<string, T?> parse)
    {
        string text = result.Tokens[0].Value;
        T? value = parse(text);
        if (value is null)
        {
            string name = result.Parent is OptionResult option ? option.Option.Name : result.Argument.Name;
            result.AddError($"{name}: '{text}' is not {expected}");
        }

        return value;
    }
}
