namespace Hybrid.Interop.Tests.Support;

/// <summary>Compares the gradients of a function with central differences, in float64.</summary>
internal static class FiniteDifferences
{
    private const double Step = 1e-5;

    /// <summary>
    /// The scalar that is differentiated is the sum of the function's elements under fixed random weights, so that every element
    /// of the result counts differently. Truncation and rounding together leave about 1e-9 of error; 1e-7 is allowed.
    /// </summary>
    public static void Check(Func<Tensor[], Tensor> function, params (long[] Shape, double[] Values)[] inputs)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor[] leaves = [.. inputs.Select(input => Make.Doubles(input.Shape, input.Values))];
        foreach (Tensor leaf in leaves)
        {
            leaf.RequiresGrad = true;
        }

        Tensor?[] gradients = Autograd.Gradients(Scalar(function(leaves)), leaves);
        for (int i = 0; i < inputs.Length; i++)
        {
            Expect.Close(Differences(function, inputs, i), gradients[i]!.ToDoubles(), 1e-7);
        }
    }

    /// <summary>The same with random inputs of the given shapes.</summary>
    public static void Check(Func<Tensor[], Tensor> function, params long[][] shapes) =>
        Check(function, [.. shapes.Select((shape, i) => (shape, Make.Numbers(100 + i, shape.Aggregate(1L, (product, size) => product * size))))]);

    private static double[] Differences(Func<Tensor[], Tensor> function, (long[] Shape, double[] Values)[] inputs, int which)
    {
        double[] differences = new double[inputs[which].Values.Length];
        for (int element = 0; element < differences.Length; element++)
        {
            differences[element] = (Evaluate(element, Step) - Evaluate(element, -Step)) / (2 * Step);
        }

        return differences;

        double Evaluate(int element, double shift)
        {
            using TensorScope scope = TensorScope.Begin();
            using GradMode off = GradMode.Off();
            double[] moved = [.. inputs[which].Values];
            moved[element] += shift;
            Tensor[] tensors = [.. inputs.Select((input, i) => Make.Doubles(input.Shape, i == which ? moved : input.Values))];
            return Scalar(function(tensors)).Item();
        }
    }

    private static Tensor Scalar(Tensor result) => (result * Make.Random(7, result.Shape)).Sum();
}
