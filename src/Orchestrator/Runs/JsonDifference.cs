using System.Text.Json.Nodes;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Runs;

/// <summary>A value that is not what it was.</summary>
/// <param name="Field">Where it stands: <c>curve.hits[2]</c>; empty for the whole.</param>
/// <param name="Then">What it was, as JSON; "absent" where there was none.</param>
/// <param name="Now">What it is.</param>
internal sealed record JsonDifference(string Field, string Then, string Now)
{
    private const string Absent = "absent";

    /// <summary>Between two JSON values, in the first one's order; numbers are equal only where they are written alike.</summary>
    /// <param name="then">The first.</param>
    /// <param name="now">The second.</param>
    /// <param name="ignored">Names of fields that are not looked at, wherever they stand.</param>
    public static IEnumerable<JsonDifference> Between(JsonNode? then, JsonNode? now, IReadOnlyCollection<string> ignored) => Between(string.Empty, then, now, ignored);

    private static IEnumerable<JsonDifference> Between(string field, JsonNode? then, JsonNode? now, IReadOnlyCollection<string> ignored) => (then, now) switch
    {
        (JsonObject a, JsonObject b) =>
            from name in a.Select(entry => entry.Key).Union(b.Select(entry => entry.Key))
            where !ignored.Contains(name)
            let shown = WeightIndex.Shown(name) // it may be anybody's
            let inner = field.Length == 0 ? shown : $"{field}.{shown}"
            from difference in a.ContainsKey(name) && b.ContainsKey(name)
                ? Between(inner, a[name], b[name], ignored)
                : [new JsonDifference(inner, a.ContainsKey(name) ? Text(a[name]) : Absent, b.ContainsKey(name) ? Text(b[name]) : Absent)]
            select difference,
        (JsonArray a, JsonArray b) =>
            from i in Enumerable.Range(0, Math.Max(a.Count, b.Count))
            let inner = FormattableString.Invariant($"{field}[{i}]")
            from difference in i < a.Count && i < b.Count
                ? Between(inner, a[i], b[i], ignored)
                : [new JsonDifference(inner, i < a.Count ? Text(a[i]) : Absent, i < b.Count ? Text(b[i]) : Absent)]
            select difference,
        _ => Text(then) == Text(now) ? [] : [new JsonDifference(field, Text(then), Text(now))],
    };

    private static string Text(JsonNode? node) => node?.ToJsonString() ?? "null";
}
