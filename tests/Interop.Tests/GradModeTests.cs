using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

public sealed class GradModeTests : LedgerTest
{
    [Fact]
    public void NothingIsRecordedWhileItIsOff()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor weight = Make.Parameter(1, ElementType.Float64, 2);
        Assert.True(weight.Square().RequiresGrad);
        using (GradMode.Off())
        {
            Assert.False(weight.Square().RequiresGrad);
            Assert.False(Transformer.RmsNorm(weight.Reshape(1, 2), weight, 0).RequiresGrad);
            Assert.True(weight.RequiresGrad); // the leaf itself is as it was
        }

        Assert.True(weight.Square().RequiresGrad);
    }

    [Fact]
    public void ItMayBeNested()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor weight = Make.Parameter(1, ElementType.Float64, 2);
        using (GradMode.Off())
        {
            using (GradMode.Off())
            {
            }

            Assert.False(weight.Square().RequiresGrad);
        }

        Assert.True(weight.Square().RequiresGrad);
    }

    [Fact]
    public void AnExceptionTurnsItOnAgain()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor weight = Make.Parameter(1, ElementType.Float64, 2);
        Assert.Throws<InvalidOperationException>(Fail);
        Assert.True(weight.Square().RequiresGrad);

        static void Fail()
        {
            using GradMode off = GradMode.Off();
            throw new InvalidOperationException();
        }
    }

    [Fact]
    public void ItIsTheThreadsOwn()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor weight = Make.Parameter(1, ElementType.Float64, 2);
        using GradMode off = GradMode.Off();
        bool recorded = false;
        Concurrently.Run(() =>
        {
            using Tensor square = weight.Square();
            recorded = square.RequiresGrad;
        });

        Assert.True(recorded);
        Assert.False(weight.Square().RequiresGrad);
    }
}
