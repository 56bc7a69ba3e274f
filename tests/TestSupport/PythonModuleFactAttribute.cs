using System.ComponentModel;
using System.Diagnostics;
using Xunit;

namespace Hybrid.TestSupport;

/// <summary>The machine's python3, for comparing with what others read from our files.</summary>
public static class PythonModule
{
    /// <summary>Runs a program with arguments and gives what it prints.</summary>
    /// <exception cref="InvalidOperationException">There is no python3, or the program fails.</exception>
    public static string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo("python3", ["-c", program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : throw new InvalidOperationException(error.Result);
        }
        catch (Win32Exception missing)
        {
            throw new InvalidOperationException("there is no python3", missing);
        }
    }

    /// <summary>Whether python3 is there and imports a module.</summary>
    public static bool IsThere(string module)
    {
        try
        {
            Run($"import {module}");
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}

/// <summary>A fact that needs a module of python3, and is skipped, with the reason in the report, where it cannot be imported.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PythonModuleFactAttribute : FactAttribute
{
    /// <param name="module">The module's name.</param>
    public PythonModuleFactAttribute(string module)
    {
        if (!PythonModule.IsThere(module))
        {
            Skip = $"needs python3 with the module {module}, which cannot be imported here";
        }
    }
}
