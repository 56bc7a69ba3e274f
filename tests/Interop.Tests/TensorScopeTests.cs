using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

public sealed class TensorScopeTests : LedgerTest
{
    [Fact]
    public void TensorsEndWithTheirScope()
    {
        long before = Runtime.LiveHandles;
        Tensor tensor, result;
        using (TensorScope scope = TensorScope.Begin())
        {
            tensor = Make.Doubles([2], 1, 2);
            result = tensor + tensor;
            Assert.Equal(before + 2, Runtime.LiveHandles);
        }

        Assert.Equal(before, Runtime.LiveHandles);
        Assert.Throws<ObjectDisposedException>(() => tensor.Shape);
        Assert.Throws<ObjectDisposedException>(() => result.Shape);
    }

    [Fact]
    public void WithoutAScopeTheOwnerDisposes()
    {
        Tensor tensor = Make.Doubles([1], 5);
        using (TensorScope scope = TensorScope.Begin())
        {
            _ = tensor + tensor;
        }

        Assert.Equal(5, tensor.Item());
        tensor.Dispose();
        tensor.Dispose(); // twice is once
    }

    [Fact]
    public void AnInnerScopeFreesOnlyItsOwn()
    {
        using TensorScope outer = TensorScope.Begin();
        Tensor kept = Make.Doubles([1], 3);
        Tensor dropped;
        using (TensorScope inner = TensorScope.Begin())
        {
            dropped = Make.Doubles([1], 4);
        }

        Assert.Equal(3, kept.Item());
        Assert.Throws<ObjectDisposedException>(() => dropped.Item());
    }

    [Fact]
    public void KeepHandsATensorToTheScopeOutside()
    {
        Tensor kept;
        using (TensorScope outer = TensorScope.Begin())
        {
            using (TensorScope inner = TensorScope.Begin())
            {
                kept = inner.Keep(Make.Doubles([1], 6));
            }

            Assert.Equal(6, kept.Item());
        }

        Assert.Throws<ObjectDisposedException>(() => kept.Item());
    }

    [Fact]
    public void KeepHandsATensorToTheCallerWhereThereIsNoScopeOutside()
    {
        Tensor kept;
        using (TensorScope scope = TensorScope.Begin())
        {
            kept = scope.Keep(Make.Doubles([1], 7));
        }

        Assert.Equal(7, kept.Item());
        kept.Dispose();
    }

    // Not the innermost scope's tensor: it goes one scope outwards from where it is, here to the caller.
    [Fact]
    public void KeepWorksOnAScopeThatIsNotTheInnermost()
    {
        Tensor kept;
        using (TensorScope outer = TensorScope.Begin())
        {
            Tensor tensor = Make.Doubles([1], 8);
            using TensorScope inner = TensorScope.Begin();
            kept = outer.Keep(tensor);
        }

        Assert.Equal(8, kept.Item());
        kept.Dispose();
    }

    [Fact]
    public void KeepRefusesATensorOfAnotherScope()
    {
        using TensorScope outer = TensorScope.Begin();
        Tensor tensor = Make.Doubles([1], 9);
        using TensorScope inner = TensorScope.Begin();
        bool refused = false;
        try
        {
            inner.Keep(tensor);
        }
        catch (InvalidOperationException)
        {
            refused = true;
        }

        Assert.True(refused);
        Assert.Equal(9, tensor.Item());
    }

    [Fact]
    public void OutsideOwnsNothing()
    {
        Tensor parameter, later;
        using (TensorScope step = TensorScope.Begin())
        {
            using (TensorScope.Outside())
            {
                parameter = Make.Doubles([1], 10);
                using (TensorScope inner = TensorScope.Begin())
                {
                    _ = parameter + parameter;
                    later = inner.Keep(Make.Doubles([1], 11)); // handed to no one
                }
            }

            _ = Make.Doubles([1], 0); // the step's again
        }

        Assert.Equal(10, parameter.Item());
        Assert.Equal(11, later.Item());
        parameter.Dispose();
        later.Dispose();
    }

    [Fact]
    public void ScopesEndInnermostFirst()
    {
        TensorScope outer = TensorScope.Begin();
        Tensor tensor = Make.Doubles([1], 12);
        TensorScope inner = TensorScope.Begin();
        Assert.True(IsRefused(outer));
        Assert.Equal(12, tensor.Item());

        inner.Dispose();
        Assert.True(IsRefused(inner)); // it has ended already
        outer.Dispose();
        Assert.True(IsRefused(outer));
        Assert.True(IsRefused(default));
        Assert.Throws<ObjectDisposedException>(() => tensor.Item());
    }

    [Fact]
    public void AnExceptionEndsTheScope()
    {
        Tensor? tensor = null;
        Assert.Throws<NativeException>(() =>
        {
            using TensorScope scope = TensorScope.Begin();
            tensor = Make.Doubles([2], 1, 2);
            _ = tensor + Make.Doubles([3], 1, 2, 3);
        });

        Assert.Throws<ObjectDisposedException>(() => tensor!.Shape);
    }

    [Fact]
    public void EveryThreadHasItsOwnScopes()
    {
        Tensor? other = null;
        using (TensorScope scope = TensorScope.Begin())
        {
            Concurrently.Run(() => other = Make.Doubles([1], 13));
        }

        Assert.Equal(13, other!.Item());
        other.Dispose();
    }

    [Fact]
    public void ATensorThatIsDisposedEarlyIsFreedOnce()
    {
        long before = Runtime.LiveHandles;
        using (TensorScope scope = TensorScope.Begin())
        {
            Tensor tensor = Make.Doubles([1], 14);
            tensor.Dispose();
            Assert.Equal(before, Runtime.LiveHandles);
        }

        Assert.Equal(before, Runtime.LiveHandles);
    }

    private static bool IsRefused(TensorScope scope)
    {
        try
        {
            scope.Dispose();
            return false;
        }
        catch (InvalidOperationException)
        {
            return true;
        }
    }
}
