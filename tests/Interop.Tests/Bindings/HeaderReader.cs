using System.Globalization;
using System.Text.RegularExpressions;

namespace Hybrid.Interop.Tests.Bindings;

/// <summary>
/// Reads the dialect of C99 that native/include/hybrid is written in, and nothing else: include guards, constant macros, opaque structs and
/// prototypes over fixed-size types. Whatever it does not know is an error, so that a header cannot outgrow the drift test unseen.
/// </summary>
internal sealed partial class HeaderReader
{
    /// <summary>What base types are called in the bindings. The opaque structs come to these as they are declared.</summary>
    private static readonly Dictionary<string, string> FixedTypes = new()
    {
        ["void"] = "void",
        ["char"] = "byte",
        ["int32_t"] = "int",
        ["int64_t"] = "long",
        ["uint64_t"] = "ulong",
        ["double"] = "double",
    };

    private readonly Dictionary<string, string> aliases = [];
    private readonly HashSet<string> macros = ["HYB_BINDINGS"];
    private readonly Stack<bool> active = new([true]);
    private readonly Declarations found = new();
    private readonly List<string> code = [];

    /// <summary>Reads headers in the order of their inclusion.</summary>
    /// <exception cref="FormatException">Something that the dialect does not have.</exception>
    public static Declarations Read(params IEnumerable<string> headers)
    {
        var reader = new HeaderReader();
        foreach (string header in headers)
        {
            reader.ReadHeader(header);
        }

        return reader.found;
    }

    private void ReadHeader(string text)
    {
        code.Clear();
        foreach (string line in Comment().Replace(text, " ").Split('\n').Select(line => line.Trim()))
        {
            if (line.StartsWith('#'))
            {
                Directive(line);
            }
            else if (active.Peek())
            {
                code.Add(line);
            }
        }

        Require(active.Count == 1, "a conditional is not closed");
        string[] statements = string.Join(' ', code).Split(';');
        Require(string.IsNullOrWhiteSpace(statements[^1]), $"'{statements[^1].Trim()}' is not closed by a semicolon");
        foreach (string statement in statements[..^1])
        {
            Statement(Spaces().Replace(statement, " ").Trim());
        }
    }

    private void Directive(string line)
    {
        if (Condition().Match(line) is { Success: true } condition)
        {
            bool defined = macros.Contains(condition.Groups["name"].Value);
            active.Push(active.Peek() && defined != line.StartsWith("#ifndef", StringComparison.Ordinal));
        }
        else if (line == "#else")
        {
            Require(active.Count > 1, "an #else without a condition");
            bool taken = active.Pop();
            active.Push(active.Peek() && !taken);
        }
        else if (line == "#endif")
        {
            Require(active.Count > 1, "an #endif without a condition");
            active.Pop();
        }
        else if (active.Peek())
        {
            Definition(line);
        }
    }

    private void Definition(string line)
    {
        if (Include().IsMatch(line))
        {
            return;
        }

        Match macro = Macro().Match(line);
        Require(macro.Success, $"unknown directive '{line}'");
        string name = macro.Groups["name"].Value;
        Require(macros.Add(name), $"{name} is defined twice");
        if (macro.Groups["value"].Value is { Length: > 0 } value)
        {
            found.Constants.Add(name, long.Parse(value, CultureInfo.InvariantCulture));
        }
    }

    private void Statement(string statement)
    {
        if (OpaqueStruct().Match(statement) is { Success: true } opaque)
        {
            Require(found.OpaqueStructs.Add(opaque.Groups["name"].Value), $"'{statement}' stands twice");
        }
        else if (Alias().Match(statement) is { Success: true } alias)
        {
            Require(FixedTypes.ContainsKey(alias.Groups["type"].Value), $"'{statement}' names an unknown type");
            aliases.Add(alias.Groups["name"].Value, FixedTypes[alias.Groups["type"].Value]);
        }
        else
        {
            Match prototype = Prototype().Match(statement);
            Require(prototype.Success, $"'{statement}' is not a declaration of the dialect");
            string list = prototype.Groups["parameters"].Value.Trim();
            Require(list.Length > 0, $"'{statement}' has an empty list; say void");
            Parameter[] parameters = list == "void" ? [] : [.. list.Split(',').Select(ParameterOf)];
            Function function = new(prototype.Groups["name"].Value, TypeOf(prototype.Groups["result"].Value, allowVoid: true), parameters);
            Require(found.Functions.TryAdd(function.Name, function), $"{function.Name} is declared twice");
        }
    }

    private Parameter ParameterOf(string text)
    {
        Match parameter = NamedType().Match(text.Trim());
        Require(parameter.Success, $"'{text.Trim()}' is not a type and a name");
        return new Parameter(TypeOf(parameter.Groups["type"].Value, allowVoid: false), parameter.Groups["name"].Value);
    }

    /// <summary>A base type followed by pointers, const anywhere it may stand.</summary>
    private string TypeOf(string text, bool allowVoid)
    {
        Match type = Type().Match(text.Trim());
        Require(type.Success, $"'{text}' is not a type of the dialect");
        (string name, int pointers) = (type.Groups["base"].Value, text.Count(c => c == '*'));
        bool isOpaque = found.OpaqueStructs.Contains(name);
        Require(isOpaque || FixedTypes.ContainsKey(name) || aliases.ContainsKey(name), $"'{name}' is not a type of the dialect");
        Require(pointers > 0 || !isOpaque, $"{name} is passed by value");
        Require(pointers > 0 || allowVoid || name != "void", "a parameter of type void");
        string bound = isOpaque ? name : aliases.TryGetValue(name, out string? alias) ? alias : FixedTypes[name];
        return bound + new string('*', pointers);
    }

    private static void Require(bool condition, string problem)
    {
        if (!condition)
        {
            throw new FormatException(problem);
        }
    }

    [GeneratedRegex(@"/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    [GeneratedRegex(@"^#(ifdef|ifndef)\s+(?<name>\w+)$|^#if\s+defined\((?<name>\w+)\)$")]
    private static partial Regex Condition();

    [GeneratedRegex(@"^#include\s+(<\w+\.h>|""hybrid/\w+\.h"")$")]
    private static partial Regex Include();

    [GeneratedRegex(@"^#define\s+(?<name>HYB\w*)(\s+(?<value>\d+)|\s+\((?<value>-\d+)\))?$")]
    private static partial Regex Macro();

    [GeneratedRegex(@"^typedef struct (?<name>hyb_\w+) \k<name>$")]
    private static partial Regex OpaqueStruct();

    [GeneratedRegex(@"^typedef (?<type>\w+) (?<name>hyb_\w+)$")]
    private static partial Regex Alias();

    [GeneratedRegex(@"^HYB_API (?<result>[\w ]+?\s?\**) ?(?<name>hyb_\w+)\((?<parameters>[^()]*)\)$")]
    private static partial Regex Prototype();

    [GeneratedRegex(@"^(?<type>.*[\s*])(?<name>[a-z]\w*)$")]
    private static partial Regex NamedType();

    [GeneratedRegex(@"^(const )?(?<base>[a-z]\w*)( const)?( ?\*( ?const)?)*$")]
    private static partial Regex Type();
}
