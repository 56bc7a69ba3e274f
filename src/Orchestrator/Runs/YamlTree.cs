using System.Globalization;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Hybrid.Orchestrator.Runs;

/// <summary>A value of a configuration file, with the line where it stands.</summary>
internal abstract record YamlValue(int Line)
{
    /// <summary>What it is, for errors.</summary>
    public abstract string Description { get; }
}

/// <summary>A number, word or text.</summary>
internal sealed record YamlScalar(int Line, string Text, bool Quoted) : YamlValue(Line)
{
    public override string Description => Text.Length == 0 ? "nothing" : $"'{(Text.Length <= 40 ? Text : Text[..37] + "...").ReplaceLineEndings(" ")}'";
}

/// <summary>A list with its elements in the file's order.</summary>
internal sealed record YamlList(int Line, IReadOnlyList<YamlValue> Items) : YamlValue(Line)
{
    public override string Description => "a list";
}

/// <summary>Keys with values, in the file's order, no key twice.</summary>
internal sealed record YamlMapping(int Line, IReadOnlyList<KeyValuePair<YamlScalar, YamlValue>> Entries) : YamlValue(Line)
{
    public override string Description => "a section";
}

/// <summary>
/// Reads the plain part of YAML: one document of mappings, lists and scalars. Anchors, aliases, tags and repeated keys are errors, so that
/// a value stands exactly where one reads it.
/// </summary>
internal static class YamlTree
{
    private const int MaximumDepth = 16;

