using Hybrid.Orchestrator.Runs;

namespace Hybrid.Orchestrator.Data;

/// <summary>
/// Reads a user's own dataset: a folder whose <c>dataset.yaml</c> names the files of each part. The files lie in the folder; no path, and
/// no link, leads out of it. docs/datasets.md describes the file.
/// </summary>
internal static class DatasetYaml
{
    public const string FileName = "dataset.yaml";
    public const string ForgetTextKey = "forget-text";
    public const string WrongTextKey = "wrong-text";
    public const string RetainTextKey = "retain-text";

    private const string NameKey = "name";
    private const string ForgetQuestionsKey = "forget-questions";
    private const string RetainQuestionsKey = "retain-questions";
    private const string DevQuestionsKey = "dev-questions";

    private static readonly string[] Keys =
        [NameKey, ForgetQuestionsKey, ForgetTextKey, WrongTextKey, RetainTextKey, RetainQuestionsKey, DevQuestionsKey];

    private static readonly string[] QuestionEndings = [".jsonl"];
    private static readonly string[] TextEndings = [".jsonl", ".txt"];

    /// <summary>Reads the folder's <c>dataset.yaml</c> and makes sure that every file in it is there.</summary>
    /// <exception cref="HybridException"><see cref="ErrorKind.DataFile"/>: the folder or a file is missing, or is not UTF-8;
    /// <see cref="ErrorKind.Config"/>: an unknown or missing key, a value of another type, a path out of the folder, a file named
    /// twice. The message names file and line.</exception>
    public static DatasetFiles Load(string folder)
    {
        string file = Path.Combine(folder, FileName);
        if (!Directory.Exists(folder))
        {
            throw new HybridException(
                ErrorKind.DataFile, File.Exists(folder) ? $"{folder}: is a file; expected the folder that holds the {FileName}" : $"{folder}: no such folder");
        }

        YamlMapping root = YamlTree.Parse(file, string.Join('\n', TextFile.ReadLines(file, JsonlReader.Throw)));
        foreach ((YamlScalar key, _) in root.Entries)
        {
            if (!Keys.Contains(key.Text))
            {
                throw YamlTree.At(file, key.Line, $"unknown key '{key.Text}'; did you mean '{NearestName.Of(key.Text, Keys)}'? Known are {string.Join(", ", Keys)}");
            }
        }

        var reader = new Reader(file, folder, root);
        return new()
        {
            Name = reader.Name(),
            Folder = folder,
            ForgetQuestions = reader.Splits(ForgetQuestionsKey),
            ForgetText = reader.Texts(ForgetTextKey),
            WrongText = reader.Texts(WrongTextKey),
            RetainText = reader.Texts(RetainTextKey),
            RetainQuestions = reader.Splits(RetainQuestionsKey),
            DevQuestions = reader.Files(DevQuestionsKey, QuestionEndings),
            OtherText = [],
        };
    }

    private sealed class Reader(string file, string folder, YamlMapping root)
    {
        private readonly string realFolder = RealPath.Of(folder);
        private readonly Dictionary<string, int> lineOfFile = new(StringComparer.Ordinal);

        public string Name()
        {
            YamlValue value = Find(NameKey) ?? throw Missing(NameKey, "a name for tables and reports");
            if (value is not YamlScalar { Text: { Length: > 0 } name } || !name.All(symbol => char.IsAsciiLetterOrDigit(symbol) || symbol is '-' or '_' or '.'))
            {
                throw YamlTree.At(file, value.Line, $"{NameKey}: expected letters, digits, '-', '_' and '.', found {value.Description}");
            }

            return DatasetCatalog.All.All(definition => definition.Name != name)
                ? name
                : throw YamlTree.At(file, value.Line, $"{NameKey}: '{name}' is one of the catalog's datasets; expected another name");
        }

        /// <summary>The question files of a part that every dataset has; no two make a split of the same name.</summary>
        public IReadOnlyList<string> Splits(string key)
        {
            IReadOnlyList<string> paths = Files(key, QuestionEndings);
            if (paths.Count == 0)
            {
                throw Missing(key, "a list of .jsonl files");
            }

            string? twice = paths.GroupBy(DatasetFiles.SplitOf, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1)?.Key;
            return twice is null ? paths : throw YamlTree.At(file, Find(key)!.Line, $"{key}: two files make a split '{twice}'; expected different file names");
        }

        public TextFiles Texts(string key) => new() { Paths = Files(key, TextEndings), HaveKnownFields = false };

        /// <summary>The files of a part, none where the key is absent.</summary>
        public IReadOnlyList<string> Files(string key, string[] endings)
        {
            YamlValue? value = Find(key);
            return value switch
            {
                null => [],
                YamlList { Items.Count: > 0 } list => Array.AsReadOnly<string>([.. list.Items.Select(item => FileOf(key, item, endings))]),
                _ => throw YamlTree.At(
                    file, value.Line, $"{key}: expected a list of files, such as [{key}{endings[0]}], found {(value is YamlList ? "an empty one" : value.Description)}"),
            };
        }

        private string FileOf(string key, YamlValue item, string[] endings)
        {
            if (item is not YamlScalar { Text: var name } || !endings.Any(ending => name.EndsWith(ending, StringComparison.OrdinalIgnoreCase)))
            {
                throw YamlTree.At(file, item.Line, $"{key}: expected a file that ends in {string.Join(" or ", endings)}, found {item.Description}");
            }

            // An absolute path or a '..' is refused as it is written; a link is only found by following it.
            if (Path.IsPathRooted(name) || name.Split('/').Contains(".."))
            {
                throw YamlTree.At(file, item.Line, $"{key}: '{name}' may lead out of the folder; expected a path inside it, without '..'");
            }

            string path = Path.Combine(folder, name);
            if (!File.Exists(path))
            {
                throw new HybridException(ErrorKind.DataFile, $"{file}:{item.Line}: {key}: {path}: no such file");
            }

            string real = RealPath.Of(path);
            if (!real.StartsWith(realFolder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                throw YamlTree.At(file, item.Line, $"{key}: '{name}' is a link to {real}, out of the folder; expected a file inside it");
            }

            return lineOfFile.TryAdd(real, item.Line)
                ? path
                : throw YamlTree.At(file, item.Line, $"{key}: '{name}' is named already in line {lineOfFile[real]}; expected each file once");
        }

        private YamlValue? Find(string key) => root.Entries.FirstOrDefault(entry => entry.Key.Text == key).Value;

        private HybridException Missing(string key, string expected) =>
            YamlTree.At(file, root.Line, $"key '{key}' is missing; expected {expected}");
    }
}
