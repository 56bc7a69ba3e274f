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
