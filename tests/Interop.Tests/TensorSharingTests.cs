using System.Runtime.InteropServices;
using Hybrid.Interop.Tests.Support;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Interop.Tests;

/// <summary>Tensors of another library that uses the same LibTorch, as TorchSharp does: shared both ways, whoever frees first.</summary>
public sealed class TensorSharingTests : LedgerTest
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AForeignTensorIsSharedAndNotCopied(bool requiresGrad)
    {
        using ForeignTensor theirs = ForeignTensor.Make([1, 2, 3, 4, 5, 6], [2, 3], requiresGrad);
        using (Tensor ours = Tensor.FromAtTensor(theirs.Pointer))
        {
            Assert.Equal(2, theirs.UseCount);
            Assert.Equal([2L, 3L], ours.Shape);
            Assert.Equal(ElementType.Float64, ours.ElementType);
            Assert.Equal(Device.Cpu, ours.Device);
            Assert.Equal(theirs.Address, ours.Address);
            Assert.Equal(requiresGrad, ours.RequiresGrad);
            Assert.Equal([1.0, 2, 3, 4, 5, 6], ours.ToArray<double>());

            theirs.Fill(7);
            Assert.Equal([7.0, 7, 7, 7, 7, 7], ours.ToArray<double>());
            ours.RequiresGrad = !requiresGrad;
            Assert.Equal(!requiresGrad, theirs.RequiresGrad);
        }

        Assert.Equal(1, theirs.UseCount);
        Assert.Equal([7.0, 7, 7, 7, 7, 7], theirs.Read());
    }

    [Fact]
    public void OursOutlivesTheirs()
    {
        ForeignTensor theirs = ForeignTensor.Make([1, 2], [2]);
        using Tensor ours = Tensor.FromAtTensor(theirs.Pointer);
        theirs.Dispose();
        Assert.Equal([1.0, 2], ours.ToArray<double>());
    }

    [Fact]
    public void WhatIsGivenAwayOutlivesOurs()
    {
        Tensor ours = Make.Doubles([2], 3, 4);
        ulong address = ours.Address;
        long handles = Runtime.LiveHandles;
        using ForeignTensor theirs = ForeignTensor.Own(ours.ToAtTensor(), 2);
        Assert.Equal(handles, Runtime.LiveHandles);
        Assert.Equal(2, theirs.UseCount);
        ours.Dispose();
        Assert.Equal(1, theirs.UseCount);
        Assert.Equal(address, theirs.Address);
        Assert.Equal([3.0, 4.0], theirs.Read());
    }

    [Fact]
    public void TheHandleIsLentWhileTheTensorLives()
    {
        Tensor ours = Make.Doubles([2], 3, 4);
        using (ForeignTensor view = ForeignTensor.Own(ours.AtTensorHandle, 2).Detach()) // reads it, and frees the view alone
        {
            Assert.Equal([3.0, 4.0], view.Read());
        }

        ours.Dispose();
        Assert.Throws<ObjectDisposedException>(() => ours.AtTensorHandle);
        Assert.Throws<ObjectDisposedException>(() => ours.ToAtTensor());
    }

    [Fact]
    public void AScopeFreesOurHandleAndNotTheirTensor()
    {
        using ForeignTensor theirs = ForeignTensor.Make([1, 2], [2]);
        using (TensorScope scope = TensorScope.Begin())
        {
            Tensor.FromAtTensor(theirs.Pointer);
            Assert.Equal(2, theirs.UseCount);
        }

        Assert.Equal(1, theirs.UseCount);
    }

    [Fact]
    public void AGraftIsSeenThroughTheForeignTensorAndNotThroughItsOlderViews()
    {
        using ForeignTensor theirs = ForeignTensor.Make([1, 2, 3], [3], requiresGrad: true);
        using ForeignTensor view = theirs.Detach();
        ulong place = theirs.Address;
        using Tensor ours = Tensor.FromAtTensor(theirs.Pointer), other = Make.Doubles([3], 7, 8, 9);
        ulong othersPlace = other.Address;

        Graft.Exchange([ours], [other]);

        Assert.Equal([7.0, 8, 9], theirs.Read());
        Assert.Equal(othersPlace, theirs.Address);
        Assert.True(theirs.RequiresGrad);
        Assert.Equal([1.0, 2, 3], other.ToArray<double>());
        Assert.Equal(place, view.Address);
        Assert.Equal([1.0, 2, 3], view.Read());
    }

    [Fact]
    public void GradientsReachAForeignParameter()
    {
        using ForeignTensor theirs = ForeignTensor.Make([1, 2, 3], [3], requiresGrad: true);
        using TensorScope scope = TensorScope.Begin();
        Tensor ours = Tensor.FromAtTensor(theirs.Pointer);
        Assert.Equal([2.0, 4, 6], Autograd.Gradients((ours * ours).Sum(), [ours])[0]!.ToArray<double>());
    }

    [Fact]
    public void WhatIsNoTensorIsRefused()
    {
        using ForeignTensor undefined = ForeignTensor.Undefined();
        Expect.Failure(NativeStatus.InvalidArgument, () => Tensor.FromAtTensor(0), "tensor_from_at", "at_tensor is null");
        Expect.Failure(NativeStatus.InvalidArgument, () => Tensor.FromAtTensor(undefined.Pointer), "tensor_from_at", "undefined");
    }

    [Fact]
    public void ASecondLibTorchInTheProcessIsRefused()
    {
        using ForeignTensor theirs = ForeignTensor.Make([1], [1]);
        string one = Assert.Single(Runtime.LibTorchPaths);
        nint second = NativeLibrary.Load(ForeignTensor.SecondLibTorch);
        try
        {
            Assert.Equal([one, ForeignTensor.SecondLibTorch], Runtime.LibTorchPaths);
            Expect.Failure(NativeStatus.InvalidArgument, () => Tensor.FromAtTensor(theirs.Pointer), "tensor_from_at", $"2 LibTorches: {one} and {ForeignTensor.SecondLibTorch}");
        }
        finally
        {
            NativeLibrary.Free(second);
        }

        using Tensor ours = Tensor.FromAtTensor(theirs.Pointer);
        Assert.Single(Runtime.LibTorchPaths);
    }
}
