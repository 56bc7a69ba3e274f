namespace Hybrid.Interop.Tests.Support;

/// <summary>The parts of a Llama written as plain loops in float64.</summary>
internal static class PlainLoops
{
    public static double[] Linear(double[] x, double[] weight, int width)
    {
        int rows = x.Length / width, outputs = weight.Length / width;
        return [.. from row in Enumerable.Range(0, rows)
                   from output in Enumerable.Range(0, outputs)
                   select Dot(x.AsSpan(row * width, width), weight.AsSpan(output * width, width))];
    }

    public static double[] RmsNorm(double[] x, double[] weight, double epsilon) =>
        [.. x.Chunk(weight.Length).SelectMany(row => row.Select((value, j) => value / Math.Sqrt(row.Average(v => v * v) + epsilon) * weight[j]))];

    public static double[] SwiGlu(double[] gate, double[] up) => [.. gate.Zip(up, (g, u) => g / (1 + Math.Exp(-g)) * u)];

    public static double[] TokenNll(double[] logits, long[] targets) =>
        [.. logits.Chunk(logits.Length / targets.Length).Select((row, i) => Math.Log(row.Sum(Math.Exp)) - row[targets[i]])];

    public static double[] Attention(double[] q, double[] k, double[] v, long[] offsets, int heads, int groups, double[] frequencies)
    {
        int size = 2 * frequencies.Length;
        double[] result = new double[q.Length];
        for (int b = 0; b + 1 < offsets.Length; b++)
        {
            for (int head = 0; head < heads; head++)
            {
                int group = head / (heads / groups), first = (int)offsets[b];
                for (int row = first; row < offsets[b + 1]; row++)
                {
                    double[] query = Turned(q, (row * heads) + head, row - first, frequencies);
                    double[] weights = [.. Enumerable.Range(first, row - first + 1).Select(at => Math.Exp(Dot(query, Turned(k, (at * groups) + group, at - first, frequencies)) / Math.Sqrt(size)))];
                    for (int e = 0; e < size; e++)
                    {
                        result[(((row * heads) + head) * size) + e] = weights.Select((weight, i) => weight * v[((((first + i) * groups) + group) * size) + e]).Sum() / weights.Sum();
                    }
                }
            }
        }

        return result;
    }

    // Pair (j, j + E/2) of vector `index`, turned by position · frequency.
    private static double[] Turned(double[] x, int index, int position, double[] frequencies)
    {
        int half = frequencies.Length;
        double[] result = new double[2 * half];
        for (int j = 0; j < half; j++)
        {
            (double sin, double cos) = Math.SinCos(position * frequencies[j]);
            double a = x[(index * 2 * half) + j], b = x[(index * 2 * half) + j + half];
            result[j] = (a * cos) - (b * sin);
            result[j + half] = (b * cos) + (a * sin);
        }

        return result;
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }
}
