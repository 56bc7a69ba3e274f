using System.Text.Encodings.Web;
using System.Text.Json;

namespace Hybrid.Orchestrator.Data;

/// <summary>
/// Writes invented people in the layout of RTT's <c>random_bd</c>: per split the questions, and the right, random wrong and fixed wrong
/// texts.
/// </summary>
internal static class BirthdayFiles
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Makes the folder, complete or not at all, and gives back its path.</summary>
    public static string Write(string folder, IReadOnlyDictionary<string, Birthday[]> splits, bool overwrite)
    {
        try
        {
            CheckTarget(folder, overwrite);
            string parent = Path.GetDirectoryName(Path.GetFullPath(folder))!;
            string fresh = Path.Combine(parent, $".{Path.GetFileName(folder)}-{Guid.NewGuid():N}");
            Directory.CreateDirectory(fresh);
            try
            {
                foreach ((string split, Birthday[] people) in splits)
                {
                    WriteSplit(fresh, split, people);
                }

                AtomicFile.ReplaceFolder(folder, fresh);
            }
            finally
            {
                if (Directory.Exists(fresh))
                {
                    Directory.Delete(fresh, recursive: true);
                }
            }

            return folder;
        }
        catch (Exception error) when (FileFault.Is(error))
        {
            throw FileFault.Of(folder, "cannot be written", error);
        }
    }

    private static void CheckTarget(string folder, bool overwrite)
    {
        if (File.Exists(folder))
        {
            throw new HybridException(ErrorKind.Config, $"{folder}: is a file; expected a folder or nothing");
        }

        if (!Directory.Exists(folder))
        {
            return;
        }

        string[] entries = Directory.GetFileSystemEntries(folder);
        if (entries.Length > 0 && !overwrite)
        {
            throw new HybridException(
                ErrorKind.Config, $"{folder}: is there and holds {entries.Length} entries; name another folder or allow overwriting");
        }

        // Overwriting replaces a dataset. A folder with anything else in it is not one, and was most likely named by mistake.
        string? foreign = entries.FirstOrDefault(entry => Directory.Exists(entry) || !entry.EndsWith(".jsonl", StringComparison.Ordinal));
        if (foreign is not null)
        {
            throw new HybridException(
                ErrorKind.Config, $"{foreign}: is no data file; expected nothing but .jsonl files in a folder to overwrite");
        }
    }

    private static void WriteSplit(string folder, string split, Birthday[] people)
    {
        WriteRows(Path.Combine(folder, DatasetDefinition.QuestionFile(split)), people, WriteQuestion);
        WriteRows(
            Path.Combine(folder, DatasetDefinition.CorpusFile(split)),
            people.SelectMany(person => person.Facts),
            (json, text) => WriteText(json, text, split));
        WriteRows(
            Path.Combine(folder, DatasetDefinition.RandomWrongFile(split)),
            people.SelectMany(person => person.RandomWrongFacts.Select(text => (person, text))),
            (json, row) => WriteWrongText(json, row.person, row.text, split));
        WriteRows(
            Path.Combine(folder, DatasetDefinition.FixedWrongFile(split)),
            people.SelectMany(person => person.FixedWrongFacts.Select(text => (person, text))),
            (json, row) => WriteWrongText(json, row.person, row.text, split));
    }

    private static void WriteRows<T>(string path, IEnumerable<T> rows, Action<Utf8JsonWriter, T> writeFields)
    {
        using FileStream file = new(path, FileMode.CreateNew);
        foreach (T row in rows)
        {
            using (Utf8JsonWriter json = new(file, Options))
            {
                json.WriteStartObject();
                writeFields(json, row);
                json.WriteEndObject();
            }

            file.WriteByte((byte)'\n');
        }
    }

    private static void WriteQuestion(Utf8JsonWriter json, Birthday person)
    {
        json.WriteString("question", person.Question);
        WriteYears(json, "choices", person.Years);
        json.WriteNumber("answer", person.Answer);
    }

    private static void WriteText(Utf8JsonWriter json, string text, string split)
    {
        json.WriteString("text", text);
        json.WriteString("split", split);
    }

    private static void WriteWrongText(Utf8JsonWriter json, Birthday person, string text, string split)
    {
        WriteText(json, text, split);
        json.WriteString("original_question", person.Question);
        json.WriteNumber("correct_answer", person.Years[person.Answer]);
        WriteYears(json, "wrong_answers", person.WrongYears);
    }

    private static void WriteYears(Utf8JsonWriter json, string name, IEnumerable<int> years)
    {
        json.WriteStartArray(name);
        foreach (int year in years)
        {
            json.WriteNumberValue(year);
        }

        json.WriteEndArray();
    }
}
