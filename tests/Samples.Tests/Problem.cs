using System.Text.Json.Nodes;
using Xunit;

namespace Hybrid.Samples.Tests;

/// <summary>An answer that says what was wrong.</summary>
internal static class Problem
{
    /// <summary>Holds an answer to be a problem+json of a status whose detail contains a text.</summary>
    public static async Task ExpectAsync(HttpResponseMessage answer, int status, string detail)
    {
        string body = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode == status, $"{(int)answer.StatusCode} and not {status}: {body}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
        JsonNode problem = JsonNode.Parse(body)!;
        Assert.Equal(status, (int)problem["status"]!);
        Assert.Contains(detail, (string?)problem["detail"] ?? string.Empty, StringComparison.Ordinal);
    }
}
