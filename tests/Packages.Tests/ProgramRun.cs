using System.Diagnostics;
using System.Runtime.InteropServices;
using Xunit;

namespace Hybrid.Packages.Tests;

/// <summary>The outcome of a program.</summary>
internal sealed record ProgramRun(int Code, string Output, string Error)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>The folder of the .NET that runs these tests.</summary>
    public static string DotnetFolder { get; } = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

    /// <summary>Runs a program.</summary>
    /// <param name="folder">Its working folder.</param>
    /// <param name="environment">What is different in its environment; null removes a variable.</param>
    /// <param name="program">Its path, or its name on the PATH.</param>
    /// <param name="arguments">Its arguments.</param>
    public static ProgramRun Of(string folder, IReadOnlyDictionary<string, string?> environment, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };

        // Programs of .NET 10 must be found as a user's are, and leave no build servers behind; and what these tests run in is none of their business.
        start.Environment["DOTNET_ROOT"] = DotnetFolder;
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.Ordinal) && name != "MSBUILDDISABLENODEREUSE").ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment.Remove("HYBRID_LIBRARY");
        foreach ((string name, string? value) in environment)
        {
            start.Environment.Remove(name);
            if (value is not null)
            {
                start.Environment[name] = value;
            }
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{program} {string.Join(' ', arguments)}: not done in {Patience.TotalMinutes} minutes");
        }

        return new ProgramRun(process.ExitCode, output.Result, error.Result);
    }

    /// <summary>This run, which must have succeeded.</summary>
    public ProgramRun Good()
    {
        Assert.True(Code == 0, $"exit code {Code}: {Output}{Error}");
        return this;
    }
}
