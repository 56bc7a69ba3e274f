using System.Security.Cryptography;
using System.Text;

namespace UnlearningService;

/// <summary>Lets requests pass that bring the token, and nobody else: whatever is mapped later is behind it.</summary>
internal sealed class TokenGate(RequestDelegate next, ServiceSettings settings)
{
    /// <summary>What needs no token: it tells only that the service answers.</summary>
    public const string OpenPath = "/health";

    private const string Scheme = "Bearer ";

    private readonly byte[] expected = Digest(settings.Token!);

    /// <summary>Passes the request on, or answers 401.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        string given = context.Request.Headers.Authorization.ToString();
        if (context.Request.Path == OpenPath
            || (given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && CryptographicOperations.FixedTimeEquals(Digest(given[Scheme.Length..]), expected)))
        {
            return next(context);
        }

        context.Response.Headers.WWWAuthenticate = Scheme.TrimEnd();
        return TypedResults.Problem("expected the header 'Authorization: Bearer TOKEN' with this service's token", statusCode: StatusCodes.Status401Unauthorized).ExecuteAsync(context);
    }

    /// <summary>Digests have one length, so that comparing them tells nothing of the token's.</summary>
    private static byte[] Digest(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
