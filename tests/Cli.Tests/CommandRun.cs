using System.Text.Json;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>The outcome of one command line, run in this process.</summary>
internal sealed record CommandRun(int Code, string Output, string Error)
{
    /// <summary>Runs a command line.</summary>
    public static CommandRun Of(params string[] arguments) => Of(new StringWriter(), default, arguments);

    /// <summary>Runs a command line with a writer for standard error and a token.</summary>
    public static CommandRun Of(TextWriter error, CancellationToken cancellation, params string[] arguments)
    {
        var output = new StringWriter();
        int code = CommandLine.RunAsync(arguments, output, error, cancellation).GetAwaiter().GetResult();
        return new CommandRun(code, output.ToString(), error.ToString()!);
    }

    /// <summary>Runs a command line that must succeed on what is typed in.</summary>
    public static CommandRun Typed(string input, params string[] arguments) => Typed(input, ExitCode.Success, arguments);

    /// <summary>Runs a command line on what is typed in; its exit code must be the given one.</summary>
    public static CommandRun Typed(string input, int code, params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        int actual = CommandLine.RunAsync(arguments, output, error, input: new StringReader(input)).GetAwaiter().GetResult();
        Assert.True(actual == code, $"exit code {actual} and not {code}: {error}");
        return new CommandRun(actual, output.ToString(), error.ToString());
    }

    /// <summary>The result as the JSON object on standard output, where nothing else stands.</summary>
    public JsonElement Json => JsonDocument.Parse(Output).RootElement;

    /// <summary>Runs a command that must succeed.</summary>
    public static CommandRun Good(params string[] arguments)
    {
        CommandRun run = Of(arguments);
        Assert.True(run.Code == ExitCode.Success, $"exit code {run.Code}: {run.Error}");
        Assert.DoesNotContain('\u001b', run.Output + run.Error);
        return run;
    }

    /// <summary>Runs a command that must fail with a code and one line that says all the given things.</summary>
    public static CommandRun Bad(int code, string[] arguments, params string[] said)
    {
        CommandRun run = Of(arguments);
        Assert.True(run.Code == code, $"exit code {run.Code} and not {code}: {run.Error}");
        Assert.Empty(run.Output);
        Assert.Matches(@"\Ahybrid: [^\n]+\n\z", run.Error);
        Assert.All(said, part => Assert.Contains(part, run.Error, StringComparison.Ordinal));
        return run;
    }
}
