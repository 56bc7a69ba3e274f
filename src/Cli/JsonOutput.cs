using System.Text.Json;
using System.Text.Json.Serialization;
using Hybrid.Orchestrator;

namespace Hybrid.Cli;

/// <summary>Results for machines: camel-case JSON, enums by name, numbers that JSON lacks as strings.</summary>
internal static class JsonOutput
{
    /// <summary>The file name that means standard output.</summary>
    public const string StandardOutput = "-";

    private static readonly JsonSerializerOptions Options = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    /// <summary>Makes sure that the file can be written, before the work whose result it is to hold.</summary>
    /// <exception cref="HybridException">Io: it cannot.</exception>
    public static void Check(string? file, string option = "--json")
    {
        if (file is null or StandardOutput)
        {
            return;
        }

        string folder = Path.GetDirectoryName(Path.GetFullPath(file)) ?? file;
        if (Directory.Exists(file) || !Directory.Exists(folder))
        {
            throw new HybridException(ErrorKind.Io, $"{option} {file}: {(Directory.Exists(file) ? "is a folder; a file is expected" : $"there is no folder {folder}")}");
        }

        AtomicFile.CheckWritable(file);
    }

    /// <summary>Writes the value to a file, whole or not at all, or to standard output; nothing where no file was asked for.</summary>
    public static void Write(CommandContext context, string? file, object value)
    {
        if (file is null)
        {
            return;
        }

        string text = JsonSerializer.Serialize(value, Options);
        if (file == StandardOutput)
        {
            context.WriteLine(text);
        }
        else
        {
            AtomicFile.WriteText(file, text + "\n");
        }
    }
}
