using System.ComponentModel;
using System.Diagnostics;

namespace Hybrid.Interop;

/// <summary>The PyTorch of the machine's python3, found without importing it.</summary>
internal static class PythonTorch
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Asks python3 for the folder of its package torch.</summary>
    /// <param name="program">python3, or a path to it.</param>
    /// <returns>The folder, or why there is none, in words.</returns>
    public static (string? Folder, string Found) Find(string program)
    {
        // Python looks for packages in its working folder first; in ours there may be anybody's.
        var start = new ProcessStartInfo(program, ["-c", "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"])
        {
            WorkingDirectory = "/", RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        try
        {
            using Process process = Process.Start(start)!;
            process.StandardInput.Close();
            Task<string> error = process.StandardError.ReadToEndAsync();
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            if (!process.WaitForExit(Patience))
            {
                process.Kill(entireProcessTree: true);
                return (null, $"{program} did not answer in {Patience.TotalSeconds} s");
            }

            string folder = output.Result.Trim();
            return process.ExitCode == 0 && Directory.Exists(folder) ? (folder, folder) : (null, $"{program} has no torch");
        }
        catch (Win32Exception)
        {
            return (null, $"there is no {program}");
        }
    }
}
