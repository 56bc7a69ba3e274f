using System.Reflection;
using Hybrid.Interop;
using Xunit;
using Xunit.Sdk;

namespace Hybrid.Cli.Tests;

/// <summary>Every test of the class must give back the native handles it takes; what fixtures hold is not counted.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class LeakLedgerAttribute : BeforeAfterTestAttribute
{
    private long before;

    public override void Before(MethodInfo methodUnderTest) => before = Runtime.LiveHandles;

    public override void After(MethodInfo methodUnderTest) =>
        Assert.True(Runtime.LiveHandles == before, $"{methodUnderTest.Name} began with {before} live native handles and ended with {Runtime.LiveHandles}");
}
