namespace Hybrid.Orchestrator.Model;

/// <summary>The rotary position embedding's frequencies.</summary>
internal static class RotaryEmbedding
{
    /// <summary>Radians per position of each pair, [E/2]: theta^(−2j/E), then scaled where the model asks for it.</summary>
    public static double[] InverseFrequencies(LlamaConfig config)
    {
        double[] frequencies = new double[config.HeadDimension / 2];
        for (int j = 0; j < frequencies.Length; j++)
        {
            double plain = 1.0 / Math.Pow(config.RopeTheta, 2.0 * j / config.HeadDimension);
            frequencies[j] = config.RopeScaling is { } scaling ? Scale(plain, scaling) : plain;
        }

        return frequencies;
    }

    /// <summary>Long wavelengths divided by the factor, short ones kept, the band between blended linearly in original context / wavelength.</summary>
    private static double Scale(double frequency, RopeScaling scaling)
    {
        double turns = scaling.OriginalContext * frequency / (2 * Math.PI); // how often the pair turns within the original context
        if (turns < scaling.LowFrequencyFactor)
        {
            return frequency / scaling.Factor;
        }

        if (turns > scaling.HighFrequencyFactor)
        {
            return frequency;
        }

        double smooth = (turns - scaling.LowFrequencyFactor) / (scaling.HighFrequencyFactor - scaling.LowFrequencyFactor);
        return ((1 - smooth) * frequency / scaling.Factor) + (smooth * frequency);
    }
}
