using System.Text.Json;

namespace Hybrid.Orchestrator;

/// <summary>Where and why a text is no JSON, or not the JSON that was expected, in the words of an error's one line.</summary>
internal static class JsonFault
{
    /// <summary>The line, counted from 1, and the reason, without .NET's own way of naming the place.</summary>
    public static string Of(Exception error)
    {
        string reason = error.Message.ReplaceLineEndings(" ");
        foreach (string place in new[] { " Path: ", " LineNumber: " })
        {
            int at = reason.IndexOf(place, StringComparison.Ordinal);
            reason = at < 0 ? reason : reason[..at];
        }

        reason = reason.TrimEnd(' ', '.', '|');
        return error is JsonException { LineNumber: { } line } ? FormattableString.Invariant($"line {line + 1}: {reason}") : reason;
    }
}