    /// <summary>Reads a file.</summary>
    /// <exception cref="HybridException">Config: missing, not UTF-8, or not this part of YAML; the message names file and line.</exception>
    public static YamlMapping Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            return Parse(path, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path)));
        }
        catch (DecoderFallbackException error)
        {
            throw new HybridException(ErrorKind.Config, $"{path}: holds bytes that are not UTF-8", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.Config, $"{path}: {(Path.Exists(path) ? error.Message : "no such file")}", error);
        }
    }

    /// <exception cref="HybridException">Config: not this part of YAML; the message names file and line.</exception>
    public static YamlMapping Parse(string file, string text)
    {
        try
        {
            var parser = new Parser(new Scanner(new StringReader(text)));
            parser.Consume<StreamStart>();
            if (parser.Accept<StreamEnd>(out _))
            {
                throw new HybridException(ErrorKind.Config, $"{file}: holds no setting");
            }

            parser.Consume<DocumentStart>();
            YamlValue root = Read(file, parser, 0);
            parser.Consume<DocumentEnd>();
            if (parser.Accept<DocumentStart>(out DocumentStart? second))
            {
                throw At(file, second.Start, "a second document begins; expected one");
            }

            return root as YamlMapping ?? throw At(file, root.Line, $"expected 'key: value' lines, found {root.Description}");
        }
        catch (YamlException error)
        {
            throw new HybridException(ErrorKind.Config, $"{file}:{error.Start.Line}: not valid YAML: {error.Message.ReplaceLineEndings(" ").TrimEnd('.')}", error);
        }
        catch (Exception error) when (error is not HybridException)
        {
            // The YAML library meets some malformed input with exceptions that are not its own.
            throw new HybridException(ErrorKind.Config, $"{file}: not valid YAML: {error.Message.ReplaceLineEndings(" ").TrimEnd('.')}", error);
        }
    }

    /// <summary>An error in a line of a file; line 0 is for values that stand in none.</summary>
    public static HybridException At(string file, int line, string problem) => new(ErrorKind.Config, line > 0 ? $"{file}:{line}: {problem}" : $"{file}: {problem}");

    /// <summary>
    /// The tree with one value replaced or added. The path's segments are keys, or positions in lists from 0, with dots between; sections on
    /// the way are made where they are not there. A key that itself holds dots, as those of grids do, is found as it stands.
    /// </summary>
    /// <exception cref="HybridException">Config: the path leads through a plain value, or to a position that a list does not have.</exception>
    public static YamlMapping With(YamlMapping root, string path, YamlValue value) => (YamlMapping)With(root, path.Split('.'), 0, path, value);

    private static YamlValue With(YamlValue at, string[] segments, int depth, string path, YamlValue value)
    {
        if (depth == segments.Length)
        {
            return value;
        }

        string segment = segments[depth];
        switch (at)
        {
            case YamlMapping mapping:
                string rest = string.Join('.', segments[depth..]);
                if (mapping.Entries.Any(candidate => candidate.Key.Text == rest))
                {
                    return mapping with { Entries = [.. mapping.Entries.Select(old => old.Key.Text == rest ? new(old.Key, value) : old)] };
                }

                int entry = mapping.Entries.ToList().FindIndex(candidate => candidate.Key.Text == segment);
                YamlScalar key = entry >= 0 ? mapping.Entries[entry].Key : new YamlScalar(value.Line, segment, false);
                YamlValue inner = With(entry >= 0 ? mapping.Entries[entry].Value : new YamlMapping(value.Line, []), segments, depth + 1, path, value);
                KeyValuePair<YamlScalar, YamlValue> changed = new(key, inner);
                return mapping with
                {
                    Entries = entry < 0 ? [.. mapping.Entries, changed] : [.. mapping.Entries.Select((old, i) => i == entry ? changed : old)],
                };
            case YamlList list when int.TryParse(segment, NumberStyles.None, CultureInfo.InvariantCulture, out int position) && position < list.Items.Count:
                return list with { Items = [.. list.Items.Select((item, i) => i == position ? With(item, segments, depth + 1, path, value) : item)] };
            default:
                string found = at is YamlList items ? $"a list of {items.Items.Count}" : at.Description;
                throw new HybridException(ErrorKind.Config, $"{path}: there is no '{segment}' in {(depth == 0 ? "the file" : string.Join('.', segments[..depth]))}, which is {found}");
        }
    }

    private static HybridException At(string file, Mark mark, string problem) => At(file, (int)mark.Line, problem);

    private static YamlValue Read(string file, Parser parser, int depth)
    {
        ParsingEvent next = parser.Consume<ParsingEvent>();
        if (next is AnchorAlias)
        {
            throw At(file, next.Start, "aliases (*name) are not allowed in settings");
        }

        if (next is NodeEvent { Anchor.IsEmpty: false })
        {
            throw At(file, next.Start, "anchors (&name) are not allowed in settings");
        }

        if (next is NodeEvent { Tag.IsEmpty: false })
        {
            throw At(file, next.Start, "tags (!name) are not allowed in settings");
        }

        if (depth > MaximumDepth)
        {
            throw At(file, next.Start, $"sections are nested deeper than {MaximumDepth}");
        }

        int line = (int)next.Start.Line;
        switch (next)
        {
            case Scalar scalar:
                return new YamlScalar(line, scalar.Value, scalar.Style is not ScalarStyle.Plain);
            case SequenceStart:
                var items = new List<YamlValue>();
                while (!parser.TryConsume<SequenceEnd>(out _))
                {
                    items.Add(Read(file, parser, depth + 1));
                }

                return new YamlList(line, items);
            default:
                return new YamlMapping(line, ReadEntries(file, parser, depth));
        }
    }

    private static List<KeyValuePair<YamlScalar, YamlValue>> ReadEntries(string file, Parser parser, int depth)
    {
        var entries = new List<KeyValuePair<YamlScalar, YamlValue>>();
        var lineOfKey = new Dictionary<string, int>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            YamlValue key = Read(file, parser, depth + 1);
            if (key is not YamlScalar name)
            {
                throw At(file, key.Line, $"expected a key, found {key.Description}");
            }

            if (!lineOfKey.TryAdd(name.Text, name.Line))
            {
                throw At(file, name.Line, $"key '{name.Text}' stands twice; first in line {lineOfKey[name.Text]}");
            }

            entries.Add(new(name, Read(file, parser, depth + 1)));
        }

        return entries;
    }
}
