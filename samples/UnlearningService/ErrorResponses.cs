using Hybrid.Interop;
using Hybrid.Orchestrator;
using Microsoft.AspNetCore.Diagnostics;

namespace UnlearningService;

/// <summary>
/// Turns what a request did wrong into application/problem+json with the error's own line. Everything else, a full disk for one, is a 500 that tells the
/// log what it was and the client nothing.
/// </summary>
internal sealed class ErrorResponses : IExceptionHandler
{
    /// <inheritdoc/>
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception error, CancellationToken cancellation)
    {
        int? status = error switch
        {
            BadHttpRequestException request => request.StatusCode,
            HybridException { Kind: not ErrorKind.Io } or NativeException => StatusCodes.Status400BadRequest,
            _ => null,
        };
        if (status is null)
        {
            return false;
        }

        await TypedResults.Problem(error.Message, statusCode: status).ExecuteAsync(context);
        return true;
    }
}
