using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

public sealed class AutogradTests : LedgerTest
{
    [Fact]
    public void GradientsComeInTheOrderOfTheInputs()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Leaf(2, 3), b = Leaf(5, 7);
        Tensor?[] gradients = Autograd.Gradients((a * b).Sum(), [b, a]);

        Assert.Equal([2.0, 3.0], gradients[0]!.ToArray<double>());
        Assert.Equal([5.0, 7.0], gradients[1]!.ToArray<double>());
    }

    [Fact]
    public void AnInputThatDoesNotMatterHasNoGradient()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Leaf(2, 3), b = Leaf(5, 7);
        Tensor?[] gradients = Autograd.Gradients(a.Square().Sum(), [b, a]);

        Assert.Null(gradients[0]);
        Assert.Equal([4.0, 6.0], gradients[1]!.ToArray<double>());
    }

    [Fact]
    public void IntermediateResultsHaveGradientsToo()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Leaf(2, 3), square = a.Square();
        Tensor?[] gradients = Autograd.Gradients((10 * square).Sum(), [square]);

        Assert.Equal([10.0, 10.0], gradients[0]!.ToArray<double>());
    }

    [Fact]
    public void AGradientCanBeTakenOnFromTheMiddle()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Leaf(2, 3), square = a.Square(), weights = Make.Doubles([2], 10, 100);

        Assert.Equal([40.0, 600.0], Autograd.Gradients(square, weights, [a])[0]!.ToArray<double>());
        Expect.Failure(NativeStatus.InvalidArgument, () => Autograd.Gradients(a.Square(), Make.Doubles([1], 1), [a]), "autograd_grad", "[1]");
    }

    [Fact]
    public void RecordingCanBeAskedFor()
    {
        Assert.True(GradMode.IsOn);
        using GradMode off = GradMode.Off();
        Assert.False(GradMode.IsOn);
    }

    [Fact]
    public void NothingIsKeptOnTheInputs()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Leaf(2, 3);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal([4.0, 6.0], Autograd.Gradients(a.Square().Sum(), [a])[0]!.ToArray<double>());
        }
    }

    [Fact]
    public void TheGraphIsGoneAfterwards()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Leaf(2, 3), loss = a.Square().Sum();
        Autograd.Gradients(loss, [a]);

        Expect.Failure(NativeStatus.InvalidArgument, () => Autograd.Gradients(loss, [a]), "autograd_grad", "second time");
    }

    [Fact]
    public void TheLossHasOneElementAndAGraph()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Leaf(2, 3), constant = Make.Doubles([2], 1, 1);

        Expect.Failure(NativeStatus.InvalidArgument, () => Autograd.Gradients(a.Square(), [a]), "autograd_grad", "shape [2]");
        Expect.Failure(NativeStatus.InvalidArgument, () => Autograd.Gradients(constant.Sum(), [a]), "autograd_grad", "no tensor that requires gradients");
        Expect.Failure(NativeStatus.InvalidArgument, () => Autograd.Gradients(a.Sum(), [a, constant]), "autograd_grad", "input 1");
        Expect.Failure(NativeStatus.InvalidArgument, () => Autograd.Gradients(a.Sum(), []), "autograd_grad", "no inputs");
        Assert.Equal([1.0, 1.0], Autograd.Gradients(a.Sum().Reshape(1, 1), [a])[0]!.ToArray<double>());
    }

    [Fact]
    public void AWeightThatChangedSinceForwardIsRefused()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([1, 2], 1, 2), weight = Leaf(2, 3).Reshape(1, 2).Detach();
        weight.RequiresGrad = true;
        x.RequiresGrad = true;

        Tensor loss = Transformer.Linear(x, weight).Sum();
        weight.CopyFrom(x);
        Expect.Failure(NativeStatus.InvalidArgument, () => Autograd.Gradients(loss, [x]), "autograd_grad", "modified by an inplace operation");

        loss = Transformer.Linear(x, weight).Sum();
        OptimizerSteps.Sgd([weight], [x], 0.1, 0);
        Expect.Failure(NativeStatus.InvalidArgument, () => Autograd.Gradients(loss, [x]), "autograd_grad", "modified by an inplace operation");
    }

    [Fact]
    public void OnlyALeafCanBeSwitched()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Leaf(2, 3);
        Expect.Failure(NativeStatus.InvalidArgument, () => a.Square().RequiresGrad = false, "tensor_set_requires_grad", "leaf");
        Expect.Failure(NativeStatus.InvalidArgument, () => Tensor.From<long>([1, 2]).RequiresGrad = true, "tensor_set_requires_grad", "floating");
        a.RequiresGrad = false;
        Assert.False(a.Square().RequiresGrad);
    }

    private static Tensor Leaf(params double[] values)
    {
        Tensor leaf = Make.Doubles([values.Length], values);
        leaf.RequiresGrad = true;
        return leaf;
    }
}
