using Hybrid.Interop;
using Hybrid.Orchestrator;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>What users read of errors that cannot be made at will.</summary>
public sealed class ExitCodeTests
{
    private const string Advice = "a smaller batch size, --activation-checkpointing on and --second-model-on-host on take less";

    [Fact]
    public void MemoryOfTheHost()
    {
        const string Message = "transformer_linear: [enforce fail at alloc_cpu.cpp:75] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 3276800 bytes. Error code 12 (Cannot allocate memory)\n";

        (int code, string line) = ExitCode.Of(new NativeException(NativeStatus.OutOfMemory, Message));

        Assert.Equal(21, code);
        Assert.StartsWith("out of memory: transformer_linear wants 3.3 MB more of the host, which are not there; " + Advice, line, StringComparison.Ordinal);
    }

    [Fact]
    public void MemoryOfADevice()
    {
        (int code, string line) = ExitCode.Of(new NativeException(NativeStatus.OutOfMemory, "transformer_linear: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 79.10 GiB total capacity)"));

        Assert.Equal(21, code);
        Assert.StartsWith("out of memory: transformer_linear: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 79.10 GiB total capacity); " + Advice, line, StringComparison.Ordinal);
    }

    [Fact]
    public void MemoryOfTheRuntime() => Assert.Equal(21, ExitCode.Of(new OutOfMemoryException()).Code);

    [Fact]
    public void MemoryThatWasPlanned() => Assert.Equal((21, "stage 'unlearn' takes too much"), ExitCode.Of(new HybridException(ErrorKind.Memory, "stage 'unlearn' takes too much")));
}
