namespace Hybrid.Orchestrator.Model;

/// <summary>Llama 3.1's stretching of the rotary embedding: <c>rope_scaling</c> with <c>rope_type</c> llama3.</summary>
/// <param name="Factor">By how much low frequencies are slowed.</param>
/// <param name="LowFrequencyFactor">Wavelengths longer than the original context over this are slowed fully.</param>
/// <param name="HighFrequencyFactor">Wavelengths shorter than the original context over this are left alone.</param>
/// <param name="OriginalContext">Context length of the original training, in tokens.</param>
public sealed record RopeScaling(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, long OriginalContext);
