using System.Diagnostics;
using Hybrid.Interop;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Verification;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Verification;

/// <summary>Fresh reference folders of other seeds, sizes and kinds than the committed ones.</summary>
[LeakLedger]
public sealed class ReferenceImplementationTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [ReferenceTheory]
    [InlineData("--seed 1")]
    [InlineData("--seed 2 --layers 2 --dim 24 --heads 6 --kv 6 --ffn 40 --vocab 50")] // as many key-value heads as heads
    [InlineData("--seed 3 --layers 1 --dim 32 --heads 4 --kv 1 --ffn 17 --vocab 33 --tied")] // one layer, odd sizes
    [InlineData("--seed 4 --tied --rope-scaling llama3")]
    [InlineData("--seed 5 --layers 2 --rope-scaling llama3 --rope-theta 500000")]
    [InlineData("--seed 6 --layers 4 --dim 64 --heads 4 --kv 2 --ffn 130 --vocab 300")]
    [InlineData("--seed 7 --float64")]
    [InlineData("--seed 9 --layers 3 --tied")]
    [InlineData("--seed 20 --layers 2 --dim 64 --heads 8 --kv 2 --ffn 96 --rope-scaling llama3 --rope-theta 500000")] // Llama 3.1's ratio, four heads a key-value head

    // In float32 this seed's ten steps with Lion part from float64's in the reference implementation itself, from the eighth on: signs of momenta near zero.
    [InlineData("--seed 10 --layers 2 --dim 64 --heads 8 --kv 2 --ffn 96 --rope-scaling llama3 --rope-theta 500000 --float64")]
    [InlineData("--seed 11 --float64 --layers 2 --dim 48 --heads 6 --kv 2 --rope-scaling llama3")]
    [InlineData("--seed 12 --float64 --layers 2 --tied")]
    [InlineData("--seed 8 --float64 --tied --rope-scaling llama3 --layers 3 --dim 20 --heads 5 --kv 5 --ffn 28 --vocab 41")]
    public void EveryQuantityAgrees(string options)
    {
        var start = new ProcessStartInfo(ReferenceTheoryAttribute.Python) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])[SharedData.Find(ReferenceTheoryAttribute.Program)!, folder.Path, .. options.Split(' ')])
        {
            start.ArgumentList.Add(argument);
        }

        using (Process process = Process.Start(start)!)
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            string errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"{output.Result}{errors}");
        }

        Assert.All(ParityCheck.Run(folder.Path, Device.Cpu), row => Assert.True(row.Passed, $"{row.Quantity}: {row.MaximumRelative:0.0e+0}, {row.Tolerance:0e+0} is allowed; {row.Note}"));
    }

    /// <summary>A theory that needs the reference implementation and a Python with PyTorch, and is skipped with the reason without.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class ReferenceTheoryAttribute : TheoryAttribute
    {
        public const string Python = "/usr/bin/python3";
        public const string Program = "reference/oracle.py";
        private static readonly Lazy<string?> Missing = new(FindMissing);

        public ReferenceTheoryAttribute() => Skip = Missing.Value;

        private static string? FindMissing()
        {
            if (SharedData.Find(Program) is null)
            {
                return $"needs {Program} in ../shared (or in the folder that HYBRID_SHARED names), which is not there";
            }

            try
            {
                using Process process = Process.Start(Python, ["-c", "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"]);
                process.WaitForExit();
                return process.ExitCode == 0 ? null : $"needs PyTorch in {Python}, which has none";
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return $"needs {Python} with PyTorch, which is not there";
            }
        }
    }
}
