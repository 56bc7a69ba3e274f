using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

public sealed class GraftTests : LedgerTest
{
    [Fact]
    public void StorageChangesPlaces()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor[] a = [Make.Doubles([2], 1, 2), Make.Doubles([1, 2], 3, 4)], b = [Make.Doubles([2], 5, 6), Make.Doubles([1, 2], 7, 8)];
        a[0].RequiresGrad = true;
        (ulong[] ofA, ulong[] ofB) = (Addresses(a), Addresses(b));
        long handles = Runtime.LiveHandles;

        Graft.Exchange(a, b);

        Assert.Equal(ofB, Addresses(a));
        Assert.Equal(ofA, Addresses(b));
        Assert.Equal([5.0, 6.0], a[0].ToArray<double>());
        Assert.Equal([3.0, 4.0], b[1].ToArray<double>());
        Assert.True(a[0].RequiresGrad); // the tensor's own, not the storage's
        Assert.False(b[0].RequiresGrad);
        Assert.Equal(handles, Runtime.LiveHandles);
    }

    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float64)]
    [InlineData(ElementType.BFloat16)]
    public void TwiceIsNothing(ElementType type)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor[] a = [.. Enumerable.Range(0, 5).Select(i => Make.Parameter(i, type, i + 1, 3))], b = [.. Enumerable.Range(0, 5).Select(i => Make.Parameter(50 + i, type, i + 1, 3))];
        Tensor[] copies = [.. a.Concat(b).Select(tensor => tensor.Clone())];
        ulong[] addresses = Addresses([.. a, .. b]);

        Graft.Exchange(a, b);
        Assert.All(a.Zip(copies), pair => Assert.NotEqual(0, pair.First.CountDifferent(pair.Second)));
        Graft.Exchange(a, b);

        Assert.Equal(addresses, Addresses([.. a, .. b]));
        Assert.All(a.Concat(b).Zip(copies), pair => Assert.Equal(0, pair.First.CountDifferent(pair.Second)));
    }

    [Fact]
    public void AnAliasMovesAlong()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Make.Doubles([1], 1), b = Make.Doubles([1], 2), alias = a.Alias(), view = a.Detach();
        Graft.Exchange([a], [b]);

        Assert.Equal(2, alias.Item()); // the same tensor
        Assert.Equal(1, view.Item()); // another tensor on the storage that went away
    }

    [Fact]
    public void PartsOfAStorageAreExchanged()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor whole = Make.Doubles([3], 1, 2, 3), part = whole.Narrow(0, 2, 1), other = Make.Doubles([1], 9);
        Graft.Exchange([part], [other]);

        Assert.Equal(9, part.Item());
        Assert.Equal(3, other.Item());
        other.CopyFrom(Make.Doubles([1], 30));
        Assert.Equal([1.0, 2, 30], whole.ToArray<double>());
    }

    [Fact]
    public void TheEmptyGraftIsAllowed() => Graft.Exchange([], []);

    [Fact]
    public void GradientsFollowTheNewStorage()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([1, 1], 1), a = Make.Doubles([1, 1], 2), b = Make.Doubles([1, 1], 5);
        a.RequiresGrad = true;
        Graft.Exchange([a], [b]);
        Tensor loss = Transformer.Linear(x, a).Square().Sum();

        Assert.Equal(25, loss.Item());
        Assert.Equal(10, Autograd.Gradients(loss, [a])[0]!.Item());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AStaleGraphIsRefused(bool linear)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Parameter(1, ElementType.Float64, 2, 3), weight = Make.Random(2, 3, 3), other = Make.Random(3, 3, 3);
        Tensor loss = (linear ? Transformer.Linear(x, weight) : x.MatMul(weight)).Sum();
        Graft.Exchange([weight], [other]);

        Expect.Failure(NativeStatus.InvalidArgument, () => Autograd.Gradients(loss, [x]), "autograd_grad", "modified by an inplace operation");
    }

    public static TheoryData<string, NativeStatus> Refusals => new()
    {
        { "shape", NativeStatus.InvalidArgument },
        { "strides", NativeStatus.InvalidArgument },
        { "type", NativeStatus.TypeMismatch },
        { "result", NativeStatus.InvalidArgument },
        { "itself", NativeStatus.InvalidArgument },
        { "alias of itself", NativeStatus.InvalidArgument },
        { "of an earlier pair", NativeStatus.InvalidArgument },
    };

    // The refused pair comes second: the first, which is sound, must not have been exchanged.
    [Theory]
    [MemberData(nameof(Refusals))]
    public void ARefusalLeavesEverythingAsItWas(string reason, NativeStatus status)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Make.Parameter(1, ElementType.Float64, 2, 2), b = Make.Random(2, 2, 2), second = Make.Random(3, 2, 2);
        Tensor against = reason switch
        {
            "shape" => Make.Random(4, 2, 3),
            "strides" => Make.Random(4, 2, 3).Narrow(1, 0, 2),
            "type" => Make.Random(4, 2, 2).To(ElementType.Float32, Device.Cpu),
            "result" => a.Square(),
            "itself" => second,
            "alias of itself" => second.Alias(),
            _ => b.Alias(),
        };
        Tensor[] all = [a, b, second, against];
        ulong[] addresses = Addresses(all);

        Expect.Failure(status, () => Graft.Exchange([a, second], [b, against]), "graft_exchange", "pair 1");

        Assert.Equal(addresses, Addresses(all));
        Tensor loss = a.Square().Sum();
        Assert.NotNull(Autograd.Gradients(loss, [a])[0]);
    }

    [Fact]
    public void TheListsAreOfOneLength()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Make.Doubles([1], 1), b = Make.Doubles([1], 2);
        Expect.Failure(NativeStatus.InvalidArgument, () => Graft.Exchange([a, b], [b]), "2 tensors against 1");
        Assert.Equal(1, a.Item());
    }

    private static ulong[] Addresses(Tensor[] tensors) => [.. tensors.Select(tensor => tensor.Address)];
}
