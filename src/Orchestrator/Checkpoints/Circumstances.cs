using System.Text.Json.Nodes;

namespace Hybrid.Orchestrator.Checkpoints;

/// <summary>What a kept result depends on, as a JSON object: results of other circumstances are another run's.</summary>
internal static class Circumstances
{
    /// <summary>The first property that two of them do not share, with its JSON in both, null where one lacks it; null where they are the same.</summary>
    public static (string Key, string Kept, string Now)? FirstDifference(JsonObject kept, JsonObject now)
    {
        foreach (string key in now.Select(entry => entry.Key).Union(kept.Select(entry => entry.Key)))
        {
            (string there, string here) = (Text(kept, key), Text(now, key));
            if (here != there)
            {
                return (key, there, here);
            }
        }

        return null;

        static string Text(JsonObject node, string key) => node[key]?.ToJsonString() ?? "null";
    }
}
