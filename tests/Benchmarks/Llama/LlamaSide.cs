using System.Text.Json.Nodes;

namespace Hybrid.Benchmarks.Llama;

/// <summary>One side of the comparison: a process that is started when it is needed and ended when its memory is.</summary>
/// <param name="name">For errors.</param>
/// <param name="start">Starts the process.</param>
internal sealed class LlamaSide(string name, Func<JsonProcess> start) : IDisposable
{
    private readonly List<double[]> values = [];
    private JsonProcess? process;
    private string prepared = "";

    /// <summary>The most bytes of tensors on the device at any time of the latest preparation; 0 where the side does not count them.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>What every run since the last preparation has computed, the one that is not counted first.</summary>
    public IReadOnlyList<double[]> Values => values;

    /// <summary>Starts, loads fresh weights and does the work once uncounted, unless the very same was prepared last: so both sides see the same weights in the same turn.</summary>
    public void Prepare(JsonObject load, JsonObject request)
    {
        string wanted = load.ToJsonString() + request.ToJsonString();
        if (prepared == wanted)
        {
            return;
        }

        prepared = "";
        values.Clear();
        Ask(load);
        Run(request);
        PeakBytes = Ask(new JsonObject { ["op"] = "memory" })["bytes"]!.GetValue<long>(); // ends the counting: no run that is timed is slowed by it
        prepared = wanted;
    }

    /// <summary>Makes the next preparation load the weights anew.</summary>
    public void Renew() => prepared = "";

    /// <summary>Does the work: its seconds.</summary>
    public double Run(JsonObject request)
    {
        JsonObject answer = Ask(request);
        values.Add(answer["values"] is JsonArray computed ? [.. computed.Select(value => value!.GetValue<double>())] : []);
        return answer["seconds"]!.GetValue<double>();
    }

    /// <summary>Asks the process, which is started if need be.</summary>
    /// <exception cref="LlamaSideException">It cannot be started, or answered with an error.</exception>
    public JsonObject Ask(JsonObject request)
    {
        try
        {
            process ??= start();
            return process.Ask(request);
        }
        catch (Exception error) when (error is IOException or InvalidOperationException)
        {
            End(); // an allocation that failed may have left anything behind
            throw new LlamaSideException(this, $"{name}: {request["op"]}: {error.Message}");
        }
    }

    /// <summary>Ends the process; its memory is free when this returns.</summary>
    public void End()
    {
        process?.Dispose();
        process = null;
        prepared = "";
    }

    public void Dispose() => End();
}

/// <summary>A side could not do what it was asked for.</summary>
internal sealed class LlamaSideException(LlamaSide side, string message) : Exception(message)
{
    public LlamaSide Side => side;
}
